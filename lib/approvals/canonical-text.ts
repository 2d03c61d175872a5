// Canonical JSON as people read it: nothing is rounded, hidden or left out, because what is shown is what is approved. Pure.
import type { ArgumentJson } from '../policy/argument-map';

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/g;

/** The value of a JSON text that a decoder of ours wrote; a number that JavaScript would change stays text. Throws where it is none. */
export function parseCanonical(text: string): ArgumentJson {
  const tokens = text.match(TOKEN) ?? [];
  let at = 0;
  const next = () => {
    const token = tokens[at];
    at += 1;
    if (token === undefined) throw new Error('the JSON text ends too soon');
    return token;
  };
  const list = (end: string, entry: () => void) => {
    if (tokens[at] === end) return void next();
    do entry();
    while (next() === ',');
  };
  const value = (): ArgumentJson => {
    const token = next();
    if (token === '[') {
      const entries: ArgumentJson[] = [];
      list(']', () => entries.push(value()));
      return entries;
    }
    if (token === '{') {
      const members = new Map<string, ArgumentJson>();
      list('}', () => {
        const key = JSON.parse(next()) as string;
        next();
        members.set(key, value());
      });
      return members;
    }
    const read = JSON.parse(token) as string | number | boolean | null;
    return typeof read === 'number' && String(read) !== token ? { text: token } : read;
  };
  return value();
}

/** The same text with line breaks, its numbers and strings byte for byte. */
export function indented(text: string): string {
  let depth = 0;
  let line = '';
  const tokens = text.match(TOKEN) ?? [];
  for (const [at, token] of tokens.entries()) {
    const isOpen = token === '{' || token === '[';
    const closesAtOnce = tokens[at + 1] === '}' || tokens[at + 1] === ']';
    if (isOpen) depth += 1;
    if ((token === '}' || token === ']') && !/[{[]$/.test(line)) line += `\n${'  '.repeat((depth -= 1))}`;
    else if (token === '}' || token === ']') depth -= 1;
    line += token === ':' ? ': ' : token;
    if ((isOpen && !closesAtOnce) || token === ',') line += `\n${'  '.repeat(depth)}`;
  }
  return visible(line);
}

/** Characters that show nothing, or turn others around, are spelled out: they must not hide what a text says. */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (sign) =>
    sign === '\n' ? sign : `\\u{${sign.codePointAt(0)!.toString(16)}}`,
  );
}
