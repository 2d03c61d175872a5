// The Prisma schema and the migrated database say the same, tenants' tables can't mix tenants, and the guard lets no query
// through that does not name its organization.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { db, pool } from '@/lib/db';
import { openLib } from '../support/portal';

let lib: Awaited<ReturnType<typeof openLib>>;
beforeAll(async () => {
  lib = await openLib();
});
afterAll(() => lib.close());

interface Column {
  type: string;
  nullable: boolean;
  default: string | null;
}
interface Table {
  columns: Record<string, Column>;
  /** `primary a,b` and `unique a,b`, sorted. */
  keys: string[];
  /** `a,b → table(c,d) on delete`, sorted. */
  references: string[];
}

const source = readFileSync('prisma/schema.prisma', 'utf8');
const blocks = [...source.matchAll(/^(model|enum) (\w+) \{\n([\s\S]*?)^\}/gm)].map(
  ([, kind, name, body]) => ({
    kind: kind!,
    name: name!,
    lines: body!.split('\n').flatMap((line) => (/^\s*(\/\/|$)/.test(line) ? [] : [line.trim()])),
  }),
);
const mapped = (lines: string[], own: string) =>
  lines.map((line) => /^@@map\("(\w+)"\)/.exec(line)?.[1]).find(Boolean) ?? own;
const tableOf = new Map(blocks.map(({ name, lines }) => [name, mapped(lines, name)]));
const enums = new Map(
  blocks
    .filter(({ kind }) => kind === 'enum')
    .map(({ name, lines }) => [name, lines.filter((line) => /^\w+$/.test(line))]),
);
const models = blocks.filter(({ kind }) => kind === 'model');

const TYPES: Record<string, string> = {
  ...{ String: 'text', Int: 'integer', BigInt: 'bigint', Float: 'double precision', Boolean: 'boolean' },
  ...{ Json: 'jsonb', Bytes: 'bytea' },
};

function fieldsOf(lines: string[]) {
  return lines.flatMap((line) => {
    const [, name, type, list, optional, rest] =
      /^(\w+)\s+(Unsupported\("\w+"\)|\w+)(\[\])?(\?)?\s*(.*)$/.exec(line) ?? [];
    if (!name || !type) return [];
    const isRelation = models.some((model) => model.name === type);
    const column = /@map\("(\w+)"\)/.exec(rest!)?.[1] ?? name;
    return [
      { name, type, isList: Boolean(list), isOptional: Boolean(optional), rest: rest!, column, isRelation },
    ];
  });
}
type Field = ReturnType<typeof fieldsOf>[number];

function typeOf({ type, rest }: Field): string {
  const native = /@db\.(\w+)(?:\((\d)\))?/.exec(rest);
  if (type === 'DateTime' && native?.[1] !== 'Date') return `timestamp(${native![2]}) with time zone`;
  return (
    /^Unsupported\("(\w+)"\)$/.exec(type)?.[1] ??
    native?.[1]!.toLowerCase() ??
    TYPES[type] ??
    tableOf.get(type)!
  );
}

