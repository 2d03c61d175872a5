// What in a new or changed definition an admin should look at twice. A judgement of texts and schemas, not a proof: it marks, and
// never opens or closes anything. Pure.
import { classify, type ToolClass, type ToolDefinition } from './classify';

export const DANGERS = [
  ...(['required_added', 'argument_removed', 'argument_widened', 'hint_flipped', 'class'] as const),
  ...(['instructs', 'invisible', 'odd_name', 'url', 'encoded'] as const),
] as const;
export type DangerId = (typeof DANGERS)[number];

/** `high`: read it before anything else. `look`: often harmless. `sentence` quotes Asana's text with what is invisible made visible. */
export interface Danger {
  id: DangerId;
  severity: 'high' | 'look';
  sentence: string;
}

/** What to look at in `after`, the worst first; `before` null: a tool that nobody knew. */
export function judgeDanger(before: ToolDefinition | null, after: ToolDefinition): Danger[] {
  const dangers = [
    ...judgeTexts(before, after),
    ...judgeClass(before, after),
    ...(before ? judgeHints(before, after) : []),
    ...(before ? judgeArguments(before.inputSchema, after.inputSchema, '') : []),
  ];
  return [
    ...dangers.filter(({ severity }) => severity === 'high'),
    ...dangers.filter(({ severity }) => severity === 'look'),
  ];
}

const danger = (id: DangerId, severity: Danger['severity'], sentence: string): Danger => ({
  ...{ id, severity, sentence },
});

// --- What is said to the model ---

