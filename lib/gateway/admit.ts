// Admission: one SQL statement for a batch of waiting calls resolves the bearers, reads the policy as it is now and inserts the
// audit records; only after its commit does anything leave for Asana. There is no cache, so nothing needs invalidating: what was
// acknowledged before a call arrived is in force for it, in every process.
//
// Group commit: calls that arrive while a batch is being written form the next one, so that a lone call waits for nobody and a
// crowd shares the cost. One snapshot per batch, taken after the batch is closed (READ COMMITTED, a single statement).
import type { Pool, PoolClient } from 'pg';
import { pool } from '../db';
import { grantedSql, toolDenialSql, type Denial } from '../policy/policy';

/** One call that asks for admission. */
export interface AdmissionRequest {
  /** The call's id in the audit and upstream; null only authenticates (ping, GET), which leaves no record. */
  callId: string | null;
  /** SHA-256 of the bearer. */
  bearerHash: Uint8Array;
  method: string | null;
  /** The tool's name of a `tools/call`; null otherwise. */
  tool: string | null;
  /** The family that one of the caller's groups must open; null where the method is open to all. */
  family: string | null;
  /** A refusal found before the policy; it is recorded as it is. */
  denial: Denial | null;
  argumentsHash: string | null;
  /** What the client calls itself; data, never trusted. */
  client: string | null;
}

/** Everything the gate needs to know about an admitted or denied caller. */
export interface Admitted {
  organizationId: string;
  memberId: string;
  memberEmail: string;
  credentialId: string;
  denial: Denial | null;
  /** For `initialize`: families of methods that the caller's groups open. */
  families: string[] | null;
  /** For `tools/list`: the names the caller may see, in the catalogue's order. */
  visible: string[] | null;
  connection: AdmittedConnection | null;
  /** How many active connections the member has, where the bearer names none. */
  activeConnections: number;
}

export interface AdmittedConnection {
  id: string;
  status: 'active' | 'needs_reconnect';
  workspaceGid: string | null;
  /** Sealed. */
  accessToken: string;
  accessExpiresAt: Date;
  generation: number;
}

/** `expired`: the bearer was good once; `unknown`: nobody's (revoked, removed or never ours). */
export type Admission = { admitted: Admitted } | { unauthenticated: 'unknown' | 'expired' };

/** Admission could not be had within its time: database away or too busy. Nothing was sent to Asana. */
export class AdmissionUnavailable extends Error {}

const MAX_BATCH = 256;
const MAX_WAITING = 4_000;
const TIMEOUT_MS = 900;

