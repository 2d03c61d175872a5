// `npm run seed:large`: a database of the size that Gatehouse promises to be quick at. One organization with 2,000 members, 50 groups,
// 60 tools and a million audit records of 90 days, in a data folder of its own (`large` in GATEHOUSE_DATA) or in DATABASE_URL.
//
// The same seed gives the same people, groups and calls; keys, passwords and bearers are new each time. Everything in it is made up.
// Long, because it is one seeding told in order; the calls are drawn in large-records.ts.
import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from 'pg';
import type { Actor } from '@/lib/audit/append';
import type { ToolDefinition } from '@/lib/catalogue/classify';
import { writeRecords, type Caller } from './large-records';

const { values: given } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    records: { type: 'string', default: '1000000' },
    members: { type: 'string', default: '2000' },
  },
});
const seed = Math.trunc(Number(given.seed));
const size = {
  records: Math.min(5_000_000, Math.max(1_000, Math.trunc(Number(given.records)) || 0)),
  members: Math.min(20_000, Math.max(50, Math.trunc(Number(given.members)) || 0)),
  groups: 50,
  syntheticTools: 21,
  days: 90,
};

const folder = join(process.env.GATEHOUSE_DATA || './data', 'large');
/** A database that the operator names, instead of an embedded one in the folder. */
const isNamed = Boolean(process.env.DATABASE_URL);
if (!isNamed) process.env.GATEHOUSE_DATA = folder;
process.env.GATEHOUSE_LOG ||= 'warn';

const { openDatabase } = await import('@/lib/database/open-database');
const { closeDatabase, db, transaction } = await import('@/lib/db');
const { env, EnvironmentError } = await import('@/lib/env');
const { saveAsanaApp } = await import('@/lib/asana/asana-app');
const { layChain } = await import('@/lib/audit/chain');
const { applyListing, updateTool } = await import('@/lib/catalogue/catalogue');
const { recordedTools } = await import('@/lib/catalogue/recorded-tools');
const { createGroup } = await import('@/lib/people/groups');
const { createOrganization, isSetUp } = await import('@/lib/people/organizations');
const { hashPassword } = await import('@/lib/people/passwords');
const { hashToken, mintToken } = await import('@/lib/tokens/token-format');
const { checkKeyRing, placeOf, sealSecret } = await import('@/lib/vault/vault');

const ADMIN = { email: 'admin@example.com', name: 'Large admin' };
const NAMES = [
  'Ana',
  'Ben',
  'Cleo',
  'Dan',
  'Eva',
  'Finn',
  'Gia',
  'Hugo',
  'Ida',
  'Jon',
  'Kim',
  'Leo',
  'Mia',
  'Noa',
];
const startedMs = performance.now();

