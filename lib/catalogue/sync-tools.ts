// Asks Asana for its tools through somebody's connection and stores what differs.
import type { Actor } from '../audit/append';
import { listUpstreamTools } from '../asana/mcp-client';
import { db, transaction } from '../db';
import { AppError } from '../errors';
import { noteToolsSynced } from '../people/first-run';
import { applyListing, type SyncResult } from './catalogue';
import type { ToolDefinition } from './classify';
import type { FoundBy } from './drift';

/**
 * Syncs through the caller's connection, else any active admin's, else any active one of the organization. Throws `no_connection`
 * and `asana_unavailable`.
 */
export async function syncTools(actor: Actor, foundBy: FoundBy = 'sync'): Promise<SyncResult> {
  const { organizationId } = actor;
  const connections = await db().connection.findMany({
    where: { organizationId, status: 'active' },
    select: { id: true, memberId: true, workspaceGid: true, member: { select: { email: true, role: true } } },
    orderBy: { createdAt: 'asc' },
  });
  const chosen =
    connections.find(({ memberId }) => memberId === actor.memberId) ??
    connections.find(({ member }) => member.role === 'admin') ??
    connections[0];
  if (!chosen) throw new AppError('no_connection');
  const listed = (await listUpstreamTools({
    organizationId,
    id: chosen.id,
    memberId: chosen.memberId,
    memberEmail: chosen.member.email,
    workspaceGid: chosen.workspaceGid,
  })) as ToolDefinition[];
  return transaction(async (tx) => {
    const result = await applyListing(tx, actor, listed, { foundBy, whole: true });
    await noteToolsSynced(tx, organizationId);
    return result;
  });
}
