// Reads a call's arguments, or a tool's input schema, by the map of what they mean; what the map does not know is named, never skipped: an
// argument that Asana adds must not carry a call past a rule. Pure.
import type { ArgumentJson, Kind, ToolMap } from './argument-map';

/** One value of a call, where it stands and what it means. */
export interface Reading {
  /** As in the map. */
  path: string;
  /** As in the call: `tasks[3].project_id`. */
  place: string;
  kind: Kind;
  value: ArgumentJson;
}

/** What the readings of a call stand in: lists by path (how many entries in all), and every object by its place. */
export interface Readings {
  readings: Reading[];
  /** Path of a list → its entries in all places together. */
  entries: Map<string, number>;
  /** Path of an object (`''`: the call itself) → the places at which there is one. */
  objects: Map<string, string[]>;
  /** Values seen so far. */
  values: number;
}

/** Far more than fifty tasks with all their fields; every one of them is compared with others. */
const MAX_VALUES = 4_000;

/** Reads a call's arguments by the map, or names the first that the map does not know or that is of another form than it says. */
export function readArguments(map: ToolMap, given: ArgumentJson): Readings | { unmapped: string } {
  const found: Readings = { readings: [], entries: new Map(), objects: new Map(), values: 0 };
  const unmapped = walk(map, given, { path: '', place: '' }, found);
  return unmapped === null ? found : { unmapped };
}

const SIGNS = /[.[\]*]/;

interface At {
  path: string;
  place: string;
}

function walk(map: ToolMap, value: ArgumentJson, at: At, found: Readings): string | null {
  found.values += 1;
  if (found.values > MAX_VALUES) return `the ${MAX_VALUES}th value`;
  const kind = kindAt(map, at.path);
  const isObject = value instanceof Map;
  if (kind === 'any' || (kind !== undefined && !isObject && !Array.isArray(value))) {
    found.readings.push({ ...at, kind, value });
    return null;
  }
  // Null where an object or a list could stand says that there is none.
  if (kind === undefined && value === null && leadsOn(map, at.path)) {
    found.readings.push({ ...at, kind: 'free', value });
    return null;
  }
  if (kind !== undefined) return at.place;
  if (Array.isArray(value)) return walkList(map, value as readonly ArgumentJson[], at, found);
  if (!isObject || !leadsOn(map, at.path)) return at.place || 'the arguments';
  const objects = found.objects.get(at.path);
  if (objects) objects.push(at.place);
  else found.objects.set(at.path, [at.place]);
  const isDictionary = leadsOn(map, join(at.path, '*'));
  for (const [key, entry] of value as ReadonlyMap<string, ArgumentJson>) {
    const keyKind = map.keys?.[at.path];
    // A name with our own signs in it would be read as another path.
    if (!isDictionary && SIGNS.test(key)) return join(at.place, key);
    const place = join(at.place, key);
    if (keyKind) found.readings.push({ path: at.path, place, kind: keyKind, value: key });
    const unmapped = walk(map, entry, { path: join(at.path, isDictionary ? '*' : key), place }, found);
    if (unmapped !== null) return unmapped;
  }
  return null;
}

/** Own members only: an argument called `constructor` is no kind. */
const kindAt = ({ arguments: known }: ToolMap, path: string): Kind | undefined =>
  Object.hasOwn(known, path) ? known[path] : undefined;

function walkList(map: ToolMap, list: readonly ArgumentJson[], at: At, found: Readings): string | null {
  const path = `${at.path}[]`;
  if (!leadsOn(map, path)) return at.place;
  found.entries.set(at.path, (found.entries.get(at.path) ?? 0) + list.length);
  for (const [n, entry] of list.entries()) {
    const unmapped = walk(map, entry, { path, place: `${at.place}[${n}]` }, found);
    if (unmapped !== null) return unmapped;
  }
  return null;
}

const join = (path: string, key: string) => (path === '' ? key : `${path}.${key}`);

const pathsOf = new WeakMap<ToolMap, Set<string>>();

/** Whether the map knows this path, or something below it. The call itself it always knows. */
function leadsOn(map: ToolMap, path: string): boolean {
  let known = pathsOf.get(map);
  if (!known) {
    known = new Set(['']);
    for (const name of Object.keys(map.arguments))
      for (let end = 1; end <= name.length; end += 1)
        if (end === name.length || /[.[]/.test(name[end]!)) known.add(name.slice(0, end));
    pathsOf.set(map, known);
  }
  return known.has(path);
}

/**
 * The first argument of a definition's input schema that the map does not know; null where it knows all. What could bring in arguments
 * that stand nowhere by name (references, patterns) is not known either.
 */
export function unmappedArgument(map: ToolMap, inputSchema: unknown): string | null {
  return inSchema(map, inputSchema, '', 0);
}

type Schema = Readonly<Record<string, unknown>>;
const BRANCHES = ['anyOf', 'oneOf', 'allOf', 'prefixItems'] as const;
const OUT_OF_SIGHT = [
  '$ref',
  '$dynamicRef',
  'patternProperties',
  'dependentSchemas',
  'if',
  'not',
  'contains',
];
const MAX_SCHEMA_DEPTH = 32;

function inSchema(map: ToolMap, value: unknown, path: string, depth: number): string | null {
  if (depth > MAX_SCHEMA_DEPTH) return path;
  if (kindAt(map, path) === 'any') return null;
  if (!leadsOn(map, path)) return path;
  if (value === true || value === undefined || value === null) return null;
  if (typeof value !== 'object') return path || 'the arguments';
  const schema = value as Schema;
  if (OUT_OF_SIGHT.some((keyword) => schema[keyword] !== undefined)) return path || 'the arguments';
  const below: [path: string, schema: unknown][] = Object.entries(schema.properties ?? {}).map(
    ([name, property]) => [join(path, name), property],
  );
  if (Object.keys(schema.properties ?? {}).some((name) => SIGNS.test(name))) return path || 'the arguments';
  if (schema.items !== undefined) below.push([`${path}[]`, schema.items]);
  if (typeof schema.additionalProperties === 'object')
    below.push([join(path, '*'), schema.additionalProperties]);
  for (const keyword of BRANCHES) {
    const branches = schema[keyword];
    if (branches === undefined) continue;
    if (!Array.isArray(branches)) return path || 'the arguments';
    const where = keyword === 'prefixItems' ? `${path}[]` : path;
    below.push(...branches.map((branch) => [where, branch] as [string, unknown]));
  }
  for (const [where, inner] of below) {
    const unmapped = inSchema(map, inner, where, depth + 1);
    if (unmapped !== null) return unmapped;
  }
  return null;
}
