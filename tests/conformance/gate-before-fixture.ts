// A gate in this process whose Asana is the fixture, and one agent that may use all of it: what the suites meet on their way through.
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startChainer } from '@/lib/audit/chain';
import { applyListing, updateTool } from '@/lib/catalogue/catalogue';
import { closeDatabase, db, transaction } from '@/lib/db';
import { setEnv } from '@/lib/env';
import { flushOutcomes } from '@/lib/gateway/outcomes';
import { serveMcp } from '@/lib/gateway/serve-mcp';
import { createGroup } from '@/lib/people/groups';
import { createOrganization, updateOrganization } from '@/lib/people/organizations';
import { METHOD_FAMILIES } from '@/lib/policy/policy';
import { mintAgentToken } from '@/lib/tokens/agent-tokens';
import { placeOf, sealSecret } from '@/lib/vault/vault';
import { createTestDatabase } from '../support/database';
import { fixtureTools } from './fixture-tools';

export interface GateBeforeFixture {
  url: string;
  /** Opens everything that the fixture has. */
  agentToken: string;
  stop(): Promise<void>;
}

const ADMIN = { email: 'admin@conformance.example', name: 'Admin' };
/** The suites make hundreds of calls a minute, which is not what limits are about here. */
const NO_LIMIT = 1_000_000;
const HOUR_MS = 3_600_000;

/** `postgresUrl`: of `startTestPostgres`; `asanaToken`: a bearer that the fixture at `fixtureUrl` takes. */
export async function startGateBeforeFixture(given: {
  postgresUrl?: string;
  fixtureUrl: string;
  asanaToken: string;
}): Promise<GateBeforeFixture> {
  const database = await createTestDatabase(given.postgresUrl);
  const server = createServer((request, response) => void serveMcp(request, response));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  setEnv({
    DATABASE_URL: database.url,
    GATEHOUSE_URL: origin,
    GATEHOUSE_SECRET: randomBytes(32).toString('base64'),
    GATEHOUSE_KEYS: `test:${randomBytes(32).toString('base64')}`,
    GATEHOUSE_LOG: 'silent',
    ASANA_MCP_URL: given.fixtureUrl,
    ASANA_OAUTH_URL: new URL(given.fixtureUrl).origin,
    GATEHOUSE_ALLOW_INSECURE_UPSTREAM: '1',
  });
  const stopChainer = startChainer();
  const agentToken = await openEverything(given.asanaToken);
  return {
    url: `${origin}/mcp`,
    agentToken,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await stopChainer();
      await flushOutcomes();
      await closeDatabase();
      await database.drop();
    },
  };
}

/** One organization, its catalogue reviewed, one member with a connection, a group with every tool and every family of methods. */
async function openEverything(asanaToken: string): Promise<string> {
  const tools = fixtureTools();
  const { organizationId, adminId } = await transaction((tx) =>
    createOrganization(tx, { name: 'Conformance', admin: ADMIN, credentialName: 'test' }),
  );
  const actor = {
    ...{ organizationId, memberId: adminId, memberEmail: ADMIN.email },
    credential: { kind: 'session', id: 'test', name: null } as const,
  };
  await transaction(async (tx) => {
    await updateOrganization(tx, actor, {
      limits: { connectionPerMinute: NO_LIMIT, searchPerMinute: NO_LIMIT },
    });
    await applyListing(tx, actor, tools);
  });
  // Each in a transaction of its own: all in one take longer than one may on a busy machine.
  for (const { name } of tools)
    await transaction((tx) => updateTool(tx, actor, name, { status: 'reviewed' }));
  await transaction(async (tx) => {
    await createGroup(tx, actor, {
      name: 'Conformance',
      tools: tools.map(({ name }) => name),
      members: [ADMIN.email],
      methods: [...METHOD_FAMILIES],
    });
  });
  const id = crypto.randomUUID();
  await db().connection.create({
    data: {
      ...{ id, organizationId, memberId: adminId, clientId: 'conformance', asanaEmail: ADMIN.email },
      accessToken: sealSecret(placeOf(organizationId, 'connections', 'access_token', id), asanaToken),
      refreshToken: sealSecret(placeOf(organizationId, 'connections', 'refresh_token', id), 'never used'),
      accessExpiresAt: new Date(Date.now() + HOUR_MS),
    },
  });
  const { token } = await transaction((tx) => mintAgentToken(tx, actor, { name: 'conformance' }));
  return token;
}
