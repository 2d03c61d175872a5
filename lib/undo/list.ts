// What was kept, as people see it: a member what his own agents changed, admins and auditors what everybody's did. What it says of tasks and
// projects is the person's own; others read it only where the organization also keeps arguments, and that is on record.
import { appendEvent, type Actor } from '../audit/append';
import { Prisma, type Tx } from '../db';
import { AppError } from '../errors';
import { log } from '../log';
import { SealError } from '../vault/seal';
import { openBundle } from './keep';
import type { Bundle, UndoTool } from './what-is-there';

/** Who looks: a person with a role. */
export interface Viewer {
  memberId: string;
  role: 'admin' | 'auditor' | 'member';
}

export interface KeptCall {
  /** Of the call's audit record. */
  id: string;
  tool: UndoTool;
  member: { email: string; name: string };
  /** Tasks and projects in it. */
  things: number;
  /** `broken_off`: somebody began to put it back, and it is not known how far that came. */
  state: 'kept' | 'restoring' | 'restored' | 'broken_off';
  keptAt: string;
  expiresAt: string;
  begunAt: string | null;
  begunBy: string | null;
  isOwn: boolean;
  /** Whether the viewer reads what was there, and not only that something was. */
  mayRead: boolean;
  /** Why it can't be put back by the viewer now; null: it can. */
  hindrance: 'no_connection' | 'not_made' | 'used' | 'role' | null;
}

/** A row as `restore` needs it. */
export interface BundleRow extends KeptCall {
  memberId: string;
  connectionId: string;
  asanaEmail: string;
  workspaceGid: string | null;
  sealed: string;
}

const LISTED = 200;
const MAX_RESTORING_MINUTES = 15;

interface Row {
  id: string;
  tool_name: UndoTool;
  member_id: string;
  email: string;
  name: string;
  connection_id: string;
  asana_email: string;
  workspace_gid: string | null;
  is_live: boolean;
  things: number;
  sealed: string;
  state: 'kept' | 'restoring' | 'restored';
  is_stuck: boolean;
  kept_at: Date;
  expires_at: Date;
  begun_at: Date | null;
  begun_by: string | null;
  outcome: string | null;
  keeps_arguments: boolean;
}

/** Rows that the viewer may know of; a call that never left Gatehouse left nothing to put back. */
function query(tx: Tx, organizationId: string, viewer: Viewer, where: Prisma.Sql): Promise<Row[]> {
  const isReader = viewer.role !== 'member';
  return tx.$queryRaw<Row[]>`
    SELECT b.id, b.tool_name, b.member_id, m.email, m.name, b.connection_id, c.asana_email, c.workspace_gid,
      c.status = 'active' AS is_live, b.things, b.sealed, b.state,
      b.state = 'restoring' AND b.begun_at < now() - make_interval(mins => ${MAX_RESTORING_MINUTES}::int) AS is_stuck,
      b.kept_at, b.expires_at, b.begun_at, b.begun_by, o.outcome, g.keep_arguments_since IS NOT NULL AS keeps_arguments
    FROM undo_bundles b
    JOIN members m ON m.organization_id = b.organization_id AND m.id = b.member_id
    JOIN connections c ON c.organization_id = b.organization_id AND c.id = b.connection_id
    JOIN organizations g ON g.id = b.organization_id
    LEFT JOIN audit_records o ON o.organization_id = b.organization_id AND o.kind = 'outcome' AND o.call_id = b.id
    WHERE b.organization_id = ${organizationId}::uuid AND b.expires_at > now()
      AND (b.member_id = ${viewer.memberId}::uuid OR ${isReader}) AND ${where}
    ORDER BY b.kept_at DESC, b.id DESC LIMIT ${LISTED}`;
}

function toBundleRow(row: Row, viewer: Viewer): BundleRow {
  const isOwn = row.member_id === viewer.memberId;
  const hindrance =
    row.state !== 'kept'
      ? 'used'
      : row.outcome === 'upstream_error' || (row.outcome === 'tool_error' && row.tool_name === 'delete_task')
        ? 'not_made'
        : !row.is_live
          ? 'no_connection'
          : !isOwn && viewer.role !== 'admin'
            ? 'role'
            : null;
  return {
    ...{ id: row.id, tool: row.tool_name, member: { email: row.email, name: row.name }, things: row.things },
    state: row.is_stuck ? 'broken_off' : row.state,
    ...{ keptAt: row.kept_at.toISOString(), expiresAt: row.expires_at.toISOString() },
    ...{ begunAt: row.begun_at?.toISOString() ?? null, begunBy: row.begun_by },
    ...{ isOwn, mayRead: isOwn || row.keeps_arguments, hindrance },
    ...{ memberId: row.member_id, connectionId: row.connection_id, sealed: row.sealed },
    ...{ asanaEmail: row.asana_email, workspaceGid: row.workspace_gid },
  };
}

/** Newest first, the last 200; those of calls that never reached Asana are left out. */
export async function listKept(
  tx: Tx,
  organizationId: string,
  viewer: Viewer,
  id?: string,
): Promise<KeptCall[]> {
  const one = id === undefined ? Prisma.empty : Prisma.sql`AND b.id = ${id}::uuid`;
  const rows = await query(
    tx,
    organizationId,
    viewer,
    Prisma.sql`o.outcome IS DISTINCT FROM 'upstream_error' ${one}`,
  );
  return rows.map((row) => toBundleRow(row, viewer));
}

/** One; throws `not_found`, also for what others may see. */
export async function requireKept(
  tx: Tx,
  organizationId: string,
  viewer: Viewer,
  id: string,
): Promise<BundleRow> {
  const [row] = await query(tx, organizationId, viewer, Prisma.sql`b.id = ${id}::uuid`);
  if (!row)
    throw new AppError(
      'not_found',
      'Nothing is kept of such a call: no group asked for it, its days are over, or its connection has ended.',
    );
  return toBundleRow(row, viewer);
}

/** What a row holds; throws `arguments_unreadable` where the key ring does not open it. */
export function bundleOf(organizationId: string, row: BundleRow): Bundle {
  try {
    return openBundle(organizationId, row.id, row.sealed);
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    log().error({ err: error }, 'what was kept for an undo can\u2019t be opened');
    throw new AppError('arguments_unreadable');
  }
}

/** Notes that somebody read it. */
export async function noteReading(tx: Tx, actor: Actor, row: BundleRow): Promise<void> {
  const after = { member: row.member.email };
  await appendEvent(tx, actor, { action: 'undo.read', target: `call:${row.id}`, after });
}

/** What was there before, as JSON, with the event of the reading; throws `forbidden` for whoever may only know that something was. */
export async function readContents(tx: Tx, actor: Actor, row: BundleRow): Promise<{ text: string }> {
  if (!row.mayRead)
    throw new AppError(
      'forbidden',
      'What was there is the person\u2019s own. Others read it only where the organization keeps arguments (Audit, Proof).',
    );
  const { arguments: args, before, result } = bundleOf(actor.organizationId, row);
  await noteReading(tx, actor, row);
  return { text: JSON.stringify({ arguments: args, before, ...(result ? { result } : {}) }, null, 2) };
}