function report(line: string): void {
  console.log(`${((performance.now() - startedMs) / 1000).toFixed(1).padStart(6)} s  ${line}`);
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomFrom(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
const random = randomFrom(seed);
const upTo = (n: number) => Math.floor(random() * n);
const pick = <T>(from: readonly T[], n: number): T[] =>
  [...from]
    .map((value) => ({ value, key: random() }))
    .toSorted((a, b) => a.key - b.key)
    .slice(0, n)
    .map(({ value }) => value);

const syntheticTool = (n: number): ToolDefinition => ({
  name: `synthetic_tool_${String(n + 1).padStart(2, '0')}`,
  title: `Synthetic tool ${n + 1}`,
  description: 'Made up to fill a large catalogue; Asana has no such tool.',
  inputSchema: { type: 'object', properties: { text: { type: 'string' } } },
  annotations: { readOnlyHint: n % 3 !== 0, destructiveHint: n % 7 === 0 },
});

/** The organization with its admin, app, tools; returns who acts for it. */
async function makeOrganization(password: string): Promise<Actor & { memberId: string }> {
  const { organizationId, adminId } = await transaction((tx) =>
    createOrganization(tx, {
      name: 'Large Works',
      admin: { ...ADMIN, password },
      credentialName: 'npm run seed:large',
    }),
  );
  const actor = {
    ...{ organizationId, memberId: adminId, memberEmail: ADMIN.email },
    credential: { kind: 'session' as const, id: 'seed', name: null },
  };
  const app = { clientId: '1200000000000001', clientSecret: randomBytes(16).toString('hex') };
  await transaction((tx) => saveAsanaApp(tx, actor, app));
  const recorded = recordedTools() as unknown as ToolDefinition[];
  const synthetic = Array.from({ length: size.syntheticTools }, (_, n) => syntheticTool(n));
  await transaction((tx) => applyListing(tx, actor, [...recorded, ...synthetic]));
  // The last three wait for a review.
  for (const { name } of synthetic.slice(0, -3))
    await transaction((tx) => updateTool(tx, actor, name, { status: 'reviewed' }));
  return actor;
}

/** Rows for a table, a thousand at a time. `types` are those of the columns. */
async function insertRows(
  client: Client,
  table: string,
  types: Record<string, string>,
  rows: Record<string, unknown>[],
): Promise<void> {
  const names = Object.keys(types);
  for (let n = 0; n < rows.length; n += 1_000) {
    const part = rows.slice(n, n + 1_000);
    await client.query(
      `INSERT INTO ${table} (${names.join(', ')})
       SELECT * FROM unnest(${names.map((name, at) => `$${at + 1}::${types[name]}[]`).join(', ')})`,
      names.map((name) => part.map((row) => row[name] ?? null)),
    );
  }
}

interface Person {
  id: string;
  email: string;
}

/** Members: one in twenty invited, one in five long unseen, a few auditors and admins. The invited ones are the last. */
async function makeMembers(client: Client, actor: Actor, password: string): Promise<Person[]> {
  const passwordHash = await hashPassword(password);
  const bornMs = Date.now() - (size.days + 1) * 86_400_000;
  const rows = Array.from({ length: size.members - 1 }, (_, n) => {
    const name = NAMES[n % NAMES.length]!;
    const invited = n >= size.members * 0.95;
    const seenDays = random() < 0.2 ? 31 + random() * 59 : random() * 30;
    return {
      id: crypto.randomUUID(),
      organization_id: actor.organizationId,
      email: `${name.toLowerCase()}.${n + 1}@example.com`,
      name: `${name} ${n + 1}`,
      role: n < 3 ? 'admin' : n < 12 ? 'auditor' : 'member',
      password_hash: invited ? null : passwordHash,
      last_seen_at: invited ? null : new Date(Date.now() - seenDays * 86_400_000),
      created_at: new Date(invited ? Date.now() - 86_400_000 : bornMs),
    };
  });
  const types = { id: 'uuid', organization_id: 'uuid', email: 'text', name: 'text', role: 'role' };
  const more = { password_hash: 'text', last_seen_at: 'timestamptz', created_at: 'timestamptz' };
  await insertRows(client, 'members', { ...types, ...more }, rows);
  const invites = rows.flatMap(({ id, password_hash }) =>
    password_hash === null ? [{ organization_id: actor.organizationId, member_id: id }] : [],
  );
  await insertRows(
    client,
    'invites',
    { organization_id: 'uuid', member_id: 'uuid', token_hash: 'bytea', expires_at: 'timestamptz' },
    invites.map((row) => ({
      ...row,
      token_hash: Buffer.from(hashToken(mintToken('ghi'))),
      expires_at: new Date(Date.now() + 6 * 86_400_000),
    })),
  );
  for (const table of ['organizations', 'members'])
    await client.query(
      `UPDATE ${table} SET created_at = $2 WHERE ${table === 'members' ? 'organization_id' : 'id'} = $1 AND created_at > $2`,
      [actor.organizationId, new Date(bornMs)],
    );
  return rows.filter(({ password_hash }) => password_hash !== null).map(({ id, email }) => ({ id, email }));
}

/** Groups of everybody's, each member in one to three of them. */
async function makeGroups(actor: Actor, people: readonly Person[], tools: readonly string[]): Promise<void> {
  const members = Array.from({ length: size.groups }, (): string[] => []);
  for (const { email } of people)
    for (const at of new Set([upTo(size.groups), upTo(size.groups), upTo(size.groups)].slice(0, 1 + upTo(3))))
      members[at]!.push(email);
  for (const [n, emails] of members.entries())
    await transaction((tx) =>
      createGroup(tx, actor, {
        name: `Team ${String(n + 1).padStart(2, '0')}`,
        tools: pick(tools, 4 + upTo(20)),
        members: emails,
      }),
    );
}

/** A connection (one in twenty-five needs its person) and one or two agent tokens for nine people in ten. */
async function makeAgents(client: Client, actor: Actor, people: readonly Person[]): Promise<Caller[]> {
  const { organizationId } = actor;
  const connected = people.filter(() => random() < 0.9);
  const sealed = (column: string, id: string) =>
    sealSecret(
      placeOf(organizationId, 'connections', column, id),
      `synthetic-${randomBytes(24).toString('hex')}`,
    );
  const connections = connected.map(({ id: member_id, email }) => {
    const id = crypto.randomUUID();
    return {
      ...{
        id,
        organization_id: organizationId,
        member_id,
        client_id: '1200000000000001',
        asana_email: email,
      },
      ...{ workspace_gid: '1200000000000100', workspace_name: 'Synthetic workspace' },
      ...{ access_token: sealed('access_token', id), refresh_token: sealed('refresh_token', id) },
      access_expires_at: new Date(Date.now() + 3_600_000),
      status: random() < 0.04 ? 'needs_reconnect' : 'active',
    };
  });
  await insertRows(
    client,
    'connections',
    {
      ...{ id: 'uuid', organization_id: 'uuid', member_id: 'uuid', client_id: 'text', asana_email: 'text' },
      ...{ workspace_gid: 'text', workspace_name: 'text', access_token: 'text', refresh_token: 'text' },
      ...{ access_expires_at: 'timestamptz', status: 'connection_status' },
    },
    connections,
  );
  const tokens = connections.flatMap(({ id: connectionId, member_id, asana_email }) =>
    Array.from({ length: 1 + upTo(2) }, (_, n) => {
      const token = mintToken('gth');
      return {
        ...{ id: crypto.randomUUID(), organization_id: organizationId, member_id, name: `Agent ${n + 1}` },
        ...{ token_hash: Buffer.from(hashToken(token)), last4: token.slice(-4), tools: null },
        ...{
          last_used_at: new Date(Date.now() - random() * 20 * 86_400_000),
          connectionId,
          email: asana_email,
        },
      };
    }),
  );
  await insertRows(
    client,
    'agent_tokens',
    {
      ...{ id: 'uuid', organization_id: 'uuid', member_id: 'uuid', name: 'text', token_hash: 'bytea' },
      ...{ last4: 'text', last_used_at: 'timestamptz' },
    },
    tokens,
  );
  return tokens.map(({ id, name, member_id, email, connectionId }) => ({
    ...{ tokenId: id, tokenName: name, memberId: member_id, email, connectionId },
  }));
}

async function reportChain(client: Client): Promise<void> {
  const { rows } = await client.query<{ seq: string }>('SELECT seq FROM audit_chain_heads');
  report(`${rows[0]?.seq ?? 0} records are in the chain and in the sums`);
}

async function main(): Promise<void> {
  const database = await openDatabase(report);
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    await checkKeyRing();
    if (await isSetUp())
      throw new EnvironmentError([
        `This database holds an organization already; remove ${env().GATEHOUSE_DATA} or name an empty database in DATABASE_URL.`,
      ]);
    const password = randomBytes(12).toString('base64url');
    const actor = await makeOrganization(password);
    const people = await makeMembers(client, actor, password);
    const catalogue = await db().tool.findMany({
      where: { organizationId: actor.organizationId },
      orderBy: { position: 'asc' },
      select: { name: true, status: true },
    });
    const tools = catalogue.filter(({ status }) => status === 'reviewed').map(({ name }) => name);
    await makeGroups(actor, people, tools);
    const callers = await makeAgents(client, actor, people);
    report(
      `${size.members} members, ${size.groups} groups, ${catalogue.length} tools, ${callers.length} agent tokens`,
    );
    const { organizationId } = actor;
    await writeRecords(client, { organizationId, seed, callers, tools, ...size }, report);
    const watch = setInterval(() => void reportChain(client), 10_000);
    await layChain().finally(() => clearInterval(watch));
    await reportChain(client);
    await client.query('VACUUM ANALYZE');
    report('done');
    const data = isNamed ? 'this DATABASE_URL and its keys' : `GATEHOUSE_DATA=${resolve(folder)}`;
    console.log(`\nServe it with ${data} and npm start; sign in as ${ADMIN.email} with ${password}`);
  } finally {
    await client.end();
    await closeDatabase();
    await database.close();
  }
}

await main().catch((error: unknown) => {
  console.error(error instanceof EnvironmentError ? error.message : error);
  process.exitCode = 1;
});
