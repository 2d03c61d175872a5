// Gatehouse's own calls to Asana are on record like anybody's: a record before, an outcome after.
import { pool } from '../db';
import { uuidv7 } from './append';

export type Outcome = 'ok' | 'tool_error' | 'upstream_error' | 'unknown';

/** The connection a call of Gatehouse's own goes through, and why it is made (`credential.name`). */
export interface SystemCall {
  organizationId: string;
  memberId: string;
  memberEmail: string;
  connectionId: string | null;
  workspaceGid: string | null;
  purpose: string;
  method: string;
  tool?: string;
}

/** Makes the record durable and returns its id; nothing may be sent to Asana before this resolved. */
export async function recordSystemCall(call: SystemCall): Promise<string> {
  const id = uuidv7();
  await pool().query({
    name: 'record-system-call',
    text: `INSERT INTO audit_records (id, organization_id, kind, member_id, member_email, credential_kind, credential_id,
             credential_name, connection_id, workspace_gid, method, tool, decision)
           VALUES ($1, $2, 'call', $3, $4, 'system', 'gatehouse', $5, $6, $7, $8, $9, 'allow')`,
    values: [
      id,
      call.organizationId,
      call.memberId,
      call.memberEmail,
      call.purpose,
      call.connectionId,
      call.workspaceGid,
      call.method,
      call.tool ?? null,
    ],
  });
  return id;
}

export interface CallOutcome {
  organizationId: string;
  callId: string;
  outcome: Outcome;
  latencyMs: number;
  reason?: string;
}

/** Inserts outcomes in one statement. A call that has one already keeps it. */
export async function recordOutcomes(outcomes: readonly CallOutcome[]): Promise<void> {
  if (outcomes.length === 0) return;
  await pool().query({
    name: 'record-outcomes',
    // A connection that died silently must not hold up the outcomes; to write them twice does no harm.
    ...{ query_timeout: 3_000 },
    text: `INSERT INTO audit_records (id, organization_id, kind, call_id, outcome, latency_ms, reason)
           SELECT id, organization_id, 'outcome', call_id, outcome, latency_ms, reason
           FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::float8[], $6::text[])
             AS o(id, organization_id, call_id, outcome, latency_ms, reason)
           ON CONFLICT DO NOTHING`,
    values: [
      outcomes.map(() => uuidv7()),
      outcomes.map((o) => o.organizationId),
      outcomes.map((o) => o.callId),
      outcomes.map((o) => o.outcome),
      outcomes.map((o) => o.latencyMs),
      outcomes.map((o) => o.reason ?? null),
    ],
  });
}
