// The pieces from which the recorded tools are built. Every function returns a fresh, plain JSON Schema
// (2020-12) value, so that no two tools share an object that somebody could change. Pure data, no I/O.

export type JsonSchema = { readonly [keyword: string]: unknown };
export type Properties = Record<string, JsonSchema>;
export interface InputSchema {
  readonly $schema: string;
  readonly type: 'object';
  readonly properties: Properties;
  readonly required?: string[];
}

/** A tool exactly as `tools/list` of Asana's MCP server gives it. There is no `outputSchema` on any of them. */
export interface RecordedTool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: InputSchema;
  readonly annotations: {
    readonly title: string;
    readonly readOnlyHint: boolean;
    readonly destructiveHint: boolean;
    readonly idempotentHint: boolean;
    readonly openWorldHint: boolean;
  };
  readonly _meta?: Record<string, unknown>;
}

type Kind = 'read' | 'write' | 'destroy';

/** One tool. `kind` gives the hints as recorded: only plain writers are not idempotent, and no tool has an open world. */
export function tool(
  kind: Kind,
  name: string,
  title: string,
  description: string,
  starred: Properties,
  _meta?: Record<string, unknown>,
): RecordedTool {
  const annotations = {
    title,
    readOnlyHint: kind === 'read',
    destructiveHint: kind === 'destroy',
    idempotentHint: kind !== 'write',
    openWorldHint: false,
  };
  const schema = inputSchema(starred);
  return { name, title, description, inputSchema: schema, annotations, ...(_meta && { _meta }) };
}

/**
 * Splits the notation of the fact tables, where a star marks a required argument: `{'task_id*': text('…')}`.
 */
function splitStars(starred: Properties): { properties: Properties; required?: string[] } {
  const required = Object.keys(starred)
    .filter((name) => name.endsWith('*'))
    .map((name) => name.slice(0, -1));
  const properties = Object.fromEntries(Object.entries(starred).map(([k, v]) => [k.replace('*', ''), v]));
  return required.length > 0 ? { properties, required } : { properties };
}

/** A tool's whole input schema. None of the recorded ones closes itself with `additionalProperties: false`. */
export function inputSchema(starred: Properties): InputSchema {
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', type: 'object', ...splitStars(starred) };
}

export function object(starred: Properties, description?: string): JsonSchema {
  return { type: 'object', ...splitStars(starred), ...(description && { description }) };
}

/** An object used as a dictionary: any key, one shape of value. */
export function dictionary(values: JsonSchema, description: string): JsonSchema {
  return { type: 'object', propertyNames: { type: 'string' }, additionalProperties: values, description };
}

export function text(description: string, extra: JsonSchema = {}): JsonSchema {
  return { type: 'string', ...extra, description };
}

export function flag(description: string, byDefault?: boolean): JsonSchema {
  return { type: 'boolean', ...(byDefault !== undefined && { default: byDefault }), description };
}

export function number(
  description: string,
  minimum: number,
  maximum: number,
  byDefault?: number,
): JsonSchema {
  return {
    type: 'number',
    minimum,
    maximum,
    ...(byDefault !== undefined && { default: byDefault }),
    description,
  };
}

export function oneOf(values: readonly string[], description: string, byDefault?: string): JsonSchema {
  return { type: 'string', enum: [...values], ...(byDefault && { default: byDefault }), description };
}

export function list(items: JsonSchema, description: string, limits: JsonSchema = {}): JsonSchema {
  return { type: 'array', items, ...limits, description };
}

/** Between one and fifty items, the size Asana allows for bulk arguments. */
export function bulk(items: JsonSchema, description: string): JsonSchema {
  return list(items, description, { minItems: 1, maxItems: 50 });
}

/** "May be null", first spelling: `anyOf: [..., {type: "null"}]`, the description outside. */
export function nullable(schema: JsonSchema): JsonSchema {
  const { description, ...rest } = schema;
  return { anyOf: [rest, { type: 'null' }], ...(description !== undefined && { description }) };
}

/** "May be null", second spelling: `type: ["string", "null"]`. */
export function orNull(schema: JsonSchema): JsonSchema {
  const values = schema.enum as unknown[] | undefined;
  return { ...schema, type: [schema.type, 'null'], ...(values && { enum: [...values, null] }) };
}

// Month lengths and leap years: 29 February needs a year divisible by four that is no plain century.
const LEAP_DAY = '(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29';
const OTHER_DAY =
  '\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))';
const TIME_OF_DAY = 'T(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d+)?Z';

export function date(description: string): JsonSchema {
  return text(description, { format: 'date', pattern: `^(?:${LEAP_DAY}|${OTHER_DAY})$` });
}

/** A moment in UTC; other zones than `Z` are refused. */
export function dateTime(description: string): JsonSchema {
  return text(description, { format: 'date-time', pattern: `^(?:${LEAP_DAY}|${OTHER_DAY})${TIME_OF_DAY}$` });
}

/** The preview and widget tools only look at the shape of a date. */
export function plainDate(description: string): JsonSchema {
  return text(description, { pattern: '^\\d{4}-\\d{2}-\\d{2}$' });
}

export function user(description: string): JsonSchema {
  return text(`${description} Accepts "me", an email address, or a user GID.`);
}

export function users(description: string): JsonSchema {
  return text(`${description} Comma-separated list; each entry is "me", an email address, or a user GID.`);
}