const STATEMENT = `
WITH input AS (
  SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
    WITH ORDINALITY AS i(call_id, hash, method, tool, family, denial, arguments_hash, client, n)
), bearer AS (
  SELECT i.n, i.call_id, i.method, i.tool, i.family, i.denial AS given_denial, i.arguments_hash, i.client,
    t.id AS token_id, t.name AS token_name, t.connection_id AS bound_to, t.tools, t.restricted,
    coalesce(t.expires_at <= now(), false) AS expired,
    m.id AS member_id, m.email, o.id AS organization_id, o.drift_policy
  FROM input i
  JOIN agent_tokens t ON t.token_hash = i.hash
  JOIN members m ON m.organization_id = t.organization_id AND m.id = t.member_id
  JOIN organizations o ON o.id = t.organization_id
), decided AS (
  SELECT b.*,
    CASE
      WHEN b.given_denial IS NOT NULL THEN b.given_denial
      WHEN b.family IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM group_members gm JOIN groups g ON g.id = gm.group_id
        WHERE gm.organization_id = b.organization_id AND gm.member_id = b.member_id AND b.family = ANY(g.methods)
      ) THEN 'method_not_allowed'
      WHEN b.method = 'tools/call' THEN ${toolDenialSql({
        tool: 'tl',
        granted: grantedSql({
          organizationId: 'b.organization_id',
          memberId: 'b.member_id',
          toolName: 'b.tool',
        }),
        restricted: 'b.restricted',
        tools: 'b.tools',
        driftPolicy: 'b.drift_policy',
      })}
    END AS denial,
    CASE WHEN b.method = 'initialize' THEN ARRAY(
      SELECT DISTINCT unnest(g.methods) FROM group_members gm JOIN groups g ON g.id = gm.group_id
      WHERE gm.organization_id = b.organization_id AND gm.member_id = b.member_id
    ) END AS families,
    CASE WHEN b.method IN ('tools/list', 'resources/read') AND b.given_denial IS NULL THEN ARRAY(
      SELECT tv.name FROM tools tv WHERE tv.organization_id = b.organization_id AND ${toolDenialSql({
        tool: 'tv',
        granted: grantedSql({
          organizationId: 'b.organization_id',
          memberId: 'b.member_id',
          toolName: 'tv.name',
        }),
        restricted: 'b.restricted',
        tools: 'b.tools',
        driftPolicy: 'b.drift_policy',
      })} IS NULL ORDER BY tv.position, tv.name
    ) END AS visible,
    (SELECT count(*)::int FROM connections ca
      WHERE ca.organization_id = b.organization_id AND ca.member_id = b.member_id AND ca.status = 'active') AS active_connections,
    (SELECT string_agg(g.slug || '@' || g.version, ',' ORDER BY g.slug) FROM group_members gm JOIN groups g ON g.id = gm.group_id
      WHERE gm.organization_id = b.organization_id AND gm.member_id = b.member_id) AS policy_version
  FROM bearer b
  LEFT JOIN tools tl ON tl.organization_id = b.organization_id AND tl.name = b.tool
), connected AS (
  SELECT d.*, c.id AS connection_id, c.status AS connection_status, c.workspace_gid, c.access_token, c.access_expires_at, c.generation
  FROM decided d
  LEFT JOIN connections c ON c.organization_id = d.organization_id AND c.member_id = d.member_id
    AND CASE WHEN d.bound_to IS NOT NULL THEN c.id = d.bound_to ELSE c.status = 'active' AND d.active_connections = 1 END
), recorded AS (
  INSERT INTO audit_records (id, organization_id, kind, member_id, member_email, credential_kind, credential_id, credential_name,
    client, connection_id, workspace_gid, method, tool, arguments_hash, decision, reason, policy_version)
  SELECT call_id, organization_id, 'call', member_id, email, 'agent_token', token_id, token_name, client, connection_id,
    workspace_gid, method, tool, arguments_hash, CASE WHEN denial IS NULL THEN 'allow' ELSE 'deny' END, denial, policy_version
  FROM connected WHERE call_id IS NOT NULL AND NOT expired
)
SELECT n::int, expired, organization_id, member_id, email, token_id, denial, families, visible, active_connections, connection_id,
  connection_status, workspace_gid, access_token, access_expires_at, generation
FROM connected`;

interface Row {
  n: number;
  expired: boolean;
  organization_id: string;
  member_id: string;
  email: string;
  token_id: string;
  denial: Denial | null;
  families: string[] | null;
  visible: string[] | null;
  active_connections: number;
  connection_id: string | null;
  connection_status: 'active' | 'needs_reconnect';
  workspace_gid: string | null;
  access_token: string;
  access_expires_at: Date;
  generation: number;
}

interface Waiting {
  request: AdmissionRequest;
  askedMs: number;
  resolve(admission: Admission): void;
  reject(error: unknown): void;
}

let waiting: Waiting[] = [];
let writing = false;

/** Admits one call: resolves once its record is durable. Throws `AdmissionUnavailable` within a second where that can't be had. */
export function admit(request: AdmissionRequest): Promise<Admission> {
  if (waiting.length >= MAX_WAITING) return Promise.reject(new AdmissionUnavailable('too many calls wait'));
  return new Promise((resolve, reject) => {
    waiting.push({ request, askedMs: performance.now(), resolve, reject });
    if (!writing) void writeBatches();
  });
}

