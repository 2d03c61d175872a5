// Everything that one run of the bench needs, started and seeded: a PostgreSQL of its own with two databases alike, the upstream, the
// bare proxy, one gate on the one database and a pair of gates on the other, so that each sees only its own load.
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { saveAsanaApp } from '@/lib/asana/asana-app';
import type { Actor } from '@/lib/audit/append';
import { closeDatabase, db, pool, transaction } from '@/lib/db';
import { setEnv } from '@/lib/env';
import { createGroup } from '@/lib/people/groups';
import { addMember } from '@/lib/people/members';
import { createOrganization, updateOrganization } from '@/lib/people/organizations';
import { mintAgentToken } from '@/lib/tokens/agent-tokens';
import { placeOf, sealSecret } from '@/lib/vault/vault';
import { createTestDatabase, startTestPostgres } from '../support/database';
import { startChild, type Child } from './children';
import { parentOf } from './process-usage';
import type { Upstream } from './upstream';
import { allowedTools } from './workloads';

const MEMBERS = 8;
const TOKENS_EACH = 8;
/** Asana takes 50 calls in flight through one connection (lib/policy/limits): 5,000 streams need a hundred. */
const STREAM_MEMBERS = 101;
/** Far above what a cell reaches: a limit that refuses is not what is measured here. */
const PER_MINUTE = 10_000_000;

export interface Setting {
  load: Child;
  upstream: Child & Upstream;
  bare: Child & { port: number };
  /** The first is alone on its database, the other two share theirs. */
  gates: (Child & { port: number })[];
  /** Of PostgreSQL's postmaster. */
  postgresPid: number;
  /** Agent tokens of eight members, eight each; neighbours belong to different members. */
  bearers: string[];
  /** One agent token of each of many more members. */
  streamBearers: string[];
  /** Ends everything, the folder of the database included. */
  close(): Promise<void>;
}

/**
 * Starts all of it. `pair`: two gates more; `streams`: `streamBearers` too; `whole`: gates are server.ts itself, which must be built.
 * Throws what could not be started, and where `signal` ends the start; nothing is left running then.
 */
