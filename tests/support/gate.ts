// A gate in this process over a real database and the sandbox, with people in it: what tests/gateway works with.
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startChainer } from '@/lib/audit/chain';
import { searchAudit, type AuditFilter, type AuditRecord } from '@/lib/audit/records';
import type { Actor } from '@/lib/audit/append';
import { saveAsanaApp } from '@/lib/asana/asana-app';
import { closeDatabase, db, pool, transaction } from '@/lib/db';
import { setEnv } from '@/lib/env';
import { flushOutcomes } from '@/lib/gateway/outcomes';
import { serveMcp } from '@/lib/gateway/serve-mcp';
import { createGroup } from '@/lib/people/groups';
import { addMember } from '@/lib/people/members';
import type { Limits } from '@/lib/policy/limits';
import { createOrganization } from '@/lib/people/organizations';
import { startSandbox, type Sandbox, type SandboxOptions } from '@/lib/sandbox/start-sandbox';
import { mintAgentToken } from '@/lib/tokens/agent-tokens';
import { placeOf, sealSecret } from '@/lib/vault/vault';
import { createTestDatabase } from './database';

export interface Gate {
  url: string;
  sandbox: Sandbox;
  /** What the sandbox's MCP endpoint received, as `method` and tool. */
  upstreamCalls(): { method: string; tool?: string }[];
  stop(): Promise<void>;
}

export interface GateOptions {
  /** False: no chainer, so that the gate's own queries are the only ones. */
  chain?: boolean;
  /** Puts something between the gate and its database; returns the URL to use. */
  databaseThrough?: (url: string) => Promise<string>;
  /** Of `startTestPostgres`; needed outside of vitest only. */
  postgresUrl?: string;
  sandbox?: SandboxOptions;
}

/** A gate whose HTTP server is here too. */
export interface OwnGate extends Gate {
  /** Resolves when nothing is done any more for the client on this port, which hung up; after half a minute at the latest. */
  quiet(port: number): Promise<void>;
}

