// The rules of the house, each a pure function from a parsed file to what is wrong with it (empty: nothing).
import { chainOf, stringOf, type Source } from './source';

export type Rule = (source: Source) => string[];

/** A lib folder may import from its own height or below. A folder that is not here has no place yet: give it one. */
const HEIGHTS: Record<string, number> = {
  portal: 4,
  ...{ gateway: 3, directory: 3, offboarding: 3, config: 3, undo: 3 },
  ...{ oauth: 2, asana: 2, policy: 2, catalogue: 2, tokens: 2, audit: 2, people: 2, approvals: 2 },
  'write-safety': 2,
  ...{ vault: 1, events: 1, schedule: 1 },
  ...{
    database: 0,
    generated: 0,
    db: 0,
    env: 0,
    errors: 0,
    log: 0,
    http: 0,
    'http-exchange': 0,
    'http-sink': 0,
  },
  ...{ 'caller-address': 0, drain: 0 },
};
const STRANGERS = ['asana', 'oauth', 'people'];
const WEB = ['app', 'components', 'server'];

const under = (path: string, ...folders: string[]) =>
  folders.some((folder) => path === folder || path.startsWith(`${folder}/`));
/** The folder (or file) of lib that a path belongs to: `lib/gateway/decode` → `gateway`. */
const unitOf = (path: string) => /^lib\/([^/.]+)/.exec(path)?.[1];
const say = (source: Source, imported: string, why: string) => `${source.path} imports ${imported}: ${why}`;

/** app, server.ts → gateway → oauth asana policy catalogue tokens audit people → vault events → database db env errors log http. */
export const importsPointDown: Rule = (source) => {
  const unit = unitOf(source.path);
  if (under(source.path, 'components'))
    return source.imports
      .filter((path) => under(path, 'app', 'server'))
      .map((path) => say(source, path, 'components are below app.'));
  if (unit === undefined || unit === 'sandbox') return [];
  if (!(unit in HEIGHTS))
    return [`${source.path}: lib/${unit} has no height in tests/support/architecture.ts.`];
  return source.imports.flatMap((path) => {
    if (path === 'computed:') return [`${source.path} imports a computed name, which no rule can check.`];
    if (under(path, ...WEB, 'scripts', 'tests')) return [say(source, path, 'lib is below it.')];
    const imported = unitOf(path);
    if (imported === undefined || imported === 'sandbox') return [];
    return (HEIGHTS[imported] ?? Infinity) > HEIGHTS[unit]!
      ? [say(source, path, `${imported} is above ${unit}.`)]
      : [];
  });
};

export const strangersStayApart: Rule = (source) => {
  const unit = unitOf(source.path);
  if (unit === undefined || !STRANGERS.includes(unit)) return [];
  return source.imports
    .filter((path) => unitOf(path) !== unit && STRANGERS.includes(unitOf(path) ?? ''))
    .map((path) => say(source, path, `${STRANGERS.join(', ')} do not know each other.`));
};

/** The stand-in Asana shares no code with what is tested against it, or both could be wrong together. */
export const sandboxStandsAlone: Rule = (source) => {
  if (under(source.path, 'lib/sandbox'))
    return source.imports
      .filter(
        (path) =>
          !under(path, 'lib/sandbox') &&
          !path.startsWith('node:') &&
          !/^lib\/catalogue\/recorded-/.test(path),
      )
      .map((path) =>
        say(source, path, "the sandbox knows only itself, the recorded tools and Node's own modules."),
      );
  if (under(source.path, 'tests', 'scripts')) return [];
  return source.imports
    .filter((path) => under(path, 'lib/sandbox'))
    .map((path) => say(source, path, 'the product does not know the sandbox.'));
};

export const onlyPortalKnowsTheWeb: Rule = (source) =>
  under(source.path, 'lib') && !under(source.path, 'lib/portal')
    ? source.imports
        .filter((path) => under(path, 'next', 'next-auth', 'react', 'react-dom'))
        .map((path) => say(source, path, 'in lib only portal may.'))
    : [];

export const pagesReadThroughLib: Rule = (source) =>
  under(source.path, 'app', 'components')
    ? source.imports
        .filter((path) => under(path, 'lib/db', 'lib/generated', 'lib/database', 'pg', '@prisma'))
        .map((path) => say(source, path, 'pages and components reach the database through lib.'))
    : [];

export const oneReaderOfTheEnvironment: Rule = (source) => {
  if (
    source.path === 'lib/env.ts' ||
    under(source.path, 'scripts', 'tests') ||
    /^[^/]+\.config\.m?ts$/.test(source.path)
  )
    return [];
  const direct = source.nodes.some((node) => /(^|\.)process\.env$/.test(chainOf(node)));
  const destructured = source.nodes.some(
    ({ type, init, id }) =>
      type === 'VariableDeclarator' &&
      /(^|\.)process$/.test(init ? chainOf(init as never) : '') &&
      JSON.stringify(id).includes('"name":"env"'),
  );
  const imported = source.nodes.some(
    (node) =>
      node.type === 'ImportDeclaration' && /^(node:)?process$/.test(stringOf(node.source as never) ?? ''),
  );
  return direct || destructured || imported
    ? [`${source.path} reads process.env; only lib/env.ts does.`]
    : [];
};