export async function startSetting({
  pair,
  streams,
  whole,
  signal,
}: {
  pair: boolean;
  streams: boolean;
  whole: boolean;
  signal: AbortSignal;
}): Promise<Setting> {
  const postgres = await startTestPostgres();
  const children: Child[] = [];
  let closed: Promise<void> | undefined;
  const close = () =>
    (closed ??= (async () => {
      await Promise.all(children.map((child) => child.end()));
      await closeDatabase();
      await postgres.stop();
    })());
  const start = async <Served extends object>(file: string, order?: unknown, options = {}) => {
    signal.throwIfAborted();
    const child = await startChild(file, options);
    children.push(child);
    return Object.assign(child, await child.tell<Served>('serve', order));
  };
  try {
    const upstream = await start<Upstream>('upstream.ts');
    const bare = await start<{ port: number }>('bare-proxy.ts', upstream.port);
    const load = await startChild('load.ts');
    children.push(load);
    const database = await createTestDatabase(postgres.url);
    const variables = {
      NODE_ENV: 'production',
      NEXT_TELEMETRY_DISABLED: '1',
      PORT: '0',
      HOST: '127.0.0.1',
      DATABASE_URL: database.url,
      GATEHOUSE_URL: 'http://localhost:3000',
      GATEHOUSE_SECRET: randomBytes(32).toString('base64'),
      GATEHOUSE_KEYS: `bench:${randomBytes(32).toString('base64')}`,
      GATEHOUSE_LOG: 'error',
      ASANA_MCP_URL: `http://127.0.0.1:${upstream.port}/v2/mcp`,
      ASANA_OAUTH_URL: `http://127.0.0.1:${upstream.port}`,
      ASANA_RESOURCE: `http://127.0.0.1:${upstream.port}/v2`,
      GATEHOUSE_ALLOW_INSECURE_UPSTREAM: '1',
    };
    setEnv(variables);
    const seeded = await seed(streams ? STREAM_MEMBERS : 0);
    // As in a database that has been in use: autovacuum would do it in the middle of some cell.
    await pool().query('ANALYZE');
    await closeDatabase(); // a template must have no visitors
    const pairUrl = await copyDatabase(postgres.url, database.url);
    const gateOn = (url: string) =>
      start<{ port: number }>('gate.ts', undefined, {
        env: { ...variables, DATABASE_URL: url, BENCH_WHOLE: whole ? '1' : '' },
        execArgv: ['--expose-gc'],
        built: true,
      });
    const gates = await Promise.all([database.url, ...(pair ? [pairUrl, pairUrl] : [])].map(gateOn));
    return { load, upstream, bare, gates, ...seeded, postgresPid: await postmasterOf(postgres.url), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function seed(streamMembers: number): Promise<{ bearers: string[]; streamBearers: string[] }> {
  const email = 'admin@example.com';
  const { organizationId, adminId } = await transaction((tx) =>
    createOrganization(tx, { name: 'Bench', admin: { email, name: 'Admin' }, credentialName: 'bench' }),
  );
  const actor: Actor = {
    organizationId,
    memberId: adminId,
    memberEmail: email,
    credential: { kind: 'session', id: 'bench', name: null },
  };
  await transaction(async (tx) => {
    const limits = { connectionPerMinute: PER_MINUTE, searchPerMinute: PER_MINUTE };
    await updateOrganization(tx, actor, { asanaPlan: 'paid', limits });
    await saveAsanaApp(tx, actor, { clientId: '1200000000000001', clientSecret: 'of-the-bench' });
  });
  const members: { email: string; tokens: string[] }[] = [];
  for (let n = 0; n < MEMBERS + streamMembers; n += 1)
    members.push(await addConnected(actor, `member${n}@example.com`, n < MEMBERS ? TOKENS_EACH : 1));
  const emails = members.map(({ email: address }) => address);
  await transaction((tx) =>
    createGroup(tx, actor, { name: 'Agents', tools: allowedTools(), members: emails }),
  );
  const busy = members.slice(0, MEMBERS);
  return {
    bearers: Array.from({ length: TOKENS_EACH }, (_, n) => busy.map(({ tokens }) => tokens[n]!)).flat(),
    streamBearers: members.slice(MEMBERS).flatMap(({ tokens }) => tokens),
  };
}

async function addConnected(actor: Actor, email: string, tokens: number) {
  const { organizationId } = actor;
  const { id: memberId } = await transaction((tx) =>
    addMember(tx, actor, { email, name: email, role: 'member' }),
  );
  const id = crypto.randomUUID();
  const sealed = (column: 'access_token' | 'refresh_token') =>
    sealSecret(placeOf(organizationId, 'connections', column, id), randomBytes(40).toString('hex'));
  await db().connection.create({
    data: {
      id,
      organizationId,
      memberId,
      clientId: '1200000000000001',
      workspaceGid: '1200000000000002',
      asanaEmail: email,
      accessToken: sealed('access_token'),
      refreshToken: sealed('refresh_token'),
      accessExpiresAt: new Date(Date.now() + 86_400_000),
    },
  });
  const theirs = { ...actor, memberId, memberEmail: email };
  const minted: string[] = [];
  await transaction(async (tx) => {
    for (let n = 0; n < tokens; n += 1)
      minted.push((await mintAgentToken(tx, theirs, { name: `agent ${n}` })).token);
  });
  return { email, tokens: minted };
}

async function onServer<Answer>(url: string, work: (client: Client) => Promise<Answer>): Promise<Answer> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** A second database like the first; returns its URL. */
function copyDatabase(serverUrl: string, url: string): Promise<string> {
  return onServer(serverUrl, async (client) => {
    await client.query(`CREATE DATABASE bench_pair TEMPLATE ${new URL(url).pathname.slice(1)}`);
    return Object.assign(new URL(url), { pathname: '/bench_pair' }).href;
  });
}

const postmasterOf = (serverUrl: string): Promise<number> =>
  onServer(serverUrl, async (client) =>
    parentOf((await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]!.pid),
  );
