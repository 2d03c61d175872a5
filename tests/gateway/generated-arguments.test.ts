// Generated calls of every tool under every rule: none that a second, independent reading finds outside the rule reaches Asana, and
// enough of the others do. 200 for each tool in the full run, a sample of them otherwise; the seed makes each the same every time.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pool, transaction } from '@/lib/db';
import { createGroup } from '@/lib/people/groups';
import { NO_RULES, type ArgumentRules } from '@/lib/policy/argument-rules';
import { recordedTools } from '@/lib/catalogue/recorded-tools';
import { addTask, type World } from '@/lib/sandbox/world';
import { SEED } from '@/lib/sandbox/world-seed';
import { randomOf, type Random } from '../fuzz/random';
import { callOf, makeMember, makeOrganization, mint, post, startGate, type Gate } from '../support/gate';
import { outside, type RuleSet } from './read-raw-arguments';

const CALLS = process.env.FULL === '1' ? 200 : 5;
const RUN = 20_261_121;

type Raw = Record<string, unknown>;
type Schema = Record<string, any>;

const place = (gid: string) => ({ gid, name: null });
const IDEAS = 'the first section of the onboarding project';
const SETS: {
  name: string;
  rules: (ideas: string) => Partial<ArgumentRules>;
  read: (ideas: string) => RuleSet;
}[] = [
  {
    name: 'one project',
    rules: () => ({ projects: [place(SEED.relaunch)] }),
    read: () => ({ kind: 'places', projects: [SEED.relaunch], teams: [], sections: [] }),
  },
  {
    name: 'a team and a section',
    rules: (ideas) => ({ teams: [place(SEED.marketing)], sections: [place(ideas)] }),
    read: (ideas) => ({ kind: 'places', projects: [], teams: [SEED.marketing], sections: [ideas] }),
  },
  { name: 'two items', rules: () => ({ maxItems: 2 }), read: () => ({ kind: 'items', most: 2 }) },
  { name: 'no moves', rules: () => ({ keepInProject: true }), read: () => ({ kind: 'stay' }) },
  {
    name: 'the company',
    rules: () => ({ companyDomains: ['example.com'] }),
    read: () => ({ kind: 'company', domain: 'example.com' }),
  },
  { name: 'own tasks', rules: () => ({ ownTasksOnly: true }), read: () => ({ kind: 'own' }) },
];

const tools = recordedTools();
let gate: Gate;
const tokens: string[] = [];
let ideas: string;
let kept: Pick<World, 'tasks' | 'projects' | 'sections'>;
let guest: string;
let mine: string;
let loose: string;

beforeAll(async () => {
  gate = await startGate({ chain: false });
  const organization = await makeOrganization(gate, 'Acme');
  const { world } = gate.sandbox;
  ideas = world.projects.get(SEED.onboarding)!.sectionGids[0]!;
  guest = '1200000000000199';
  world.users.set(guest, {
    ...{ gid: guest, name: 'Guest', email: 'guest@elsewhere.example' },
    memberships: [{ workspaceGid: SEED.works, role: 'guest' }],
  });
  const task = (fields: object) =>
    addTask(world, { workspaceGid: SEED.works, createdByGid: SEED.ana, name: 'Something', ...fields }).gid;
  loose = task({ assigneeGid: SEED.ana });
  mine = task({ parentGid: SEED.pressKit, assigneeGid: SEED.ana });
  kept = structuredClone({ tasks: world.tasks, projects: world.projects, sections: world.sections });
  for (const [n, set] of SETS.entries()) {
    const member = await makeMember(gate, organization, `ana${n}@acme.example`, { asana: 'ana@example.com' });
    const rules = { ...NO_RULES, ...set.rules(ideas) };
    const group = { name: set.name, tools: tools.map(({ name }) => name), members: [member.email], rules };
    await transaction((tx) => createGroup(tx, organization.actor, group));
    tokens.push((await mint(member)).token);
  }
  await pool().query('UPDATE organizations SET connection_per_minute = 1000000, search_per_minute = 1000000');
}, 60_000);
afterAll(() => gate.stop());

