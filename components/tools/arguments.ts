// Reads a tool's arguments out of its JSON Schema, for people. Whatever is not understood is shown as its type or left out.

export interface Argument {
  name: string;
  type: string;
  required: boolean;
  description: string | null;
}

interface Schema {
  type?: unknown;
  properties?: Record<string, Schema>;
  required?: unknown;
  description?: unknown;
  enum?: unknown;
  const?: unknown;
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
}

/** Top-level arguments in the schema's order, the required ones marked. Empty for a tool that takes none. */
export function argumentsOf(inputSchema: unknown): Argument[] {
  const schema = isSchema(inputSchema) ? inputSchema : {};
  const required = new Set(Array.isArray(schema.required) ? schema.required : []);
  return Object.entries(isSchema(schema.properties) ? schema.properties : {}).map(([name, property]) => ({
    name,
    type: typeOf(property as Schema),
    required: required.has(name),
    description:
      typeof (property as Schema).description === 'string' ? String((property as Schema).description) : null,
  }));
}

function isSchema(value: unknown): value is Record<string, Schema> & Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function typeOf(schema: Schema, depth = 0): string {
  if (!isSchema(schema)) return 'any';
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (Array.isArray(schema.enum)) {
    const values = schema.enum.map((value) => String(value));
    return values.length > 6 ? `one of ${values.length} values` : values.join(' | ');
  }
  const choices = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(choices))
    return [...new Set(choices.map((choice) => typeOf(choice, depth + 1)))].join(' | ');
  if (schema.type === 'array') {
    const inner = schema.items && depth < 2 ? typeOf(schema.items, depth + 1) : 'any';
    return `list of ${inner}`;
  }
  if (Array.isArray(schema.type)) return schema.type.join(' | ');
  return typeof schema.type === 'string' ? schema.type : 'any';
}
