// Asana's rich text: checks a `<body>` as strictly as the recorded descriptions say, and turns text into it and back.
import { ToolError } from '@/lib/sandbox/tool-error';

const INLINE_AND_BLOCKS = [
  'body',
  'strong',
  'em',
  'u',
  's',
  'code',
  'ol',
  'ul',
  'li',
  'a',
  'blockquote',
  'pre',
];
const ONLY_IN_TASKS = ['h1', 'h2', 'hr', 'img', 'table', 'tr', 'td'];
const LINK_ATTRIBUTES = [
  'data-asana-gid',
  'data-asana-dynamic',
  'data-asana-project',
  'data-asana-tag',
  'href',
];
const TAG = /<(\/?)([a-z0-9]+)((?:\s+[a-z-]+="[^"<]*")*)\s*(\/?)>/g;

/** Returns the plain text of a well-formed body; throws `ToolError` (400) on anything that Asana would refuse. */
function readRichText(html: string, argument: string, place: 'task' | 'comment'): string {
  const refuse = (why: string) => new ToolError(`${argument}: XML is invalid: ${why}`);
  const allowed = new Set(place === 'task' ? [...INLINE_AND_BLOCKS, ...ONLY_IN_TASKS] : INLINE_AND_BLOCKS);
  const open: string[] = [];
  let roots = 0;
  let plain = '';
  let end = 0;
  for (const match of html.matchAll(TAG)) {
    const [whole, closing, name, attributes, selfClosing] = match as unknown as [string, ...string[]];
    const between = html.slice(end, match.index);
    if (open.length === 0 && between.trim() !== '') throw refuse('text outside <body>');
    plain += between;
    end = match.index + whole.length;
    if (!allowed.has(name!)) throw refuse(`<${name}> is not allowed here`);
    if (attributes !== '' && name !== 'a') throw refuse(`<${name}> must not have attributes`);
    for (const [, attribute] of (attributes ?? '').matchAll(/([a-z-]+)=/g))
      if (!LINK_ATTRIBUTES.includes(attribute!)) throw refuse(`attribute ${attribute} is not allowed`);
    if (closing) {
      if (open.pop() !== name) throw refuse(`</${name}> closes nothing`);
      continue;
    }
    if (open.length === 0 && (name !== 'body' || roots++ > 0))
      throw refuse('one <body> must hold everything');
    if (!selfClosing) open.push(name!);
  }
  if (open.length > 0) throw refuse(`<${open.at(-1)}> is not closed`);
  if (roots !== 1 || html.slice(end).trim() !== '') throw refuse('one <body> must hold everything');
  if (/[<>]/.test(plain) || /&(?!amp;|lt;|gt;|quot;|apos;|#\d+;)/.test(plain))
    throw refuse('unescaped character or unknown element');
  return plain
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');
}

export function writeRichText(plain: string): string {
  const escaped = plain.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return `<body>${escaped}</body>`;
}

/** The pair of plain and rich text that an object keeps, from whichever of the two arguments was given. */
export function textPair(
  plain: string | undefined,
  html: string | undefined,
  argument: string,
  place: 'task' | 'comment',
): { plain: string; html: string } | undefined {
  if (plain !== undefined && html !== undefined)
    throw new ToolError(`${argument}: Give either plain or rich text, not both`);
  if (html !== undefined) return { plain: readRichText(html, argument, place), html };
  return plain === undefined ? undefined : { plain, html: writeRichText(plain) };
}