/** The world as at the start, so that every call is judged by the same. */
function restore(): void {
  const { world } = gate.sandbox;
  const fresh = structuredClone(kept);
  for (const name of ['tasks', 'projects', 'sections'] as const) {
    world[name].clear();
    for (const [gid, entry] of fresh[name]) (world[name] as Map<string, unknown>).set(gid, entry);
  }
}

/** What an argument of this name may be given: mostly inside the rules, with strangers among them. */
function pool_(name: string, above: string, tool: string): { inside: unknown[]; beyond: unknown[] } {
  const projects = {
    inside: [SEED.relaunch],
    beyond: [SEED.onboarding, SEED.salaries, '1', link(SEED.relaunch)],
  };
  const sections = {
    inside: [SEED.relaunchTodo, SEED.relaunchDoing, ideas],
    beyond: ['1200000000000499', '7'],
  };
  const tasks = {
    inside: [SEED.pressKit, mine],
    beyond: [SEED.homepageCopy, loose, SEED.salaryTable, '1', link(SEED.pressKit)],
  };
  const people = {
    inside: ['me', 'ana@example.com', SEED.ana],
    beyond: ['ben@example.com', SEED.ben, guest, 'guest@elsewhere.example', 'x'],
  };
  if (/^projects?(_id|_gid|Gid|_any)?$|default_project|previousProjectGid|remove_projects/.test(name))
    return projects;
  if (/section|Section/.test(name)) return sections;
  if (/^(task|task_id|taskGid)$|[tT]askGids|depend|updatedSubtasks/.test(name)) return tasks;
  if (name === 'gid') {
    if (above === 'project') return projects;
    if (above === 'section') return sections;
    if (above === 'assignee') return { inside: [SEED.ana], beyond: [SEED.ben, guest] };
    return above === 'updatedSubtasks' ? tasks : { inside: ['1'], beyond: [] };
  }
  if (name === 'email') return { inside: ['ana@example.com'], beyond: ['guest@elsewhere.example'] };
  if (name === 'parent' && /^(get_attach|create_project_st)/.test(tool))
    return { inside: [SEED.relaunch], beyond: [SEED.onboarding, SEED.launches, SEED.pressKit] };
  if (name === 'parent') return tasks;
  if (name === 'team') return { inside: [SEED.marketing], beyond: [SEED.product] };
  if (/assignee|followers|members|owner/.test(name) || above === 'requested_roles') return people;
  if (name === 'portfolio_gid') return { inside: [SEED.launches], beyond: ['1200000000000699'] };
  if (/^(notes|text|title|description)$/.test(name))
    return { inside: ['A note'], beyond: ['https://app.asana.com/0/1/2'] };
  if (/^html_/.test(name))
    return {
      inside: ['<body>A note</body>'],
      beyond: [`<body><a data-asana-gid="${SEED.salaries}"/></body>`, '<body>app.&#97;sana.com/0/1</body>'],
    };
  if (name === 'opt_fields')
    return { inside: ['name,parent.name'], beyond: ['parent.notes', 'name,dependencies.html_notes'] };
  if (name === 'widget_id') return { inside: ['model-generated-widget-id'], beyond: [] };
  if (name === 'workspace') return { inside: [SEED.works], beyond: [] };
  if (/custom_fields|extra_event/.test(name)) return { inside: ['{}'], beyond: [] };
  return { inside: ['something'], beyond: [] };
}

const link = (gid: string) => `https://app.asana.com/0/${gid}/list`;

/** Chance as a generator of arguments: `strange` is how often a value comes from beyond. */
interface Maker {
  random: Random;
  strange: number;
  tool: string;
}

function make(schema: Schema, name: string, above: string, maker: Maker): unknown {
  const { random, strange, tool } = maker;
  const branches = (schema.anyOf ?? []) as Schema[];
  if (branches.length > 0) return make(random.pick(branches), name, above, maker);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return random.pick(schema.enum as unknown[]);
  const types = [schema.type].flat() as string[];
  const type = random.chance(0.15) ? types.at(-1) : types[0];
  switch (type) {
    case 'null':
      return null;
    case 'boolean':
      return random.chance(0.5);
    case 'number':
      return 10;
    case 'array':
      return Array.from({ length: 1 + random.below(3) }, () => make(schema.items, name, above, maker));
    case 'object':
      return schema.properties ? makeObject(schema, name, maker) : {};
    default:
      return makeText(schema, name, above, { random, strange, tool });
  }
}

