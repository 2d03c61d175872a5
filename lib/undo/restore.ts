// Puts back what was there before a call: once, in any number of processes; through the person's own connection and the whole gate, so that
// the policy says of it what it says of any call; never over somebody's later work unless that was shown and confirmed.
import { hash } from 'node:crypto';
import { appendEvent, systemActor, type Actor } from '../audit/append';
import { db, transaction } from '../db';
import { AppError } from '../errors';
import { mintAgentToken, revokeAgentToken } from '../tokens/agent-tokens';
import { canonicalJson } from '../audit/canonical';
import type { Back } from './compare-parts';
import { sealBundle, withResult } from './keep';
import { bundleOf, noteReading, type BundleRow } from './list';
import { compareBundle } from './put-back';
import { readNow } from './read-now';
import { createAgain, toolsToCreate } from './run-creation';
import { callAsAgent, type OwnCall } from './own-call';
import type { Bundle, RestoredItem } from './what-is-there';

/** What putting back would do. `confirm` stands for exactly this. */
export interface Preview {
  items: Back[];
  changedSince: boolean;
  confirm: string;
  /** Tools that the person needs for it. */
  tools: string[];
}

/** An agent that makes the calls of one putting back. */
export type Caller = (tool: string, args: Record<string, unknown>) => Promise<OwnCall>;

/** Compares what was there with what is there now. Throws what `hindrance` and `readNow` say. */
export async function previewRestore(actor: Actor, row: BundleRow): Promise<Preview> {
  hinder(row);
  const preview = await look(actor.organizationId, row, bundleOf(actor.organizationId, row));
  // The person sees nothing but what is the person's own.
  if (row.mayRead && !row.isOwn) await transaction((tx) => noteReading(tx, actor, row));
  return preview;
}

async function look(organizationId: string, row: BundleRow, bundle: Bundle): Promise<Preview> {
  const now = await readNow(organizationId, row, bundle);
  const items = compareBundle(bundle, now, row.asanaEmail);
  return {
    items,
    changedSince: items.some(({ changes }) => changes.some(({ changedSince }) => changedSince)),
    confirm: hash('sha256', canonicalJson([row.id, items])).slice(0, 32),
    tools: bundle.tool === 'delete_task' ? toolsToCreate(items, bundle) : [bundle.tool],
  };
}

function hinder({ hindrance, member, isOwn }: BundleRow): void {
  if (hindrance === 'role') throw new AppError('forbidden', 'The person or an admin puts it back.');
  if (hindrance === 'used')
    throw new AppError(
      'restored_already',
      'Somebody has put it back already, or has begun to; that is done once.',
    );
  if (hindrance === 'not_made')
    throw new AppError(
      'nothing_to_put_back',
      'Asana did not carry the call out, so there is nothing to put back.',
    );
  if (hindrance === 'no_connection')
    throw new AppError(
      'no_connection',
      isOwn
        ? 'Your Asana connection needs to be reconnected first.'
        : `${member.email} has to reconnect Asana first.`,
    );
}

export interface Restored {
  items: RestoredItem[];
  /** Ids of the audit records of the calls that did it. */
  calls: string[];
}

/**
 * Puts it back. Throws `changed_since` where somebody changed it and `confirm` does not stand for what is there now, `nothing_to_put_back`,
 * `restored_already`, and `tool_closed` where nothing left because the policy, a limit or Asana refused: then it can be tried again.
 */
export async function restore(
  actor: Actor & { memberEmail: string },
  row: BundleRow,
  confirm: string | undefined,
): Promise<Restored> {
  hinder(row);
  const { organizationId } = actor;
  const bundle = bundleOf(organizationId, row);
  const preview = await look(organizationId, row, bundle);
  if (confirm === undefined ? preview.changedSince : confirm !== preview.confirm)
    throw new AppError('changed_since');
  const items = preview.items.filter(({ args }) => args !== null);
  if (items.length === 0) throw new AppError('nothing_to_put_back');
  await refuseWhereItWaits(organizationId, row, preview.tools);
  const agent = await claim(actor, row, preview.tools);
  const calls: OwnCall[] = [];
  const caller: Caller = async (tool, args) => {
    const made = await callAsAgent({ organizationId, ...agent }, tool, args);
    calls.push(made);
    return made;
  };
  let results: RestoredItem[] | null = null;
  try {
    results =
      bundle.tool === 'delete_task'
        ? await createAgain(caller, bundle, preview.items)
        : await change(caller, bundle, { items, again: () => look(organizationId, row, bundle) });
  } finally {
    const ran = results === null || calls.some(({ mayHaveRun }) => mayHaveRun);
    await (ran
      ? finish(actor, row, { agent, bundle, results: results ?? [], calls })
      : release(actor, row, { agent, calls }));
  }
  if (!calls.some(({ mayHaveRun }) => mayHaveRun))
    throw new AppError(
      'tool_closed',
      `Nothing was put back, and nothing was sent: ${calls[0]?.problem ?? 'there was no answer.'} It can be tried again.`,
    );
  return { items: results, calls: calls.flatMap(({ id }) => (id === null ? [] : [id])) };
}

