// What every client is put before: the built Gatehouse, the sandbox behind it, Ana whose group allows two tools, and her browser.
import { expect } from 'vitest';
import {
  addConnection,
  addOrganization,
  addPerson,
  signIn,
  startPortal,
  type Client as Browser,
  type Portal,
} from '../support/portal';

export const ANA = 'ana@acme.example';
/** The Asana account of hers that is connected; what `get_me` answers with. */
export const ANA_AT_ASANA = 'ana@example.com';

export interface Setting {
  portal: Portal;
  organizationId: string;
  /** Of `/mcp`. */
  url: string;
  admin: Browser;
  ana: Browser;
  /** What Ana's group allows from the next request on. */
  allow(tools: string[]): Promise<void>;
  mint(): Promise<{ id: string; token: string }>;
  revoke(tokenId: string): Promise<void>;
  /** Tools that reached Asana since `portal.sandbox.log.clear()`. */
  calledAtAsana(): string[];
}

/** Starts it all; `variables` are further settings of the server. */
export async function startSetting(variables: Record<string, string> = {}): Promise<Setting> {
  const portal = await startPortal(variables);
  const organization = await addOrganization('Acme', 'admin@acme.example', portal.sandbox);
  const memberId = await addPerson(organization, ANA);
  await addConnection(portal, organization.id, memberId, ANA_AT_ASANA);
  const admin = await signIn(portal, organization.adminEmail);
  const ana = await signIn(portal, ANA);
  const group = (tools: string[]) => ({ name: 'Readers', tools, members: [ANA] });
  await expected(admin.call('POST', '/api/v1/groups', { body: group(['get_me', 'search_tasks']) }), 201);
  return {
    ...{ portal, organizationId: organization.id, url: `${portal.origin}/mcp`, admin, ana },
    allow: async (tools) => {
      await expected(admin.call('PUT', '/api/v1/groups/readers', { body: group(tools) }), 200);
    },
    mint: async () =>
      (await expected(ana.call('POST', '/api/v1/me/tokens', { body: { name: 'client' } }), 201)).body,
    revoke: async (id) => {
      await expected(ana.call('DELETE', `/api/v1/me/tokens/${id}`), 204);
    },
    calledAtAsana: () =>
      portal.sandbox.log.entries.flatMap(({ rpc }) =>
        rpc?.method === 'tools/call' ? [String(rpc.tool)] : [],
      ),
  };
}

async function expected(answer: ReturnType<Browser['call']>, status: number) {
  const given = await answer;
  expect(given.status, given.text).toBe(status);
  return given;
}
