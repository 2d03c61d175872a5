// What the tests of lib/asana stand on: a database of their own, the stand-in Asana, and people in both.
import { randomBytes } from 'node:crypto';
import type { Actor } from '@/lib/audit/append';
import { beginConnect, finishConnect } from '@/lib/asana/connect';
import { browserSecretFor } from '@/lib/asana/connect-cookie';
import { saveAsanaApp } from '@/lib/asana/asana-app';
import { closeDatabase, pool, transaction } from '@/lib/db';
import { setEnv } from '@/lib/env';
import { startSandbox, type Sandbox } from '@/lib/sandbox/start-sandbox';
import type { LogEntry } from '@/lib/sandbox/request-log';
import { addUser } from '@/lib/sandbox/world';
import { SEED } from '@/lib/sandbox/world-seed';
import { placeOf, sealSecret } from '@/lib/vault/vault';
import { createTestDatabase } from '../support/database';

export const REDIRECT_URL = 'http://localhost:3000/connect/asana/callback';
export const WORKS = { gid: SEED.works, name: 'Example Works' };
export const STUDIO = { gid: SEED.studio, name: 'Small Studio' };

export interface Person {
  organizationId: string;
  memberId: string;
  email: string;
  actor: Actor;
  /** The connect cookie of this person's browser. */
  browserSecret: string;
}

/** The environment that the product reads; child processes of a test get the same. */
export function environment(databaseUrl: string, sandbox: Pick<Sandbox, 'mcpUrl' | 'oauthUrl' | 'resource'>) {
  return {
    DATABASE_URL: databaseUrl,
    ASANA_MCP_URL: sandbox.mcpUrl,
    ASANA_OAUTH_URL: sandbox.oauthUrl,
    ASANA_RESOURCE: sandbox.resource,
    GATEHOUSE_ALLOW_INSECURE_UPSTREAM: '1',
    GATEHOUSE_URL: 'http://localhost:3000',
    GATEHOUSE_KEYS: `test:${randomBytes(32).toString('base64')}`,
    GATEHOUSE_LOG: 'silent',
  };
}

export async function startSetting() {
  const database = await createTestDatabase();
  const sandbox = await startSandbox();
  const variables = environment(database.url, sandbox);
  setEnv(variables as never);
  const close = async () => {
    await closeDatabase();
    await sandbox.close();
    await database.drop();
  };
  return { sandbox, database, variables, close };
}

let people = 0;

/** An organization with one member, who is in the stand-in Asana too, and the app registered. */
export async function addPerson(
  sandbox: Sandbox,
  rule: {
    asanaEmail?: 'same' | 'listed' | 'any';
    pins?: { gid: string; name: string }[];
    asanaEmails?: string[];
    workspaces?: string[];
    organizationId?: string;
  } = {},
): Promise<Person> {
  const email = `person${(people += 1)}@example.com`;
  const { asanaEmail = 'same', pins = null, asanaEmails = [], workspaces = [WORKS.gid] } = rule;
  addUser(sandbox.world, { name: `Person ${people}`, email, workspaces });
  const organizationId = rule.organizationId ?? (await addOrganization(asanaEmail, pins));
  const { rows } = await pool().query<{ id: string }>(
    `INSERT INTO members (organization_id, email, name, asana_emails) VALUES ($1, $2, 'Person', $3) RETURNING id`,
    [organizationId, email, asanaEmails],
  );
  const memberId = rows[0]!.id;
  const actor: Actor = {
    ...{ organizationId, memberId, memberEmail: email },
    credential: { kind: 'session', id: 'test', name: null },
  };
  const app = sandbox.apps[0]!;
  if (!rule.organizationId)
    await transaction((tx) =>
      saveAsanaApp(tx, actor, { clientId: app.clientId, clientSecret: app.clientSecret }),
    );
  return { organizationId, memberId, email, actor, browserSecret: browserSecretFor(undefined) };
}

async function addOrganization(asanaEmail: string, pins: object[] | null): Promise<string> {
  const { rows } = await pool().query<{ id: string }>(
    `INSERT INTO organizations (name, asana_email, workspaces) VALUES ('Example', $1, $2) RETURNING id`,
    [asanaEmail, pins && JSON.stringify(pins)],
  );
  return rows[0]!.id;
}

