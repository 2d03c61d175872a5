// Lets a call of an agent wait for a person: one row for one exact call, however often it is repeated, with its audit event. Says what the
// agent is to hear of it.
import { randomUUID } from 'node:crypto';
import { appendEvent } from '../audit/append';
import { db, Prisma, transaction, type Tx } from '../db';
import type { Approver } from '../policy/judge-approvals';
import { placeOf, sealSecret } from '../vault/vault';
import { mayDecideSql } from './who-decides';

/** So long a call waits to be decided. */
export const WAITS_HOURS = 24;
/** So long an approved call may come. */
export const GOOD_MINUTES = 60;
/** What nobody could read through is not put before anybody. */
export const MAX_SHOWN_CHARS = 128 * 1024;
/** Calls that wait at once: of one person, and of the organization. */
export const MAX_OPEN = { person: 20, organization: 500 } as const;
/** A repeat that comes so soon after the call went through is a client that tries again, not a wish for a second call. */
const JUST_MADE_SECONDS = 60;

/** One call as the gate refused it. */
export interface HeldCall {
  organizationId: string;
  memberId: string;
  memberEmail: string;
  /** The agent token's id or the grant's. */
  credentialId: string;
  connectionId: string;
  /** The audit record of the refusal. */
  callId: string;
  tool: string;
  /** SHA-256 of the text. */
  argumentsHash: string;
  /** Canonical JSON. */
  argumentsText: string;
  /** Fingerprint of what it was judged by. */
  judgedAs: string;
  waitsFor: readonly Approver[];
}

/** What became of it. `approvers`: names of groups and people. */
export type Held =
  | { state: 'waiting'; id: string; expiresAt: Date; approvers: string[] }
  | { state: 'approved'; id: string; expiresAt: Date }
  | { state: 'declined'; by: string; answer: string; expiresAt: Date }
  | { state: 'made'; by: string; at: Date }
  | { state: 'nobody' | 'too_long' }
  | { state: 'too_many'; whose: keyof typeof MAX_OPEN };

/** What is being asked for in this process, by call: a crowd of repeats asks the database once. */
const asking = new Map<string, Promise<Held>>();

/** Finds the approval that this very call waits for, or asks for one. */
export function askForApproval(call: HeldCall): Promise<Held> {
  const { credentialId, connectionId, tool, argumentsHash, judgedAs } = call;
  const key = JSON.stringify([credentialId, connectionId, tool, argumentsHash, judgedAs]);
  const under = asking.get(key);
  if (under) return under;
  const held = findOrAsk(call).finally(() => asking.delete(key));
  asking.set(key, held);
  return held;
}

async function findOrAsk(call: HeldCall): Promise<Held> {
  // Most repeats find it as it was, and lock nobody out. Whether an approval still stands is for the transaction.
  const known = await findEarlier(db() as unknown as Tx, call);
  if (known && known.state !== 'approved' && !(known.state === 'waiting' && known.expiresAt <= new Date()))
    return known;
  return transaction(async (tx) => {
    // Of one person's calls one at a time, so that they are counted and found; whoever is removed meanwhile asks for nothing.
    const [member] = await tx.$queryRaw<{ id: string }[]>`
      SELECT id FROM members WHERE organization_id = ${call.organizationId}::uuid AND id = ${call.memberId}::uuid FOR NO KEY UPDATE`;
    if (!member) return { state: 'nobody' };
    await endOver(tx, call);
    const earlier = await findEarlier(tx, call);
    if (earlier) return earlier;
    if (call.argumentsText.length > MAX_SHOWN_CHARS) return { state: 'too_long' };
    const groups = call.waitsFor.flatMap((approver) => ('group' in approver ? [approver.group] : []));
    const members = call.waitsFor.flatMap((approver) => ('member' in approver ? [approver.member] : []));
    const approvers = await namesOf(tx, call, groups, members);
    if (approvers.length === 0) return { state: 'nobody' };
    const [open] = await tx.$queryRaw<{ own: number; all: number }[]>`
      SELECT count(*) FILTER (WHERE member_id = ${call.memberId}::uuid)::int AS own, count(*)::int AS all FROM approvals
      WHERE organization_id = ${call.organizationId}::uuid AND state = 'open' AND expires_at > now()`;
    if (open!.own >= MAX_OPEN.person) return { state: 'too_many', whose: 'person' };
    if (open!.all >= MAX_OPEN.organization) return { state: 'too_many', whose: 'organization' };
    return ask(tx, call, { groups, members, approvers });
  });
}