/** Points the process at a database of its own and a sandbox, and serves the gate on a free port. */
export async function startGate(options: GateOptions = {}): Promise<OwnGate> {
  const { chain = true, databaseThrough, postgresUrl } = options;
  const database = await createTestDatabase(postgresUrl);
  const databaseUrl = (await databaseThrough?.(database.url)) ?? database.url;
  const sandbox = await startSandbox(options.sandbox);
  const connections = new Map<number, { handlers: number; isOpen: boolean }>();
  const server = createServer((request, response) => {
    const connection = connections.get(request.socket.remotePort!);
    if (connection) connection.handlers += 1;
    void serveMcp(request, response).finally(() => connection && (connection.handlers -= 1));
  });
  server.on('connection', (socket) => {
    const connection = { handlers: 0, isOpen: true };
    connections.set(socket.remotePort!, connection);
    socket.on('close', () => (connection.isOpen = false));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  setEnv({
    DATABASE_URL: databaseUrl,
    GATEHOUSE_URL: origin,
    GATEHOUSE_SECRET: randomBytes(32).toString('base64'),
    GATEHOUSE_KEYS: `test:${randomBytes(32).toString('base64')}`,
    GATEHOUSE_LOG: 'silent',
    ASANA_MCP_URL: sandbox.mcpUrl,
    ASANA_OAUTH_URL: sandbox.oauthUrl,
    ASANA_RESOURCE: sandbox.resource,
    GATEHOUSE_ALLOW_INSECURE_UPSTREAM: '1',
  });
  const stopChainer = chain ? startChainer(50) : () => Promise.resolve();
  return {
    url: `${origin}/mcp`,
    sandbox,
    async quiet(port) {
      const isQuiet = () => {
        const connection = connections.get(port);
        return connection !== undefined && !connection.isOpen && connection.handlers === 0;
      };
      for (let n = 0; n < 3_000 && !isQuiet(); n += 1)
        await new Promise((resolve) => setTimeout(resolve, 10));
      connections.delete(port);
    },
    upstreamCalls: () =>
      sandbox.log.entries
        .filter(({ path }) => path.startsWith('/v2/mcp'))
        .map(({ rpc, method }) => ({
          method: rpc?.method ?? method,
          ...(rpc?.tool ? { tool: rpc.tool } : {}),
        })),
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await stopChainer();
      await flushOutcomes();
      await closeDatabase();
      await sandbox.close();
      await database.drop();
    },
  };
}

export interface TestOrganization {
  id: string;
  actor: Actor;
}

/** An organization with its catalogue and its Asana app at the sandbox. */
export async function makeOrganization(gate: Gate, name: string): Promise<TestOrganization> {
  const email = `admin@${name.toLowerCase()}.example`;
  const { organizationId, adminId } = await transaction((tx) =>
    createOrganization(tx, { name, admin: { email, name: 'Admin' }, credentialName: 'test' }),
  );
  const actor: Actor = {
    organizationId,
    memberId: adminId,
    memberEmail: email,
    credential: { kind: 'session', id: 'test', name: null },
  };
  const [app] = gate.sandbox.apps;
  await transaction((tx) =>
    saveAsanaApp(tx, actor, { clientId: app!.clientId, clientSecret: app!.clientSecret }, { confirm: false }),
  );
  return { id: organizationId, actor };
}

export interface TestMember {
  id: string;
  email: string;
  organization: TestOrganization;
  /** Null unless asked for. */
  connectionId: string | null;
}

/** A member; `asana` names the sandbox user whose account is connected. */
export async function makeMember(
  gate: Gate,
  organization: TestOrganization,
  email: string,
  options: { asana?: string; workspaceGid?: string } = {},
): Promise<TestMember> {
  const { id } = await transaction((tx) =>
    addMember(tx, organization.actor, { email, name: email, role: 'member' }),
  );
  const member = { id, email, organization, connectionId: null };
  if (!options.asana) return member;
  return { ...member, connectionId: await connect(gate, member, options.asana, options.workspaceGid) };
}

/** Stores a connection whose tokens the sandbox issued. */
export async function connect(
  gate: Gate,
  member: TestMember,
  asana: string,
  workspaceGid?: string,
): Promise<string> {
  const organizationId = member.organization.id;
  const tokens = gate.sandbox.issueTokens({ email: asana, workspaceGid });
  const id = crypto.randomUUID();
  await db().connection.create({
    data: {
      id,
      organizationId,
      memberId: member.id,
      clientId: gate.sandbox.apps[0]!.clientId,
      workspaceGid: workspaceGid ?? null,
      asanaEmail: asana,
      accessToken: sealSecret(placeOf(organizationId, 'connections', 'access_token', id), tokens.accessToken),
      refreshToken: sealSecret(
        placeOf(organizationId, 'connections', 'refresh_token', id),
        tokens.refreshToken,
      ),
      accessExpiresAt: new Date(Date.now() + tokens.expiresInSeconds * 1000),
    },
  });
  return id;
}

/** A group with tools and members. */
export function makeGroup(
  organization: TestOrganization,
  name: string,
  tools: string[],
  members: TestMember[],
) {
  return transaction((tx) =>
    createGroup(tx, organization.actor, { name, tools, members: members.map(({ email }) => email) }),
  );
}

/** A new agent token of a member. */
export async function mint(
  member: TestMember,
  options: { tools?: string[]; connectionId?: string; expiresInDays?: number; limits?: Limits } = {},
): Promise<{ id: string; token: string }> {
  const actor = { ...member.organization.actor, memberId: member.id, memberEmail: member.email };
  return transaction((tx) => mintAgentToken(tx, actor, { name: 'agent', ...options }));
}

/** Headers of a well-behaved client. */
export function headersFor(token: string, extra: Record<string, string> = {}): Record<string, string> {
  return {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...extra,
  };
}

export interface RpcAnswer {
  status: number;
  headers: Headers;
  text: string;
  body: { id?: unknown; result?: any; error?: { code: number; message: string; data?: any } };
}

/** Posts raw bytes or a message to the gate and reads the answer, JSON or events (the last event counts). */
export async function post(
  gate: { url: string },
  token: string,
  message: unknown,
  extra: Record<string, string> = {},
): Promise<RpcAnswer> {
  const raw =
    typeof message === 'string' || message instanceof Uint8Array ? message : JSON.stringify(message);
  const response = await fetch(gate.url, {
    method: 'POST',
    headers: headersFor(token, extra),
    body: raw as BodyInit,
  });
  const text = await response.text();
  const last = text.startsWith('{')
    ? text
    : (text
        .split('\n')
        .filter((line) => line.startsWith('data:'))
        .at(-1)
        ?.slice(5) ?? '{}');
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: JSON.parse(last) as RpcAnswer['body'],
  };
}