export function gids(kind: string, description: string): JsonSchema {
  return text(`${description} Comma-separated list of ${kind} GIDs, without spaces.`);
}

export function offset(): JsonSchema {
  return text('Pagination token: next_page.offset of the previous answer. Leave out for the first page.');
}

/** PAG of the fact tables: `limit` and `offset`. */
export function paging(): Properties {
  return {
    limit: number('Number of objects to return per page, from 1 to 100.', 1, 100),
    offset: offset(),
  };
}

/** OPT of the fact tables: `opt_fields`. */
export function optFields(fields: string): Properties {
  return {
    opt_fields: text(
      `Comma-separated list of fields to return, subfields as parent.child, no wildcards. Ask only for what you need. Fields: ${fields}.`,
    ),
  };
}

const words = (text: string): readonly string[] => text.split(' ');

export const COLORS = words(
  'dark-pink dark-green dark-blue dark-red dark-teal dark-brown dark-orange dark-purple dark-warm-gray light-pink ' +
    'light-green light-blue light-red light-teal light-brown light-orange light-purple light-warm-gray none',
);
export const ICONS = words(
  'list board timeline calendar rocket people graph star bug light_bulb globe gear notebook computer check target ' +
    'html megaphone chat_bubbles briefcase page_layout mountain_flag puzzle presentation line_and_symbols ' +
    'speed_dial ribbon shoe shopping_basket map ticket coins',
);
export const RESOURCE_TYPES = words(
  'actor agent custom_field goal project project_template portfolio tag task team user',
);
export const TASK_SUBTYPES = words('default_task milestone approval');
export const APPROVAL_STATUSES = words('pending approved rejected changes_requested');
export const PRIVACY_SETTINGS = words('public_to_workspace private_to_team private');
export const ACCESS_LEVELS = words('admin editor commenter viewer');
export const VIEWS = words('list board calendar timeline');
export const PRIORITIES = words('low medium high');

/**
 * The rules of Asana's rich text, which the recorded list repeats in full in six places.
 * `task` bodies may hold headings, rules, images and tables; comments, status updates and project notes may not.
 */
export function richText(subject: string, kind: 'task' | 'comment'): JsonSchema {
  const task = kind === 'task';
  return text(
    `${subject} as rich text: a small subset of HTML written as well-formed XML. Use it instead of the plain text field whenever formatting, links or mentions matter; never send both.

STRUCTURE
- Exactly one root element: <body>...</body>. Nothing may stand before or after it.
- Every element must be closed (<li>One</li>, ${task ? '<hr/>, <img ... />' : 'never an open <li>'}) and properly nested. Escape the characters &amp; &lt; &gt; in text.
- A line break is a newline character in the text. <br>, <p> and <div> do not exist here and are refused.

ELEMENTS THAT ARE ALLOWED
- Inline: <strong> (bold), <em> (italic), <u> (underline), <s> (strikethrough), <code> (monospace), <a> (link or mention).
- Blocks: <ul> and <ol> with <li> children (lists may be nested inside an <li>), <blockquote>, <pre> (preformatted block).
${task ? '- Only in task notes: <h1>, <h2> (headings), <hr/> (rule), <img/> (an image that was already uploaded), <table> with <tr> and <td>.' : '- NOT available here, although task notes accept them: <h1>, <h2>, <hr/>, <img/>, <table>, <tr>, <td>.'}

ATTRIBUTES
- No element may carry attributes, with the one exception of <a>: href, data-asana-gid, data-asana-dynamic, data-asana-project, data-asana-tag.
- No style, class, id or event attributes, no scripts, no comments, no CDATA.

LINKS AND MENTIONS
- Web link: <a href="https://example.com/brief">Brief</a>. Only http, https and mailto addresses.
- Mention of a person, task or project: <a data-asana-gid="1200000000000101"/>. Asana fills in the name and the address. A mentioned person is notified and becomes a follower, so mention people only when the user asked for it.
- To link to a task as it is seen inside one project, add data-asana-project="PROJECT_GID".

EXAMPLE
<body>Summary of <strong>today</strong>:
<ul><li>Copy is final</li><li>Open: <a data-asana-gid="1200000000000101"/> checks the numbers</li></ul></body>

Anything outside these rules makes the whole request fail with 400 Bad Request, and nothing is saved. If you are unsure, send plain text instead.`,
  );
}

const customFieldValues =
  'Keys are custom field GIDs. Values by type of field: text: a string; number: a number; single-select: the GID of one option (never its name); multi-select: a list of option GIDs; date: {"date":"YYYY-MM-DD"} or {"date_time":"YYYY-MM-DDTHH:MM:SSZ"}. Only fields that are already on the project can be set; get_project lists them.';

/** Custom field values where the recorded schema takes a JSON object. */
export function customFieldObject(): JsonSchema {
  return dictionary(
    {
      anyOf: [
        { type: 'string' },
        { type: 'number' },
        { type: 'array', items: { type: 'string' } },
        object({ 'date*': date('A calendar day, YYYY-MM-DD.') }),
        object({ 'date_time*': dateTime('A moment in UTC, YYYY-MM-DDTHH:MM:SSZ.') }),
        { type: 'null' },
      ],
    },
    `Custom field values to set, as an object. ${customFieldValues}`,
  );
}

/** Custom field values where the recorded schema takes one string that holds JSON. */
export function customFieldString(): JsonSchema {
  return text(
    `Custom field values to set, as ONE STRING that contains a JSON object (not as an object). ${customFieldValues}`,
  );
}
