// Reads SCIM's filters (RFC 7644 §3.4.2.2) as far as directories need them to find somebody: equalities, joined by `and`.
import { ScimError } from './scim-error';

const MAX_CHARS = 2_000;
const MAX_TERMS = 10;

/** `attribute` is in lower case, without its schema; a condition on several values (`emails[type eq "work"].value`) becomes `emails.value`. */
export interface Term {
  attribute: string;
  value: string;
}

/** The terms that must all hold. Throws `invalidFilter` for everything else: an answer to half a filter would be a wrong one. */
export function readFilter(filter: string): Term[] {
  if (filter.length > MAX_CHARS) throw unreadable();
  const terms: Term[] = [];
  let rest = filter.trim();
  while (rest !== '') {
    const found =
      /^([\w:.$-]+)(?:\[\s*(\w+)\s+eq\s+"((?:[^"\\]|\\.)*)"\s*\](?:\.(\w+))?)?(?:\s+eq\s+("(?:[^"\\]|\\.)*"|true|false))?/i.exec(
        rest,
      );
    if (!found || terms.length === MAX_TERMS) throw unreadable();
    terms.push(toTerm(found));
    rest = rest.slice(found[0].length);
    const joined = /^\s+and\s+(?=\S)/i.exec(rest);
    if (rest.trim() !== '' && !joined) throw unreadable();
    rest = joined ? rest.slice(joined[0].length) : '';
  }
  if (terms.length === 0) throw unreadable();
  return terms;
}

function toTerm([, path, inner, wanted, sub, value]: RegExpExecArray): Term {
  const attribute = withoutSchema(path!).toLowerCase();
  if (inner === undefined) {
    if (value === undefined) throw unreadable();
    return { attribute, value: valueOf(value) };
  }
  // `members[value eq "x"]` is a whole term; `emails[type eq "work"].value eq "x"` is one about the value.
  if (sub === undefined) {
    if (value !== undefined) throw unreadable();
    return { attribute: `${attribute}.${inner.toLowerCase()}`, value: valueOf(`"${wanted}"`) };
  }
  if (value === undefined) throw unreadable();
  return { attribute: `${attribute}.${sub.toLowerCase()}`, value: valueOf(value) };
}

/** `urn:ietf:params:scim:schemas:core:2.0:User:userName` → `userName` (RFC 7644 §3.10). */
export const withoutSchema = (path: string): string =>
  path.replace(/^urn:ietf:params:scim:schemas:core:2\.0:(?:User|Group):/i, '');

function valueOf(literal: string): string {
  if (!literal.startsWith('"')) return literal.toLowerCase();
  try {
    return JSON.parse(literal) as string;
  } catch {
    throw unreadable();
  }
}

const unreadable = () =>
  new ScimError(
    400,
    'This filter is not supported. Use equalities such as userName eq "ana@example.com", joined by "and".',
    'invalidFilter',
  );