/** Server actions are made by lib/portal's wrapper (who, role, schema, transaction, audit) and by nothing else. */
export const actionsAreWrapped: Rule = (source) => {
  if (!under(source.path, 'app', 'components')) return [];
  const directives = source.nodes.filter((node) => node.directive === 'use server');
  if (directives.length === 0) return [];
  const program = source.nodes[0]!.body as Source['nodes'];
  if (!directives.every((node) => program.includes(node)))
    return [
      `${source.path} hides a server action in a function: put it into a file of its own that begins with 'use server'.`,
    ];
  const wrappers = new Set(
    source.nodes
      .filter(
        (node) =>
          node.type === 'ImportDeclaration' &&
          /^(@\/|.*\/)lib\/portal\//.test(stringOf(node.source as never) ?? ''),
      )
      .flatMap((node) => (node.specifiers as { local: { name: string } }[]).map(({ local }) => local.name)),
  );
  const exported = program.filter((node) => /^Export/.test(node.type) && node.exportKind !== 'type');
  const wrapped = (node: Source['nodes'][number]) => {
    const declarations = (node.declaration as { declarations?: { init?: { callee?: never } }[] } | null)
      ?.declarations;
    return declarations?.every(({ init }) => init?.callee && wrappers.has(chainOf(init.callee))) ?? false;
  };
  return exported.every(wrapped)
    ? []
    : [`${source.path} exports a server action that lib/portal's wrapper did not make.`];
};

const PURE = /^lib\/(policy\/|gateway\/(?:decode|circuit)|vault\/seal)/;
const PURE_MODULES = /^(node:(crypto|buffer|util|string_decoder)|zod|lib\/errors)$/;
const IMPURE =
  /^(globalThis\.)?(fetch|setTimeout|setInterval|setImmediate|Date|Date\.now|performance\.now|Math\.random)$/;

/** What decides and what seals has no I/O and no clock: time is a parameter, so that every case can be tested. */
export const judgementIsPure: Rule = (source) => {
  if (!PURE.test(source.path)) return [];
  const imported = source.imports
    .filter((path) => !PURE.test(path) && !PURE_MODULES.test(path))
    .map((path) => say(source, path, 'what decides and what seals is pure.'));
  const calls = source.nodes.flatMap((node) => {
    const callee = /^(Call|New)Expression$/.test(node.type) ? chainOf(node.callee as never) : '';
    const parsesDate = node.type === 'NewExpression' && (node.arguments as unknown[]).length > 0;
    return IMPURE.test(callee) && !parsesDate ? [`${source.path} calls ${callee}: time is a parameter.`] : [];
  });
  return [...imported, ...calls];
};

export const namesSayWhat: Rule = ({ path }) => {
  const parts = path.split('/');
  const problems: string[] = [];
  if (/^index\.[cm]?[jt]sx?$/.test(parts.at(-1)!))
    problems.push(`${path}: name the file after what it does.`);
  const drawer = parts
    .slice(0, -1)
    .find((name) => /^(utils?|helpers?|services?|common|shared|misc)$/.test(name));
  if (drawer) problems.push(`${path}: "${drawer}" says nothing; name the folder after what it is for.`);
  if (/^(lib|components|tests)$/.test(parts[0]!) && parts.length > 3)
    problems.push(`${path} is on a fourth level.`);
  return problems;
};

/** Table and Prisma model → the folders that may write it, from the comment above each model of schema.prisma. */
export function readOwners(schema: string): Map<string, string[]> {
  const models = schema.matchAll(/\/\/\/ Owner: ([^.\n]*)[^\n]*\nmodel (\w+) \{[\s\S]*?@@map\("(\w+)"\)/g);
  return new Map(
    [...models].flatMap(([, owners, model, table]) => {
      const places = [...owners!.matchAll(/lib\/[\w-]+|gateway\/[\w-]+/g)].map(([place]) =>
        place.replace(/^gateway/, 'lib/gateway'),
      );
      return [
        [model!.charAt(0).toLowerCase() + model!.slice(1), places],
        [table!, places],
      ] as const;
    }),
  );
}

/** Each table is written by its owner only. `owners`: of `readOwners`. */
export const tablesHaveOneWriter =
  (owners: Map<string, string[]>): Rule =>
  (source) => {
    if (!under(source.path, 'lib', 'app', 'components', 'server.ts')) return [];
    const written = source.nodes.flatMap((node) => {
      const text = node.type === 'TemplateElement' ? (node.value as { raw: string }).raw : stringOf(node);
      const sql = [
        ...(text ?? '').matchAll(/\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|TRUNCATE)\s+"?(\w+)/g),
      ].map(([, table]) => table!);
      const call = node.type === 'CallExpression' ? chainOf(node.callee as never).split('.') : [];
      const writes =
        /^(create|update|upsert|delete)(Many|ManyAndReturn)?$/.test(call.at(-1) ?? '') && call.length > 2;
      return writes ? [...sql, call.at(-2)!] : sql;
    });
    return [...new Set(written)]
      .filter(
        (table) => owners.has(table) && !owners.get(table)!.some((place) => source.path.startsWith(place)),
      )
      .map((table) => `${source.path} writes ${table}, which ${owners.get(table)!.join(' and ')} owns.`);
  };