function makeObject(schema: Schema, name: string, maker: Maker): Raw {
  const { random, strange } = maker;
  const required = (schema.required ?? []) as string[];
  const made = Object.entries(schema.properties as Schema)
    .filter(([key]) => required.includes(key) || random.chance(0.35))
    .map(([key, property]) => [key, make(property, key, name, maker)]);
  if (random.chance(strange / 10))
    made.push([random.pick(['workspace_gid', 'projects', 'Project_id', 'scope']), SEED.onboarding]);
  return Object.fromEntries(made) as Raw;
}

function makeText(schema: Schema, name: string, above: string, { random, strange, tool }: Maker): unknown {
  const { inside, beyond } = pool_(name, above, tool);
  const one = () => random.pick(random.chance(strange) && beyond.length > 0 ? beyond : inside);
  if (schema.format === 'date' || /^(start|due)Date$/.test(name)) return '2026-11-20';
  if (schema.format === 'date-time') return '2026-11-20T10:00:00Z';
  if (/_any$|^followers$|^members$/.test(name))
    return Array.from({ length: 1 + random.below(2) }, one).join(',');
  const value = one();
  return random.chance(strange / 5) && /^\d{16}$/.test(String(value)) ? Number(value) : value;
}

const namesIn = (schema: Schema): string[] => [
  ...Object.entries((schema.properties ?? {}) as Schema).flatMap(([name, inner]) => [
    name,
    ...namesIn(inner),
  ]),
  ...(schema.items ? namesIn(schema.items) : []),
  ...((schema.anyOf ?? []) as Schema[]).flatMap(namesIn),
  ...(typeof schema.additionalProperties === 'object' ? namesIn(schema.additionalProperties) : []),
];

/** Under the rules about places, tools that can't be narrowed: not one call of them may pass. */
const CLOSED = [
  ...['get_portfolio', 'get_portfolios', 'get_items_for_portfolio', 'get_status_overview', 'get_my_tasks'],
  ...['create_project_from_template', 'create_project_confirm'],
];
const passed = new Map<string, number>();

describe(`of ${CALLS} generated calls of each tool`, () => {
  test.each(tools.map((tool) => [tool.name, tool] as const))(
    '%s: none outside a rule reaches Asana',
    async (tool, { inputSchema }) => {
      const names = new Set(namesIn(inputSchema as Schema));
      const broken: string[] = [];
      for (let n = 0; n < CALLS; n += 1) {
        const random = randomOf(RUN + tool.length * 31 + tool.charCodeAt(tool.length - 1), n);
        const set = n % SETS.length;
        restore();
        // Some are made without strangers, so that of each tool some fit.
        const args = makeObject(inputSchema as Schema, '', {
          random,
          strange: random.chance(0.35) ? 0 : 0.3,
          tool,
        });
        const why = outside(
          SETS[set]!.read(ideas),
          { tool, args },
          { world: gate.sandbox.world, me: SEED.ana, names, seed: SEED },
        );
        gate.sandbox.log.clear();
        const { body } = await post(gate, tokens[set]!, callOf(tool, args));
        const reached = gate.sandbox.log.entries.some(
          ({ rpc }) => rpc?.method === 'tools/call' && typeof rpc.id === 'string',
        );
        // Malformed where a stray argument spells another one.
        const isRefused = /^(Refused by a rule|Not accepted)/.test(body.error?.message ?? '');
        if (reached === isRefused)
          broken.push(`${SETS[set]!.name}: neither refused nor sent: ${JSON.stringify(body)}`);
        if (reached && why !== null) broken.push(`${SETS[set]!.name}: ${why}: ${JSON.stringify(args)}`);
        if (reached) passed.set(tool, (passed.get(tool) ?? 0) + 1);
        if (reached && set < 2 && CLOSED.includes(tool))
          broken.push(`${tool} is closed under ${SETS[set]!.name}`);
      }
      expect(broken, IDEAS).toEqual([]);
    },
    600_000,
  );

  test('and every tool had calls that fit', () => {
    expect(tools.map(({ name }) => name).filter((name) => !passed.has(name))).toEqual([]);
  });
});
