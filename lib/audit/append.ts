// Appends events to the audit, inside the transaction of the change that they record. Calls are appended by gateway/admit.
import { randomUUID } from 'node:crypto';
import { Prisma, type Tx } from '../db';

export type CredentialKind = 'agent_token' | 'oauth' | 'session' | 'api_key' | 'system';

/** Who did it, as the audit remembers it. */
export interface Actor {
  organizationId: string;
  memberId: string | null;
  memberEmail: string | null;
  credential: { kind: CredentialKind; id: string; name: string | null };
}

/** Gatehouse itself, for what nobody asked for; `name` says what it was about. */
export const systemActor = (organizationId: string, name: string): Actor => ({
  ...{ organizationId, memberId: null, memberEmail: null },
  credential: { kind: 'system', id: 'gatehouse', name },
});

export interface AuditEvent {
  /** `noun.verb_past`, e.g. `group.updated`. */
  action: string;
  /** What it was done to, e.g. `group:sales`. */
  target: string;
  before?: unknown;
  after?: unknown;
}

/**
 * A UUID version 7 (RFC 9562 §5.7): its first 48 bits are the time in ms, so that new rows stand together in an index. Time is a
 * parameter for callers that must be pure.
 */
export function uuidv7(nowMs: number = Date.now()): string {
  const time = nowMs.toString(16).padStart(12, '0');
  // randomUUID draws from a pool; its version 4 has the same 74 random bits in the same places, and the same variant.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}

/** The same for many changes of one transaction, in few statements. */
export async function appendEvents(tx: Tx, actor: Actor, events: readonly AuditEvent[]): Promise<void> {
  const json = (value: unknown) => (value === undefined ? null : JSON.stringify(value));
  for (let from = 0; from < events.length; from += 1_000) {
    const some = events.slice(from, from + 1_000);
    await tx.$executeRaw`
      INSERT INTO audit_records (id, organization_id, kind, member_id, member_email, credential_kind, credential_id,
        credential_name, action, target, before, after)
      SELECT e.id, ${actor.organizationId}::uuid, 'event', ${actor.memberId}::uuid, ${actor.memberEmail}::text,
        ${actor.credential.kind}::text, ${actor.credential.id}::text, ${actor.credential.name}::text, e.action, e.target,
        e.before::jsonb, e.after::jsonb
      FROM unnest(${some.map(() => uuidv7())}::uuid[], ${some.map(({ action }) => action)}::text[],
        ${some.map(({ target }) => target)}::text[], ${some.map(({ before }) => json(before))}::text[],
        ${some.map(({ after }) => json(after))}::text[]) AS e(id, action, target, before, after)`;
  }
}

/** Records a change. Must be called with the change's own transaction: both commit or neither does. Pass no secrets. */
export async function appendEvent(tx: Tx, actor: Actor, event: AuditEvent): Promise<void> {
  const json = (value: unknown) =>
    value === undefined ? Prisma.sql`NULL` : Prisma.sql`${JSON.stringify(value)}::jsonb`;
  await tx.$executeRaw`
    INSERT INTO audit_records (id, organization_id, kind, member_id, member_email, credential_kind, credential_id,
      credential_name, action, target, before, after)
    VALUES (${uuidv7()}::uuid, ${actor.organizationId}::uuid, 'event', ${actor.memberId}::uuid, ${actor.memberEmail},
      ${actor.credential.kind}, ${actor.credential.id}, ${actor.credential.name}, ${event.action}, ${event.target},
      ${json(event.before)}, ${json(event.after)})`;
}
