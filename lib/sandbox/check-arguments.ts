// Holds the arguments of a tool call against the tool's input schema: the part of JSON Schema that the recorded tools
// use. Asana's own checks are not public; this one is strict where the schema says something and silent elsewhere.

type Schema = Record<string, any>;

const patterns = new Map<string, RegExp>();

/** Compiled once; the sandbox's tools have a few dozen, and a flood of new ones (added tools) must not pile up. */
function compiled(pattern: string): RegExp {
  const known = patterns.get(pattern);
  if (known) return known;
  if (patterns.size >= 1_000) patterns.clear();
  const regExp = new RegExp(pattern, 'u');
  patterns.set(pattern, regExp);
  return regExp;
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** Returns one sentence per problem, each beginning with the path of the argument; none when the value fits. */
export function checkArguments(value: unknown, schema: Schema, path = 'arguments'): string[] {
  if (Array.isArray(schema.anyOf)) {
    const attempts = (schema.anyOf as Schema[]).map((option) => checkArguments(value, option, path));
    if (attempts.some((problems) => problems.length === 0)) return [];
    return attempts.find((problems) => !problems[0]?.includes('must be of type')) ?? attempts[0]!;
  }
  const type = typeOf(value);
  const allowed: string[] = schema.type === undefined ? [type] : [schema.type].flat();
  const fits = allowed.includes(type) || (allowed.includes('integer') && Number.isInteger(value));
  if (!fits) return [`${path} must be of type ${allowed.join(' or ')}`];
  const problems: string[] = [];
  if ('const' in schema && value !== schema.const)
    problems.push(`${path} must be ${JSON.stringify(schema.const)}`);
  if (schema.enum && !schema.enum.includes(value))
    problems.push(`${path} must be one of ${schema.enum.join(', ')}`);
  if (type === 'string') problems.push(...checkString(value as string, schema, path));
  if (type === 'number') problems.push(...checkRange(value as number, schema.minimum, schema.maximum, path));
  if (type === 'array') problems.push(...checkArray(value as unknown[], schema, path));
  if (type === 'object') problems.push(...checkObject(value as Record<string, unknown>, schema, path));
  return problems;
}

function checkRange(size: number, min: number | undefined, max: number | undefined, path: string): string[] {
  if (min !== undefined && size < min) return [`${path} must be at least ${min}`];
  return max !== undefined && size > max ? [`${path} must be at most ${max}`] : [];
}

function checkString(value: string, schema: Schema, path: string): string[] {
  const problems = checkRange(value.length, schema.minLength, schema.maxLength, `${path}'s length`);
  if (schema.pattern && !compiled(schema.pattern).test(value)) problems.push(`${path} has the wrong format`);
  return problems;
}

function checkArray(value: unknown[], schema: Schema, path: string): string[] {
  const problems = checkRange(value.length, schema.minItems, schema.maxItems, `${path}'s number of items`);
  if (problems.length > 0 || !schema.items) return problems;
  return value.flatMap((item, index) => checkArguments(item, schema.items, `${path}.${index}`));
}

function checkObject(value: Record<string, unknown>, schema: Schema, path: string): string[] {
  const properties = new Map(Object.entries((schema.properties ?? {}) as Record<string, Schema>));
  const missing = ((schema.required ?? []) as string[]).filter((name) => !Object.hasOwn(value, name));
  const problems = missing.map((name) => `${path}.${name} is required`);
  for (const [name, entry] of Object.entries(value)) {
    const rest = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
    const inner: Schema | undefined = properties.get(name) ?? rest;
    if (inner) problems.push(...checkArguments(entry, inner, `${path}.${name}`));
  }
  return problems;
}