/** What waited for too long, or was approved by somebody who may not any more, makes room for another. */
async function endOver(tx: Tx, { organizationId, credentialId, argumentsHash }: HeldCall): Promise<void> {
  const stillDecides = Prisma.raw(mayDecideSql('a', 'a.decided_by_id'));
  await tx.$executeRaw`
    UPDATE approvals a SET state = 'ended', sealed = NULL
    WHERE a.organization_id = ${organizationId}::uuid AND a.credential_id = ${credentialId}::uuid AND a.arguments_hash = ${argumentsHash}
      AND a.state IN ('open', 'approved') AND (a.expires_at <= now() OR (a.state = 'approved' AND NOT ${stillDecides}))`;
}

async function findEarlier(tx: Tx, call: HeldCall): Promise<Held | null> {
  const { organizationId, credentialId, connectionId, argumentsHash, judgedAs, tool: toolName } = call;
  const row = await tx.approval.findFirst({
    where: { organizationId, credentialId, connectionId, toolName, argumentsHash, judgedAs },
    orderBy: [{ askedAt: 'desc' }, { id: 'desc' }],
  });
  if (!row) return null;
  const { id, state, expiresAt, usedAt } = row;
  const by = row.decidedBy ?? 'somebody';
  if (state === 'open')
    return {
      ...{ state: 'waiting', id, expiresAt },
      approvers: await namesOf(tx, call, row.approverGroups, row.approverMembers),
    };
  if (state === 'approved') return { state, id, expiresAt };
  const nowMs = Date.now();
  if (state === 'declined' && expiresAt.getTime() > nowMs)
    return { state, by, answer: row.answer ?? '', expiresAt };
  if (state === 'used' && usedAt!.getTime() > nowMs - JUST_MADE_SECONDS * 1000)
    return { state: 'made', by, at: usedAt! };
  return null;
}

/** Groups with somebody in them who could decide, and people, as they are called. */
async function namesOf(
  tx: Tx,
  { organizationId, memberId }: HeldCall,
  groups: readonly string[],
  members: readonly string[],
): Promise<string[]> {
  const rows = await tx.$queryRaw<{ name: string }[]>`
    SELECT 'a member of ' || g.name AS name FROM groups g
    WHERE g.organization_id = ${organizationId}::uuid AND g.id = ANY(${groups}::uuid[]) AND EXISTS (
      SELECT FROM group_members gm WHERE gm.organization_id = g.organization_id AND gm.group_id = g.id AND gm.member_id <> ${memberId}::uuid)
    UNION SELECT m.name FROM members m
    WHERE m.organization_id = ${organizationId}::uuid AND m.id = ANY(${members}::uuid[]) AND m.id <> ${memberId}::uuid
    ORDER BY 1`;
  return rows.map(({ name }) => name);
}

async function ask(
  tx: Tx,
  call: HeldCall,
  who: { groups: string[]; members: string[]; approvers: string[] },
): Promise<Held> {
  const { organizationId, memberId, credentialId } = call;
  const id = randomUUID();
  const [credential] = await tx.$queryRaw<{ kind: 'agent_token' | 'oauth'; name: string }[]>`
    SELECT 'agent_token' AS kind, name FROM agent_tokens WHERE organization_id = ${organizationId}::uuid AND id = ${credentialId}::uuid
    UNION ALL SELECT 'oauth', client_name FROM grants WHERE organization_id = ${organizationId}::uuid AND id = ${credentialId}::uuid`;
  if (!credential) return { state: 'nobody' };
  const expiresAt = new Date(Date.now() + WAITS_HOURS * 3_600_000);
  await tx.approval.create({
    data: {
      ...{ id, organizationId, memberId, credentialId, expiresAt },
      credentialName: credential.name,
      connectionId: call.connectionId,
      toolName: call.tool,
      argumentsHash: call.argumentsHash,
      judgedAs: call.judgedAs,
      sealed: sealSecret(placeOf(organizationId, 'approvals', 'sealed', id), call.argumentsText),
      approverGroups: who.groups,
      approverMembers: who.members,
    },
  });
  await appendEvent(
    tx,
    {
      ...{ organizationId, memberId, memberEmail: call.memberEmail },
      credential: { kind: credential.kind, id: credentialId, name: credential.name },
    },
    {
      action: 'approval.asked',
      target: `approval:${id}`,
      after: {
        ...{ tool: call.tool, argumentsHash: call.argumentsHash, call: call.callId },
        ...{ waitsFor: who.approvers, expiresAt: expiresAt.toISOString() },
      },
    },
  );
  return { state: 'waiting', id, expiresAt, approvers: who.approvers };
}