/** A connection with a real grant of the stand-in Asana behind it; its access token has `leftMs` to live. */
export async function addConnection(
  sandbox: Sandbox,
  person: Person,
  { leftMs = 3_600_000, workspace = WORKS }: { leftMs?: number; workspace?: typeof WORKS } = {},
): Promise<{ organizationId: string; id: string; accessToken: string; refreshToken: string }> {
  const { organizationId, memberId, email } = person;
  const { accessToken, refreshToken } = sandbox.issueTokens({ email, workspaceGid: workspace.gid });
  const id = crypto.randomUUID();
  const seal = (column: string, plain: string) =>
    sealSecret(placeOf(organizationId, 'connections', column, id), plain);
  await pool().query(
    `INSERT INTO connections (id, organization_id, member_id, client_id, workspace_gid, workspace_name, asana_email,
       access_token, refresh_token, access_expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      ...[id, organizationId, memberId, sandbox.apps[0]!.clientId, workspace.gid, workspace.name, email],
      ...[seal('access_token', accessToken), seal('refresh_token', refreshToken)],
      new Date(Date.now() + leftMs),
    ],
  );
  return { organizationId, id, accessToken, refreshToken };
}

/** What the browser does at Asana: approves as `user`, and comes back with these parameters. */
export async function approve(
  location: string,
  user: string,
  { workspace }: { workspace?: string } = {},
): Promise<URLSearchParams> {
  const url = new URL(location);
  url.searchParams.set('sandbox_user', user);
  if (workspace) url.searchParams.set('sandbox_workspace', workspace);
  const answer = await fetch(url, { redirect: 'manual' });
  const target = answer.headers.get('location');
  if (!target) throw new Error(`Asana did not redirect: ${answer.status} ${await answer.text()}`);
  return new URL(target).searchParams;
}

/** The whole way: begin, approve as `user`, finish. */
export async function connect(
  person: Person,
  {
    user = person.email,
    workspace,
    connectionId,
  }: { user?: string; workspace?: string; connectionId?: string } = {},
) {
  const { location } = await beginConnect({ ...person, connectionId });
  return finishConnect({ ...person, params: await approve(location, user, { workspace }) });
}

export interface ConnectionRow {
  id: string;
  status: string;
  generation: number;
  access_token: string;
  refresh_token: string;
  workspace_gid: string | null;
  asana_email: string;
}

export async function connectionsOf({
  organizationId,
}: {
  organizationId: string;
}): Promise<ConnectionRow[]> {
  const { rows } = await pool().query<ConnectionRow>(
    'SELECT * FROM connections WHERE organization_id = $1 ORDER BY created_at',
    [organizationId],
  );
  return rows;
}

export async function eventsOf({ organizationId }: { organizationId: string }) {
  const { rows } = await pool().query<{ action: string; target: string; before: unknown; after: any }>(
    `SELECT action, target, before, after FROM audit_records WHERE organization_id = $1 AND kind = 'event' ORDER BY at, id`,
    [organizationId],
  );
  return rows;
}

export async function lastConnectOf({ organizationId }: { organizationId: string }): Promise<string | null> {
  const { rows } = await pool().query<{ last_connect: string | null }>(
    'SELECT last_connect FROM asana_apps WHERE organization_id = $1',
    [organizationId],
  );
  return rows[0]!.last_connect;
}

export const isRefresh = (entry: LogEntry) =>
  entry.path === '/-/oauth_token' && entry.body.includes('grant_type=refresh_token');
export const isExchange = (entry: LogEntry) =>
  entry.path === '/-/oauth_token' && entry.body.includes('grant_type=authorization_code');
export const isRevocation = (entry: LogEntry) => entry.path === '/-/oauth_revoke';

/** Whether the stand-in Asana would still take this refresh token. */
export function isLive(sandbox: Sandbox, refreshToken: string): Promise<boolean> {
  const { clientId, clientSecret } = sandbox.apps[0]!;
  return fetch(`${sandbox.origin}/-/oauth_token`, {
    method: 'POST',
    body: new URLSearchParams({
      ...{ grant_type: 'refresh_token', refresh_token: refreshToken },
      ...{ client_id: clientId, client_secret: clientSecret },
    }),
  }).then((answer) => answer.ok);
}

/** Waits until `check` holds; fails after five seconds. */
export async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  for (const endMs = Date.now() + 5_000; !(await check());) {
    if (Date.now() > endMs) throw new Error('It did not happen within five seconds.');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