function defaultOf({ rest, type }: Field): string | null {
  const generated = /@default\(dbgenerated\("(.*?)"\)\)/.exec(rest)?.[1];
  if (generated) return generated;
  const given = /@default\((now\(\)|\[\]|"[^"]*"|\w+)\)/.exec(rest)?.[1];
  if (given === undefined) return null;
  if (given === 'now()') return 'CURRENT_TIMESTAMP';
  if (given === '[]') return 'ARRAY[]::text[]';
  if (given.startsWith('"')) return `'${given.slice(1, -1)}'::text`;
  return enums.has(type) ? `'${given}'::${tableOf.get(type)}` : given;
}

function expectedTable({ lines }: { lines: string[] }): Table {
  const fields = fieldsOf(lines);
  const columnsOf = (names: string) =>
    names.split(',').map((name) => {
      const field = fields.find((candidate) => candidate.name === name.trim().replace(/\(.*$/, ''));
      return field!.column;
    });
  const keys = [
    ...fields.filter(({ rest }) => /@id\b/.test(rest)).map(({ column }) => `primary ${column}`),
    ...fields.filter(({ rest }) => /@unique\b/.test(rest)).map(({ column }) => `unique ${column}`),
    ...lines.flatMap((line) => {
      const [, kind, names] = /^@@(id|unique)\(\[(.*?)\]\)/.exec(line) ?? [];
      return names ? [`${kind === 'id' ? 'primary' : kind} ${columnsOf(names).join(',')}`] : [];
    }),
  ];
  const references = fields.flatMap(({ type, rest }) => {
    const [, own, theirs] = /@relation\(fields: \[(.*?)\], references: \[(.*?)\]/.exec(rest) ?? [];
    if (!own || !theirs) return [];
    const other = fieldsOf(models.find((model) => model.name === type)!.lines);
    const there = theirs.split(', ').map((name) => other.find((field) => field.name === name)!.column);
    const onDelete = /onDelete: (\w+)/.exec(rest)?.[1]?.toLowerCase() ?? 'restrict';
    return [`${columnsOf(own).join(',')} → ${tableOf.get(type)}(${there.join(',')}) ${onDelete}`];
  });
  const columns = fields
    .filter((field) => !field.isRelation)
    .map((field): [string, Column] => [
      field.column,
      // PostgreSQL's lists may be null; Prisma reads null as an empty one.
      {
        type: typeOf(field) + (field.isList ? '[]' : ''),
        nullable: field.isOptional || field.isList,
        default: defaultOf(field),
      },
    ]);
  return {
    columns: Object.fromEntries(columns),
    keys: keys.toSorted(),
    references: references.toSorted(),
  };
}

async function actualTable(table: string): Promise<Table> {
  const columns = await pool().query(
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS type, NOT attnotnull AS nullable,
       pg_get_expr(d.adbin, d.adrelid) AS default
     FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped`,
    [table],
  );
  const keys = await pool().query(
    `SELECT CASE WHEN indisprimary THEN 'primary ' ELSE 'unique ' END ||
       (SELECT string_agg(attname, ',' ORDER BY n) FROM unnest(indkey::int[]) WITH ORDINALITY k(attnum, n)
        JOIN pg_attribute a ON a.attrelid = indrelid AND a.attnum = k.attnum) AS key
     FROM pg_index WHERE indrelid = $1::regclass AND indisunique AND indpred IS NULL`,
    [table],
  );
  const references = await pool().query(
    `SELECT (SELECT string_agg(attname, ',' ORDER BY n) FROM unnest(conkey) WITH ORDINALITY k(attnum, n)
         JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = k.attnum) || ' → ' || confrelid::regclass || '(' ||
       (SELECT string_agg(attname, ',' ORDER BY n) FROM unnest(confkey) WITH ORDINALITY k(attnum, n)
         JOIN pg_attribute a ON a.attrelid = confrelid AND a.attnum = k.attnum) || ') ' ||
       CASE confdeltype WHEN 'c' THEN 'cascade' WHEN 'r' THEN 'restrict' ELSE confdeltype::text END AS reference
     FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'f'`,
    [table],
  );
  return {
    columns: Object.fromEntries(columns.rows.map(({ name, ...column }) => [name, column])),
    keys: keys.rows.map(({ key }) => key as string).toSorted(),
    references: references.rows.map(({ reference }) => reference as string).toSorted(),
  };
}

const tables = async () =>
  (
    await pool().query<{ name: string }>(
      `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1`,
    )
  ).rows.map(({ name }) => name);

/** What belongs to the deployment and to no organization; the first keeps the record of migrations. */
const OF_NOBODY = [
  ...['key_checks', 'organizations', 'rate_limits', 'gate_processes', 'witnesses'],
  ...['oauth_clients', 'oauth_states', 'refused_registrations'],
];

describe('the schema', () => {
  test('names every table of the database but the record of migrations, and no other', async () => {
    const named = models.map(({ name }) => tableOf.get(name)!).toSorted();
    expect((await tables()).filter((name) => !/migrations$/.test(name))).toEqual(named);
    expect(named.length).toBeGreaterThan(15);
  });

  test.each(models.map((model) => [tableOf.get(model.name)!, model] as const))(
    'and the table %s agree in columns, types, nullability, defaults, keys and references',
    async (table, model) => {
      const expected = expectedTable(model);
      expect(Object.keys(expected.columns).length).toBeGreaterThan(0);
      expect(await actualTable(table)).toEqual(expected);
    },
  );

  test('and the enums agree, in order', async () => {
    const { rows } = await pool().query(
      `SELECT typname AS name, array_agg(enumlabel::text ORDER BY enumsortorder) AS values
       FROM pg_enum JOIN pg_type t ON t.oid = enumtypid GROUP BY 1`,
    );
    expect(Object.fromEntries(rows.map(({ name, values }) => [name, values]))).toEqual(
      Object.fromEntries([...enums].map(([name, values]) => [tableOf.get(name), values])),
    );
  });
});

describe('a tenant’s table', () => {
  test('names the organization of every row', async () => {
    const { rows } = await pool().query(
      `SELECT table_name AS name FROM information_schema.columns
       WHERE table_schema = 'public' AND column_name = 'organization_id' AND is_nullable = 'NO' ORDER BY 1`,
    );
    const tenants = (await tables()).filter((name) => !OF_NOBODY.includes(name) && !/migrations$/.test(name));
    expect(rows.map(({ name }) => name)).toEqual(tenants);
  });

  test('can’t point at another organization’s row: every reference between tenants carries the organization', async () => {
    const { rows } = await pool().query(
      `SELECT conrelid::regclass::text AS at, confrelid::regclass::text AS target, pg_get_constraintdef(oid) AS definition
       FROM pg_constraint WHERE contype = 'f'`,
    );
    const between = rows.filter(({ target }) => target !== 'organizations');
    expect(between.length).toBeGreaterThan(5);
    for (const { at, definition } of between)
      expect(definition, at).toMatch(
        /FOREIGN KEY \(organization_id, \w+\) REFERENCES \w+\(organization_id, \w+\)/,
      );
    const [one, two] = [crypto.randomUUID(), crypto.randomUUID()];
    await pool().query(`INSERT INTO organizations (id, name) VALUES ($1, 'One'), ($2, 'Two')`, [one, two]);
    const group = await db().group.create({ data: { organizationId: one, slug: 'one', name: 'One' } });
    const member = await db().member.create({
      data: { organizationId: two, email: 'a@two.example', name: 'A' },
    });
    for (const organizationId of [one, two])
      await expect(
        db().groupMember.create({ data: { organizationId, groupId: group.id, memberId: member.id } }),
      ).rejects.toMatchObject({ code: 'P2003' });
  });
});

describe('DB-15: the organization guard', () => {
  const organizationId = crypto.randomUUID();
  const id = crypto.randomUUID();
  type Delegate = Record<string, (args?: object) => Promise<unknown>>;
  const delegate = (model: string) =>
    (db() as unknown as Record<string, Delegate>)[model[0]!.toLowerCase() + model.slice(1)]!;
  const tenants = models
    .filter(({ name }) => !OF_NOBODY.includes(tableOf.get(name)!))
    .map(({ name }) => name);
  const refusal = /does not name its organization/;

  beforeAll(async () => {
    await pool().query(`INSERT INTO organizations (id, name) VALUES ($1, 'Own')`, [organizationId]);
  });

  test.each(tenants)(
    'refuses every query on %s without the organization, and passes its twin',
    async (model) => {
      const reading = ['findMany', 'findFirst', 'findFirstOrThrow', 'count', 'aggregate'];
      for (const operation of [...reading, 'updateMany', 'deleteMany']) {
        const rest = {
          ...(operation === 'aggregate' ? { _count: true } : {}),
          ...(operation === 'updateMany' ? { data: {} } : {}),
        };
        const run = delegate(model)[operation]!;
        await expect(run({ ...rest, where: {} }), operation).rejects.toThrow(refusal);
        await expect(run(operation === 'updateMany' ? rest : undefined), operation).rejects.toThrow(refusal);
        const twin = run({ ...rest, where: { organizationId } }).catch((error: unknown) => error);
        // Audit is insert-only, and OrThrow finds nothing: both mean that the guard let the query through.
        expect(String(await twin), operation).not.toMatch(refusal);
      }
      await expect(delegate(model).createMany!({ data: [{}] })).rejects.toThrow(refusal);
      await expect(delegate(model).create!({ data: {} })).rejects.toThrow(refusal);
    },
  );

  test('is not fooled by an organization that restricts nothing', async () => {
    const wheres: object[] = [
      { organizationId: undefined },
      { organizationId: null },
      { organizationId: { not: organizationId } },
      { organizationId: { in: [organizationId] } },
      { NOT: { organizationId } },
      { OR: [{ organizationId }, {}] },
      { OR: [{ organizationId }] },
      { AND: [{ role: 'admin' }] },
      { organization: { name: organizationId } },
      { groups: { some: { organizationId } } },
      { sessions: { none: { organizationId } } },
      { email: organizationId },
    ];
    for (const where of wheres) {
      await expect(db().member.findMany({ where }), JSON.stringify(where)).rejects.toThrow(refusal);
      await expect(db().member.deleteMany({ where }), JSON.stringify(where)).rejects.toThrow(refusal);
    }
    const twins: object[] = [
      { organizationId },
      { organizationId, OR: [{ role: 'admin' }, {}] },
      { AND: [{ organizationId }] },
    ];
    for (const where of twins) expect(await db().member.findMany({ where })).toEqual([]);
  });

  test('holds for unique look-ups, for each of several new rows, and for both halves of an upsert', async () => {
    const own = { organizationId, slug: 'own', name: 'Own' };
    const key = { organizationId_slug: { organizationId, slug: 'own' } };
    const unguarded = db() as unknown as Record<string, Delegate>;
    const refused: [string, string, object][] = [
      ['group', 'findUnique', { where: { id } }],
      ['group', 'update', { where: { id }, data: { name: 'x' } }],
      ['group', 'delete', { where: { id } }],
      ['member', 'findUnique', { where: { email: 'a@two.example' } }],
      ['group', 'createMany', { data: [own, { slug: 'second', name: 'Second' }] }],
      ['group', 'upsert', { where: { id }, create: own, update: {} }],
      ['group', 'upsert', { where: key, create: { slug: 'own', name: 'Own' }, update: {} }],
    ];
    for (const [model, operation, args] of refused)
      await expect(unguarded[model]![operation]!(args), operation).rejects.toThrow(refusal);
    expect(await db().group.findUnique({ where: key })).toBeNull();
    await db().group.upsert({ where: key, create: own, update: {} });
    expect(await db().group.findUnique({ where: key })).toMatchObject(own);
    await db().group.createMany({ data: [{ ...own, slug: 'second' }] });
    expect(await db().group.count({ where: { organizationId } })).toBe(2);
  });

  test('holds inside a transaction too', async () => {
    const inside = db().$transaction((tx) => tx.member.findMany({ where: { role: 'admin' } }));
    await expect(inside).rejects.toThrow(refusal);
  });
});
