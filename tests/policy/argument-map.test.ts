// The map of arguments is complete: for every argument of every recorded tool, and closed for what it does not know.
import { describe, expect, test } from 'vitest';
import { recordedTools } from '@/lib/catalogue/recorded-tools';
import { mapOf, type ArgumentJson } from '@/lib/policy/argument-map';
import { NO_RULES, type ArgumentRules } from '@/lib/policy/argument-rules';
import { judgeArguments } from '@/lib/policy/judge-arguments';
import { unmappedArgument } from '@/lib/policy/read-arguments';

type Schema = Record<string, any>;

/** Every path of a schema, read here without the product's own reader. */
function pathsIn(schema: Schema, path = ''): string[] {
  const below = (name: string) => (path === '' ? name : `${path}.${name}`);
  return [
    ...Object.entries((schema.properties ?? {}) as Schema).flatMap(([name, property]) => [
      below(name),
      ...pathsIn(property, below(name)),
    ]),
    ...(schema.items ? [`${path}[]`, ...pathsIn(schema.items, `${path}[]`)] : []),
    ...(typeof schema.additionalProperties === 'object'
      ? [below('*'), ...pathsIn(schema.additionalProperties, below('*'))]
      : []),
    ...['anyOf', 'oneOf', 'allOf'].flatMap((keyword) =>
      ((schema[keyword] ?? []) as Schema[]).flatMap((branch) => pathsIn(branch, path)),
    ),
  ];
}

/** Names that carry scope (facts/asana 1.5), with what they may mean. */
const CARRIES: [name: RegExp, kinds: RegExp][] = [
  [/^(task|task_id|taskGid|deletedTaskGids|deletedSubtaskGids|(add|remove)_dependen(cies|ts))$/, /^task$/],
  [
    /^(project|project_id|default_project|project_gid|projectGid|remove_projects|previousProjectGid)$/,
    /^project$/,
  ],
  [/^projects_any$/, /^projects$/],
  [/^sections_any$/, /^sections$/],
  [
    /^(section|section_id|section_gid|sectionGid|assignee_section|toSectionGid|deletedSectionGids|remove_sections)$/,
    /^section$/,
  ],
  [/^portfolio_gid$/, /^portfolio$/],
  [/^parent$/, /^(task|taskOrProject|projectOrPortfolio)$/],
  [/^team$/, /^(team|teamOfPeople)$/],
  [/^(assignee|default_assignee)$/, /^(assignee|assigneeFilter|person)$/],
  [/^(owner|add_members|add_followers)$/, /^person$/],
  [/^(followers|members)$/, /^people$/],
];

const tools = recordedTools();
const judge = (tool: string, args: ArgumentJson, inputSchema: unknown, rules: Partial<ArgumentRules>) =>
  judgeArguments(
    [{ slug: 'desk', name: 'Desk', rules: { ...NO_RULES, ...rules } }],
    { tool, arguments: args, inputSchema },
    new Map(),
  );

