// Reads SCIM's PATCH (RFC 7644 §3.5.2) into plain changes, as Okta, Entra and the RFC write it: operations in any case, values with or
// without a path, members as a list or by a condition, booleans as words.
import { ScimError } from './scim-error';
import { withoutSchema } from './scim-filter';

export const PATCH_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
/** Okta sends one operation, Entra up to a hundred. */
export const MAX_OPERATIONS = 1_000;

/** One change of one attribute: `path` in lower case without its schema, such as `active`, `name.givenname`, `emails.value`. */
export interface Change {
  op: 'set' | 'add' | 'remove';
  path: string;
  value: unknown;
}

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The changes of a PATCH body in their order. `members[value eq "x"]` becomes a removal of `members` with that value. Throws
 * `invalidSyntax`, `invalidPath`, `noTarget`, `tooMany`.
 */
export function readPatch(body: unknown): Change[] {
  if (!isObject(body) || !listed(body.schemas).includes(PATCH_SCHEMA) || !Array.isArray(body.Operations))
    throw new ScimError(400, `Send {"schemas": ["${PATCH_SCHEMA}"], "Operations": […]}.`, 'invalidSyntax');
  if (body.Operations.length > MAX_OPERATIONS)
    throw new ScimError(413, `At most ${MAX_OPERATIONS} operations are taken at once; send them in parts.`);
  return body.Operations.flatMap(changesOf);
}

const listed = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

function changesOf(operation: unknown): Change[] {
  const { op, path, value } = isObject(operation) ? operation : ({} as Json);
  const verb = typeof op === 'string' ? op.toLowerCase() : '';
  if (!/^(add|replace|remove)$/.test(verb) || (path !== undefined && typeof path !== 'string'))
    throw new ScimError(
      400,
      'An operation needs op "add", "replace" or "remove", and a path that is text.',
      'invalidSyntax',
    );
  const kind = verb === 'replace' ? 'set' : (verb as 'add' | 'remove');
  if (path !== undefined && path !== '') return [changeAt(kind, path, value)];
  if (kind === 'remove') throw new ScimError(400, 'A removal needs a path.', 'noTarget');
  if (!isObject(value))
    throw new ScimError(400, 'Without a path the value must be an object of attributes.', 'invalidSyntax');
  return Object.entries(value).flatMap(([key, entry]) => spread(kind, key, entry));
}

/** `{name: {givenName}}` says the same as `{"name.givenName"}`, which Entra writes. */
function spread(kind: Change['op'], key: string, value: unknown): Change[] {
  const path = withoutSchema(key);
  if (path.toLowerCase() === 'name' && isObject(value))
    return Object.entries(value).map(([sub, entry]) => changeAt(kind, `name.${sub}`, entry));
  // Another schema's attributes, such as the enterprise extension: none of them is kept here.
  if (/^urn:/i.test(path)) return [];
  return [changeAt(kind, key, value)];
}

function changeAt(kind: Change['op'], given: string, value: unknown): Change {
  const path = withoutSchema(given.trim());
  const found = /^([\w$:.-]+)(?:\[\s*([\w.]+)\s+eq\s+"?([^"\]]*)"?\s*\])?(?:\.(\w+))?$/i.exec(path);
  if (!found)
    throw new ScimError(400, `The path ${JSON.stringify(given.slice(0, 200))} can't be read.`, 'invalidPath');
  const [, attribute, inner, wanted, sub] = found;
  const name = `${attribute}${sub === undefined ? '' : `.${sub}`}`.toLowerCase();
  if (attribute!.toLowerCase() === 'members' && inner !== undefined) {
    if (inner.toLowerCase() !== 'value' || sub !== undefined || kind !== 'remove')
      throw new ScimError(
        400,
        'Of members only members[value eq "…"] can be named, to remove it.',
        'invalidPath',
      );
    return { op: 'remove', path: 'members', value: [{ value: wanted }] };
  }
  return { op: kind, path: name, value };
}

/** A boolean, also as a word (Entra's "False"). Throws `invalidValue`. */
export function readBoolean(value: unknown, attribute: string): boolean {
  // Some wrap the single value: [{"value": "False"}].
  const plain = Array.isArray(value) && value.length === 1 && isObject(value[0]) ? value[0].value : value;
  if (typeof plain === 'boolean') return plain;
  if (typeof plain === 'string' && /^(true|false)$/i.test(plain)) return plain.toLowerCase() === 'true';
  throw new ScimError(400, `${attribute} must be true or false.`, 'invalidValue');
}

/** A text without control characters, or null. Throws `invalidValue`. */
export function readText(value: unknown, attribute: string, maxChars = 256): string | null {
  if (value === undefined || value === null || value === '') return null;
  // PostgreSQL takes no NUL and no half character, and no name has any other control character.
  if (typeof value !== 'string' || value.length > maxChars || /[\p{Cc}\p{Cs}]/u.test(value))
    throw new ScimError(400, `${attribute} must be text of at most ${maxChars} characters.`, 'invalidValue');
  return value.trim() === '' ? null : value.trim();
}

/** The ids in a list of members, `[{value}]` or one `{value}`. Throws `invalidValue`. */
export function readMemberIds(value: unknown): string[] {
  const entries = Array.isArray(value) ? value : [value];
  return [
    ...new Set(
      entries.map((entry) => {
        const id = isObject(entry) ? entry.value : entry;
        if (typeof id !== 'string' || id === '')
          throw new ScimError(
            400,
            'Each member must be an object with the value of a user\u2019s id.',
            'invalidValue',
          );
        return id.toLowerCase();
      }),
    ),
  ];
}