/** One call for all of it; what came of it is what is there afterwards, not what the answer says. */
async function change(
  caller: Caller,
  { tool, arguments: args }: Bundle,
  { items, again }: { items: Back[]; again: () => Promise<Preview> },
): Promise<RestoredItem[]> {
  const made =
    tool === 'update_project'
      ? await caller(tool, { project_id: args.project_id, ...items[0]!.args })
      : await caller(tool, { tasks: items.map((item) => ({ task: item.gid, ...item.args })) });
  const after = made.mayHaveRun ? await again().catch(() => null) : null;
  return items.map(({ kind, gid, title }) => {
    const left = after?.items.find((item) => item.gid === gid);
    const isBack = left?.state === 'same';
    return {
      ...{ kind, gid, title, newGid: null },
      result: isBack ? 'back' : left ? 'not_back' : made.mayHaveRun ? 'unknown' : 'not_back',
      why: isBack
        ? null
        : left
          ? `Not back: ${left.changes.map(({ what }) => what.toLowerCase()).join(', ') || 'it can\u2019t be seen any more'}.`
          : (made.problem ?? 'Asana did not say what is there now.'),
    };
  });
}

/** A call that waits for a person's approval is that of one agent; the one that puts back is gone before anybody decides. */
async function refuseWhereItWaits(organizationId: string, row: BundleRow, tools: string[]): Promise<void> {
  const [waits] = await db().$queryRaw<{ tool: string }[]>`
    SELECT gt.tool_name AS tool FROM group_members gm
    JOIN groups g ON g.id = gm.group_id JOIN group_tools gt ON gt.group_id = g.id AND gt.tool_name = ANY(${tools}::text[])
    WHERE gm.organization_id = ${organizationId}::uuid AND gm.member_id = ${row.memberId}::uuid
    GROUP BY gt.tool_name HAVING bool_and(coalesce(g.approvals->'tools' ? gt.tool_name, false)) LIMIT 1`;
  if (waits)
    throw new AppError(
      'tool_closed',
      `Every group that grants ${waits.tool} lets its calls wait for an approval, so it can\u2019t be put back from here. Let an agent make the change, and approve that.`,
    );
}

interface Agent {
  tokenId: string;
  token: string;
}

/** Takes it for this one putting back; of all that try at once, one gets it. */
function claim(actor: Actor & { memberEmail: string }, row: BundleRow, tools: string[]): Promise<Agent> {
  const { organizationId } = actor;
  return transaction(async (tx) => {
    const { count } = await tx.undoBundle.updateMany({
      where: { organizationId, id: row.id, state: 'kept', expiresAt: { gt: new Date() } },
      data: { state: 'restoring', begunAt: new Date(), begunBy: actor.memberEmail },
    });
    if (count === 0) throw new AppError('restored_already');
    const { id, token } = await mintAgentToken(tx, ownerOf(row, organizationId), {
      ...{ name: `Put back: call ${row.id}`, connectionId: row.connectionId, tools },
      expiresInDays: 10 / 1440,
    });
    await tx.undoBundle.updateMany({ where: { organizationId, id: row.id }, data: { tokenId: id } });
    await appendEvent(tx, actor, {
      action: 'undo.began',
      target: `call:${row.id}`,
      after: { tool: row.tool, member: row.member.email, things: row.things, agentToken: id },
    });
    return { tokenId: id, token };
  });
}

const ownerOf = (row: BundleRow, organizationId: string) => ({
  ...systemActor(organizationId, 'undo'),
  ...{ memberId: row.memberId, memberEmail: row.member.email },
});

function finish(
  actor: Actor,
  row: BundleRow,
  done: { agent: Agent; bundle: Bundle; results: RestoredItem[]; calls: OwnCall[] },
): Promise<void> {
  const { organizationId } = actor;
  const { results, calls } = done;
  const sealed = sealBundle(organizationId, row.id, withResult(done.bundle, results));
  const how = (result: RestoredItem['result']) => results.filter((item) => item.result === result).length;
  return transaction(async (tx) => {
    await tx.undoBundle.updateMany({
      where: { organizationId, id: row.id },
      data: { state: 'restored', sealed, tokenId: null },
    });
    await endToken(tx, row, organizationId, done.agent);
    await appendEvent(tx, actor, {
      action: 'undo.restored',
      target: `call:${row.id}`,
      after: {
        ...{ tool: row.tool, member: row.member.email, calls: calls.map(({ id }) => id) },
        ...{ back: how('back'), notBack: how('not_back'), unknown: how('unknown') },
      },
    });
  });
}

function release(
  actor: Actor,
  row: BundleRow,
  { agent, calls }: { agent: Agent; calls: OwnCall[] },
): Promise<void> {
  const { organizationId } = actor;
  return transaction(async (tx) => {
    await tx.undoBundle.updateMany({
      where: { organizationId, id: row.id, state: 'restoring' },
      data: { state: 'kept', begunAt: null, begunBy: null, tokenId: null },
    });
    await endToken(tx, row, organizationId, agent);
    await appendEvent(tx, actor, {
      action: 'undo.refused',
      target: `call:${row.id}`,
      after: { tool: row.tool, member: row.member.email, calls: calls.map(({ id }) => id) },
    });
  });
}

/** With the person or the connection the token may have gone already. */
async function endToken(
  tx: Parameters<typeof revokeAgentToken>[0],
  row: BundleRow,
  organizationId: string,
  { tokenId }: Agent,
): Promise<void> {
  await revokeAgentToken(tx, ownerOf(row, organizationId), tokenId).catch((error: unknown) => {
    if (!(error instanceof AppError && error.code === 'not_found')) throw error;
  });
}