describe('the map of arguments', () => {
  test('has every recorded tool, and nothing for a name that nobody mapped', () => {
    expect(tools).toHaveLength(39);
    expect(tools.filter(({ name }) => mapOf(name) === null)).toEqual([]);
    for (const name of ['create_task_preview_v5', 'get_goals', 'Get_task', 'constructor', ''])
      expect(mapOf(name), name).toBeNull();
  });

  test.each(tools.map((tool) => [tool.name, tool] as const))(
    'says what every argument of %s means',
    (name, tool) => {
      const map = mapOf(name)!;
      expect(unmappedArgument(map, tool.inputSchema)).toBeNull();
      const paths = pathsIn(tool.inputSchema as Schema);
      const isKnown = (path: string) =>
        Object.keys(map.arguments).some(
          (known) =>
            known === path ||
            known.startsWith(`${path}.`) ||
            known.startsWith(`${path}[`) ||
            (map.arguments[known] === 'any' &&
              /^[.[]/.test(path.slice(known.length)) &&
              path.startsWith(known)),
        );
      expect(paths.filter((path) => !isKnown(path))).toEqual([]);
      // Nothing is mapped that the tool does not have: a slip of the pen would leave the real argument open.
      expect(Object.keys(map.arguments).filter((path) => !paths.includes(path))).toEqual([]);
      for (const [path, kind] of Object.entries(map.arguments)) {
        const named = path
          .replace(/\[\]|\.(gid|email|name|photoUrl|icon|color)$/g, '')
          .split('.')
          .at(-1)!;
        if (/\.(name|photoUrl|icon|color)$/.test(path)) continue;
        for (const [pattern, kinds] of CARRIES)
          if (pattern.test(named)) expect(kind, `${name}: ${path}`).toMatch(kinds);
      }
    },
  );

  test('closes a tool whose reviewed definition has an argument that it does not know, at any depth', () => {
    const tool = tools.find(({ name }) => name === 'create_tasks')!;
    const change = (edit: (schema: Schema) => void) => {
      const schema = structuredClone(tool.inputSchema) as Schema;
      edit(schema);
      return judge('create_tasks', new Map(), schema, { maxItems: 50 });
    };
    const edits: ((schema: Schema) => void)[] = [
      (schema) => (schema.properties.workspace = { type: 'string' }),
      (schema) => (schema.properties.workspace = true),
      (schema) => (schema.properties.tasks.items.properties.projects = { type: 'array', items: {} }),
      (schema) => (schema.properties.default_project = { type: 'object', properties: { gid: {} } }),
      (schema) => (schema.anyOf = [{ properties: { memberships: {} } }]),
      (schema) => (schema.properties.tasks.items = { $ref: '#/$defs/task' }),
      (schema) => (schema.patternProperties = { '^x': {} }),
      (schema) => (schema.additionalProperties = { type: 'string' }),
      (schema) => (schema.properties['tasks[].name'] = { type: 'string' }),
      (schema) => (schema.properties.constructor = { type: 'string' }),
    ];
    for (const edit of edits)
      expect(change(edit), String(edit)).toMatchObject({ refusals: [{ rule: 'unmapped' }] });
    expect(change((schema) => (schema.description = 'Another text.'))).toEqual({ passed: true });
  });

  test('closes a call that carries an argument that it does not know, or of another form', () => {
    const refused: [string, ArgumentJson][] = [
      ['get_me', new Map([['workspace', '1']])],
      ['get_task', new Map<string, ArgumentJson>([['task_id', new Map([['gid', '1']])]])],
      ['get_task', new Map<string, ArgumentJson>([['task_id', ['1']]])],
      ['get_task', new Map([['Task_id', '1']])],
      ['get_task', new Map([['constructor', '1']])],
      ['create_tasks', new Map<string, ArgumentJson>([['tasks', [new Map([['project', '1']])]]])],
      ['create_tasks', new Map([['tasks[].name', '1']])],
      ['get_task', ['1']],
      ['get_task', 'x'],
      [
        'create_tasks',
        new Map<string, ArgumentJson>([['tasks', Array.from({ length: 5_000 }, () => new Map())]]),
      ],
    ];
    for (const [tool, args] of refused)
      expect(judge(tool, args, undefined, { keepInProject: true }), tool).toMatchObject({
        refusals: [{ rule: 'unmapped' }],
      });
    expect(judge('get_me', new Map(), undefined, { keepInProject: true })).toEqual({ passed: true });
    const task = new Map([['name', 'x']]);
    const fits = new Map<string, ArgumentJson>([['tasks', [task]]]);
    expect(judge('create_tasks', fits, undefined, { keepInProject: true })).toEqual({ passed: true });
  });

  test('closes a tool that nobody has mapped', () => {
    expect(judge('create_task_preview_v5', new Map(), {}, { maxItems: 1 })).toMatchObject({
      refusals: [{ rule: 'unmapped' }],
    });
  });
});