/** Words that speak to a model as somebody who may give it orders (attack catalogue: RF-25, MCP03). */
const ORDERS: readonly RegExp[] = [
  /\b(?:ignore|disregard|forget|override)\b[^.]{0,40}\b(?:all|any|previous|prior|earlier|other|above|instructions?|rules?|tools?)\b/,
  /\binstead of\b/,
  /\b(?:always|first|must|should)\s+(?:call|use|run|invoke|send|include|pass|add)\b/,
  /\bbefore\s+(?:using|calling|running|you\s+(?:use|call|run))\b/,
  /\b(?:do not|don['\u2019]?t|never|without)\s+(?:to\s+)?(?:tell|telling|ask|asking|mention|mentioning|inform|informing|show|showing|reveal|revealing|warn|warning|notify|notifying|confirm|confirming|confirmation)\b/,
  /\b(?:system prompt|hidden instruction|secret instruction|developer message)/,
  /<\/?(?:important|system|instructions?|admin|assistant|user)>/,
  /\b(?:passwords?|api[ _-]?keys?|access[ _-]?tokens?|private[ _-]?keys?|credentials?|\.env|ssh[ _-]?keys?)\b/,
  /\b(?:send|forward|upload|post|copy|exfiltrate)\b[^.]{0,60}\b(?:to|at)\s+\S+@/,
];
/** Zero-width, bidirectional, tag and other characters that show nothing, or show another order than they have. */
const INVISIBLE =
  /(?![\t\n\r])[\p{Cc}\p{Cf}\u115f\u1160\u17b4\u17b5\u180b-\u180d\u3164\uffa0\ufff0-\ufffb\u{e0000}-\u{e0fff}]|[\ufe00-\ufe0f]|\u034f/gu;
const URL_TEXT = /\b(?:https?|ftp|file|data|javascript|wss?):[^\s"'<>)\]]+|\bwww\.[^\s"'<>)\]]+/gi;
/** The address of the language that schemas are written in (JSON Schema 2020-12 §8.1.1): a name, and nobody goes there. */
const SCHEMA_DIALECT = /^https?:\/\/json-schema\.org\/[\w./-]*#?$/;
const ENCODED = /[A-Za-z0-9+/_-]{80,}={0,2}/g;
const QUOTED_CHARS = 160;

function judgeTexts(before: ToolDefinition | null, after: ToolDefinition): Danger[] {
  const old = textsOf(before);
  const known = new Set(old);
  const fresh = textsOf(after).filter((text) => !known.has(text));
  const oldSentences = new Set(old.flatMap(sentencesOf).map(plain));
  const orders = fresh.flatMap(sentencesOf).filter((sentence) => {
    const said = plain(sentence);
    return !oldSentences.has(said) && ORDERS.some((order) => order.test(said));
  });
  const hidden = fresh.filter((text) => text.match(INVISIBLE));
  const oldUrls = new Set(old.flatMap((text) => text.match(URL_TEXT) ?? []));
  const urls = new Set(
    fresh
      .flatMap((text) => text.match(URL_TEXT) ?? [])
      .filter((url) => !oldUrls.has(url) && !SCHEMA_DIALECT.test(url)),
  );
  const encoded = fresh.flatMap((text) => text.replace(URL_TEXT, ' ').match(ENCODED) ?? []);
  const odd = [after.name, ...argumentNames(after.inputSchema)].filter(
    (name) => !/^[\w.$:/-]+$/.test(name) && !known.has(name),
  );
  return [
    ...orders.map((text) =>
      danger('instructs', 'high', `It tells the model what to do: \u201c${quote(text)}\u201d`),
    ),
    ...hidden.map((text) =>
      danger(
        'invisible',
        'high',
        `It holds characters that nobody sees: \u201c${quote(aroundHidden(text))}\u201d`,
      ),
    ),
    ...[...new Set(odd)].map((name) =>
      danger(
        'odd_name',
        'high',
        `A name is not plain letters, digits and underscores: \u201c${quote(name)}\u201d`,
      ),
    ),
    ...encoded.map((text) =>
      danger(
        'encoded',
        'high',
        `It holds a long encoded text, which a model may decode: \u201c${quote(text)}\u201d`,
      ),
    ),
    ...[...urls].map((url) =>
      danger('url', isAsanas(url) ? 'look' : 'high', `It names an address: \u201c${quote(url)}\u201d`),
    ),
  ];
}

/** Every text of a definition, keys included. */
function textsOf(value: unknown, depth = 0): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null || depth > 200) return [];
  return Array.isArray(value)
    ? value.flatMap((entry) => textsOf(entry, depth + 1))
    : Object.entries(value).flatMap(([key, entry]) => [key, ...textsOf(entry, depth + 1)]);
}

const sentencesOf = (text: string): string[] => text.split(/(?<=[.!?])\s+|\n+/).filter((part) => part.trim());

/** As a reader takes it: no invisible characters, no look-alike letters, no case. */
const plain = (text: string): string =>
  text.normalize('NFKC').replace(INVISIBLE, '').replace(/\s+/g, ' ').trim().toLowerCase();

function isAsanas(url: string): boolean {
  try {
    const { protocol, hostname } = new URL(url.startsWith('www.') ? `https://${url}` : url);
    return protocol === 'https:' && /^(?:.+\.)?asana\.com$/.test(hostname);
  } catch {
    return false;
  }
}

function aroundHidden(text: string): string {
  const at = text.search(INVISIBLE);
  return text.slice(Math.max(0, at - 40), at + 80);
}

/** Shortened, with what is invisible spelt out as `[U+200B]`. */
function quote(text: string): string {
  const all = Array.from(text.trim());
  const shown = all.slice(0, QUOTED_CHARS).join('');
  const spelt = shown.replace(
    INVISIBLE,
    (char) => `[U+${char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}]`,
  );
  return all.length > QUOTED_CHARS ? `${spelt}\u2026` : spelt;
}

// --- What it may do ---

const CLASS_WORDS: Record<ToolClass, string> = {
  read: 'reading',
  write: 'writing',
  destructive: 'changing or deleting what exists',
  internal: 'the buttons of widgets',
  unknown: 'what Asana does not say; count it as destructive',
};
const RISK: Record<ToolClass, number> = { read: 0, write: 1, destructive: 2, internal: 2, unknown: 2 };

function judgeClass(before: ToolDefinition | null, after: ToolDefinition): Danger[] {
  const now = classify(after);
  if (before === null)
    return RISK[now] < 2 ? [] : [danger('class', 'look', `It is for ${CLASS_WORDS[now]}.`)];
  const was = classify(before);
  if (was === now) return [];
  const sentence = `It was for ${CLASS_WORDS[was]}, and is now for ${CLASS_WORDS[now]}.`;
  return [danger('class', RISK[now] >= RISK[was] ? 'high' : 'look', sentence)];
}

/** Hint, the value that promises less harm, and what the hint says where it is set and where it is not. */
const HINTS = [
  ['readOnlyHint', true, 'it only reads', 'it does not only read'],
  ['destructiveHint', false, 'it can destroy', 'it does not destroy'],
  ['idempotentHint', true, 'it may be repeated', 'it may not be repeated'],
  ['openWorldHint', false, 'it reaches beyond Asana', 'it stays within Asana'],
] as const;

function judgeHints(before: ToolDefinition, after: ToolDefinition): Danger[] {
  return HINTS.flatMap(([hint, safe, yes, no]) => {
    const [was, now] = [before.annotations?.[hint], after.annotations?.[hint]];
    if (was === now) return [];
    const sentence =
      typeof now === 'boolean'
        ? `Asana now says that ${now ? yes : no}.`
        : `Asana no longer says whether ${yes}.`;
    return [danger('hint_flipped', now === safe ? 'look' : 'high', sentence)];
  });
}

// --- What it takes ---

type Schema = Record<string, unknown>;
const isObject = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const propertiesOf = (schema: unknown): Schema =>
  isObject(schema) && isObject(schema.properties) ? schema.properties : {};
const textList = (value: unknown): string[] =>
  Array.isArray(value) ? value.map((entry) => JSON.stringify(entry)) : [];

function argumentNames(schema: unknown, depth = 0): string[] {
  if (!isObject(schema) || depth > 20) return [];
  const own = propertiesOf(schema);
  return [
    ...Object.keys(own),
    ...[...Object.values(own), schema.items, ...variantsOf(schema)].flatMap((inner) =>
      argumentNames(inner, depth + 1),
    ),
  ];
}

const variantsOf = (schema: Schema): unknown[] =>
  ['anyOf', 'oneOf', 'allOf'].flatMap((key) =>
    Array.isArray(schema[key]) ? (schema[key] as unknown[]) : [],
  );

/** Arguments at any depth; `path` is that of the object they belong to. */
function judgeArguments(before: unknown, after: unknown, path: string, depth = 0): Danger[] {
  if (!isObject(before) || !isObject(after) || depth > 20) return [];
  const [old, now] = [propertiesOf(before), propertiesOf(after)];
  const required = (schema: Schema) => new Set(textList(schema.required));
  const [oldRequired, nowRequired] = [required(before), required(after)];
  const named = (name: string) => (path === '' ? name : `${path}.${name}`);
  return [
    ...[...nowRequired]
      .filter((name) => !oldRequired.has(name))
      .map((name) => {
        const argument = named(JSON.parse(name) as string);
        return danger(
          'required_added',
          'high',
          `${argument} must be given from now on; agents that leave it out fail.`,
        );
      }),
    ...Object.keys(old)
      .filter((name) => !(name in now))
      .map((name) =>
        danger('argument_removed', 'high', `${named(name)} is gone; what it kept in bounds is not any more.`),
      ),
    ...(before.additionalProperties === false && after.additionalProperties !== false
      ? [danger('argument_widened', 'high', `${path || 'It'} takes arguments now that it does not name.`)]
      : []),
    ...Object.keys(old)
      .filter((name) => name in now)
      .flatMap((name) => [
        ...judgeBounds(old[name], now[name], named(name)),
        ...judgeArguments(old[name], now[name], named(name), depth + 1),
        ...judgeItems(old[name], now[name], named(name), depth + 1),
      ]),
  ];
}

function judgeItems(before: unknown, after: unknown, path: string, depth: number): Danger[] {
  if (!isObject(before) || !isObject(after) || !isObject(before.items) || !isObject(after.items)) return [];
  const each = `${path}[]`;
  return [
    ...judgeBounds(before.items, after.items, each),
    ...judgeArguments(before.items, after.items, each, depth),
    ...judgeItems(before.items, after.items, each, depth + 1),
  ];
}

/** Whether what an argument may be got wider: more values, more types, larger bounds. */
function judgeBounds(before: unknown, after: unknown, path: string): Danger[] {
  if (!isObject(before) || !isObject(after)) return [];
  const widened = (sentence: string) => danger('argument_widened', 'high', `${path} ${sentence}`);
  const values = (schema: Schema) =>
    'const' in schema
      ? [JSON.stringify(schema.const)]
      : Array.isArray(schema.enum)
        ? textList(schema.enum)
        : null;
  const [oldValues, nowValues] = [values(before), values(after)];
  const more = nowValues?.filter((value) => !oldValues?.includes(value)) ?? [];
  const types = (schema: Schema) =>
    [schema, ...variantsOf(schema)].flatMap((one) =>
      isObject(one)
        ? Array.isArray(one.type)
          ? (one.type as unknown[])
          : one.type === undefined
            ? []
            : [one.type]
        : [],
    );
  const [oldTypes, nowTypes] = [types(before), types(after)];
  const moreTypes = nowTypes.filter((type) => !oldTypes.includes(type));
  const grows = (key: string, isUpper: boolean) => {
    const [was, now] = [before[key], after[key]];
    if (typeof was !== 'number' || was === now) return false;
    return typeof now !== 'number' || (isUpper ? now > was : now < was);
  };
  return [
    ...(oldValues && !nowValues ? [widened('takes any value now, not only those of a list.')] : []),
    ...(oldValues && more.length > 0 ? [widened(`takes more values now: ${quote(more.join(', '))}.`)] : []),
    ...(oldTypes.length > 0 && nowTypes.length === 0 ? [widened('takes values of any type now.')] : []),
    ...(oldTypes.length > 0 && moreTypes.length > 0
      ? [widened(`takes other types now: ${quote(moreTypes.join(', '))}.`)]
      : []),
    ...(['maxItems', 'maxLength', 'maximum', 'maxProperties'].some((key) => grows(key, true))
      ? [widened('takes more or larger values now.')]
      : []),
    ...(['minItems', 'minLength', 'minimum'].some((key) => grows(key, false))
      ? [widened('takes fewer or smaller values now.')]
      : []),
    ...(typeof before.pattern === 'string' && before.pattern !== after.pattern
      ? [widened('is checked by another pattern now, or by none.')]
      : []),
  ];
}
