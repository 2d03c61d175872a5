// A process of its own that serves the gate on a free port, and changes things through lib when told to.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Actor } from '../../lib/audit/append';
import { updateTool } from '../../lib/catalogue/catalogue';
import { transaction } from '../../lib/db';
import { setEnv } from '../../lib/env';
import { serveMcp } from '../../lib/gateway/serve-mcp';
import { deleteGroup, replaceGroup, type GroupContent } from '../../lib/people/groups';
import { removeMember } from '../../lib/people/members';
import { startWitness } from '../../lib/offboarding/witness';
import { updateOrganization } from '../../lib/people/organizations';
import { revokeAgentToken } from '../../lib/tokens/agent-tokens';
import { requireKept } from '../../lib/undo/list';
import { restore } from '../../lib/undo/restore';

let port = 0;

const ORDERS = {
  witness: () => startWitness({ host: '127.0.0.1', port }),
  replaceGroup: (actor: Actor, slug: string, content: GroupContent) =>
    transaction((tx) => replaceGroup(tx, actor, slug, content, null)),
  deleteGroup: (actor: Actor, slug: string) => transaction((tx) => deleteGroup(tx, actor, slug)),
  revokeToken: (actor: Actor & { memberId: string }, id: string) =>
    transaction((tx) => revokeAgentToken(tx, actor, id)),
  removeMember: (actor: Actor, email: string) => transaction((tx) => removeMember(tx, actor, email)),
  updateTool: (actor: Actor, name: string, change: Parameters<typeof updateTool>[3]) =>
    transaction((tx) => updateTool(tx, actor, name, change)),
  updateOrganization: (actor: Actor, change: Parameters<typeof updateOrganization>[2]) =>
    transaction((tx) => updateOrganization(tx, actor, change)),
  putBack: async (actor: Actor & { memberId: string; memberEmail: string }, id: string) => {
    const viewer = { memberId: actor.memberId, role: 'member' as const };
    const row = await transaction((tx) => requireKept(tx, actor.organizationId, viewer, id));
    await restore(actor, row, undefined);
  },
};

export type Orders = typeof ORDERS;
/** The first message holds the environment; the answer is the gate's URL. Every other one is an order. */
export type Told = { variables: Record<string, string> } | { order: keyof Orders; given: unknown[] };

async function obey(told: Told): Promise<unknown> {
  if ('order' in told) {
    await (ORDERS[told.order] as (...given: unknown[]) => Promise<unknown>)(...told.given);
    return { done: true };
  }
  setEnv(told.variables);
  const server = createServer((request, response) => void serveMcp(request, response));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  ({ port } = server.address() as AddressInfo);
  return { url: `http://127.0.0.1:${port}/mcp` };
}

process.on('message', (told: Told) => {
  void obey(told).then(
    (answer) => process.send?.(answer),
    (error: Error) => process.send?.({ failure: error.message }),
  );
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