async function writeBatches(): Promise<void> {
  writing = true;
  // Calls that arrive in the same turn of the event loop share the first batch.
  await Promise.resolve();
  while (waiting.length > 0) {
    const batch = waiting.slice(0, MAX_BATCH);
    waiting = waiting.slice(MAX_BATCH);
    try {
      // The time runs from when a call asked: one that waited behind a batch that hung is refused as soon as that one.
      const timeoutMs = TIMEOUT_MS - (performance.now() - batch[0]!.askedMs);
      const answered = await query(
        batch.map(({ request }) => request),
        timeoutMs,
      );
      const rows = new Map(answered.map((row) => [row.n, row]));
      for (const [n, { resolve }] of batch.entries()) resolve(toAdmission(rows.get(n + 1)));
    } catch (error) {
      const unavailable = new AdmissionUnavailable('the database does not answer', { cause: error });
      for (const { reject } of batch) reject(unavailable);
    }
  }
  writing = false;
}

async function query(requests: AdmissionRequest[], timeoutMs: number): Promise<Row[]> {
  const values = [
    requests.map((request) => request.callId),
    requests.map((request) => request.bearerHash),
    requests.map((request) => request.method),
    requests.map((request) => request.tool),
    requests.map((request) => request.family),
    requests.map((request) => request.denial),
    requests.map((request) => request.argumentsHash),
    requests.map((request) => request.client),
  ];
  let timer: NodeJS.Timeout | undefined;
  let isLate = false;
  const late = new Promise<never>((_, reject) => {
    // One turn of the event loop later: an answer that is here already, behind a loop that was busy, still counts.
    const fail = () => {
      isLate = true;
      trustedSinceMs = performance.now();
      reject(new Error('admission timed out'));
    };
    timer = setTimeout(() => setImmediate(fail), timeoutMs);
  });
  try {
    const connecting = checkOut();
    // A connection that comes after its time goes straight back.
    connecting.then(
      (client) => isLate && client.release(),
      () => undefined,
    );
    const client = await Promise.race([connecting, late]);
    let broken: Error | undefined;
    try {
      const answer = await Promise.race([
        client.query<Row>({ name: 'admit', text: STATEMENT, values }),
        late,
      ]);
      return answer.rows;
    } catch (error) {
      broken = error as Error;
      throw error;
    } finally {
      // A connection whose statement timed out still runs it; it is closed, not reused.
      client.release(broken);
    }
  } finally {
    clearTimeout(timer);
  }
}

// A network that dies silently leaves connections that look alive. Once one got no answer, none from before it is tried again;
// otherwise each of the pool's would cost its second after the database is back.
let trustedSinceMs = 0;
const connectedMs = new WeakMap<PoolClient, number>();
const watched = new WeakSet<Pool>();

async function checkOut(): Promise<PoolClient> {
  const from = pool();
  if (!watched.has(from)) from.on('connect', (client) => connectedMs.set(client, performance.now()));
  watched.add(from);
  for (;;) {
    const client = await from.connect();
    if ((connectedMs.get(client) ?? 0) >= trustedSinceMs) return client;
    client.release(true);
  }
}

function toAdmission(row: Row | undefined): Admission {
  if (!row) return { unauthenticated: 'unknown' };
  if (row.expired) return { unauthenticated: 'expired' };
  return {
    admitted: {
      organizationId: row.organization_id,
      memberId: row.member_id,
      memberEmail: row.email,
      credentialId: row.token_id,
      denial: row.denial,
      families: row.families,
      visible: row.visible,
      activeConnections: row.active_connections,
      connection:
        row.connection_id === null
          ? null
          : {
              id: row.connection_id,
              status: row.connection_status,
              workspaceGid: row.workspace_gid,
              accessToken: row.access_token,
              accessExpiresAt: row.access_expires_at,
              generation: row.generation,
            },
    },
  };
}
