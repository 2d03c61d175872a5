// The members of a JSON object with the bytes of their values, so that a part can be replaced and the rest kept as it came. Pure.

/**
 * The members of a JSON object as raw text. Null where the text is not one JSON object, or a key stands twice. The text is checked
 * by JSON.parse first, so the walk may rely on it being well formed.
 */
export function topLevelMembers(text: string): Map<string, string> | null {
  return readMembers(text)?.members ?? null;
}

/** The same, and what JSON.parse makes of it. */
export function readMembers(
  text: string,
): { members: Map<string, string>; parsed: Record<string, unknown> } | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return null;
  const members = new Map<string, string>();
  let at = text.indexOf('{') + 1;
  for (;;) {
    const keyStart = text.indexOf('"', at);
    if (keyStart === -1) return { members, parsed: parsed as Record<string, unknown> };
    const keyEnd = skipString(text, keyStart);
    const key = JSON.parse(text.slice(keyStart, keyEnd)) as string;
    const start = text.indexOf(':', keyEnd) + 1;
    const end = skipValue(text, start);
    if (members.has(key)) return null;
    members.set(key, text.slice(start, end).trim());
    at = end + 1;
  }
}

/** The entries of a JSON array as raw text. The text must be a well-formed array. */
export function listEntries(text: string): string[] {
  const entries: string[] = [];
  for (let at = text.indexOf('[') + 1; ;) {
    const end = skipValue(text, at);
    const entry = text.slice(at, end).trim();
    // Only an empty array has an empty entry.
    if (entry !== '') entries.push(entry);
    if (text.charCodeAt(end) !== 0x2c) return entries;
    at = end + 1;
  }
}

function skipString(text: string, at: number): number {
  for (let n = at + 1; ; n += 1) {
    const code = text.charCodeAt(n);
    if (code === 0x5c) n += 1;
    else if (code === 0x22) return n + 1;
  }
}

// Up to the comma or bracket that ends the value at this level.
function skipValue(text: string, at: number): number {
  let depth = 0;
  for (let n = at; ; n += 1) {
    const code = text.charCodeAt(n);
    if (code === 0x22) n = skipString(text, n) - 1;
    else if (code === 0x7b || code === 0x5b) depth += 1;
    else if (depth === 0 && (code === 0x2c || code === 0x7d || code === 0x5d)) return n;
    else if (code === 0x7d || code === 0x5d) depth -= 1;
  }
}