let lastId = 0;

/** One request. */
export function rpc(method: string, params?: unknown) {
  lastId += 1;
  return { jsonrpc: '2.0', id: lastId, method, ...(params === undefined ? {} : { params }) };
}

/** A `tools/call`. */
export function callOf(name: unknown, args: Record<string, unknown> = {}) {
  return rpc('tools/call', { name, arguments: args });
}

/** Audit records of calls, newest first, once every outcome is written. */
export async function auditOf(
  organization: TestOrganization,
  filter: AuditFilter = {},
  limit = 500,
): Promise<AuditRecord[]> {
  await flushOutcomes();
  const { records } = await searchAudit(organization.id, { kind: 'call', ...filter }, { limit });
  return records;
}

/** Returns a function that gives the calls recorded since it was last asked, newest first (at most 50 at a time). */
export async function watchAudit(organization: TestOrganization): Promise<() => Promise<AuditRecord[]>> {
  let [last] = await auditOf(organization, {}, 1);
  return async () => {
    const records = await auditOf(organization, {}, 50);
    const known = records.findIndex(({ id }) => id === last?.id);
    last = records[0] ?? last;
    return known === -1 ? records : records.slice(0, known);
  };
}

/** Forgets what was counted, and waits for the next minute where this one is nearly over: what a test counts falls into one. */
export async function freshMinute(): Promise<void> {
  const left = 60_000 - (Date.now() % 60_000);
  if (left < 15_000) await new Promise((resolve) => setTimeout(resolve, left + 100));
  await pool().query('DELETE FROM call_counters');
}

/** Ends the quiet that Asana asked for, so that the next call need not wait for it. */
export async function forgetThrottles(): Promise<void> {
  await pool().query('UPDATE connections SET throttled_until = NULL');
}

/** Forgets the failures of Asana's that this process counted, so that one test's do not refuse another's calls. */
export function forgetCircuits(): void {
  delete (globalThis as { [key: symbol]: unknown })[Symbol.for('gatehouse.circuits')];
}

/** The e-mail that `get_me` answers with: whose Asana account a call went through. */
export const emailIn = ({ body }: RpcAnswer): string =>
  (JSON.parse(body.result.content[0].text) as { data: { email: string } }).data.email;

/** Waits until `check` gives something truthy, and returns it. Throws after five seconds. */
export async function until<T>(check: () => T | Promise<T>): Promise<NonNullable<T>> {
  for (const endMs = Date.now() + 5_000; ;) {
    const got = await check();
    if (got) return got;
    if (Date.now() > endMs) throw new Error('waited five seconds in vain');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** `initialize`, as a client of the legacy era sends it. */
export const hello = (protocolVersion = '2025-11-25', capabilities: object = {}) =>
  rpc('initialize', { protocolVersion, capabilities, clientInfo: { name: 'test', version: '1' } });

/** Opens a session and returns its id. */
export async function openSession(
  gate: { url: string },
  token: string,
  capabilities?: object,
): Promise<string> {
  const { headers } = await post(gate, token, hello(undefined, capabilities));
  const id = headers.get('mcp-session-id');
  if (id === null) throw new Error('no session was opened');
  return id;
}
