// Admission: one SQL statement for a batch of waiting calls resolves the bearers, reads the policy as it is now and inserts the
// audit records; only after its commit does anything leave for Asana. There is no cache, so nothing needs invalidating: what was
// acknowledged before a call arrived is in force for it, in every process.
//
// Group commit: calls that arrive while a batch is being written form the next one, so that a lone call waits for nobody and a
// crowd shares the cost. One snapshot per batch, taken after the batch is closed (READ COMMITTED, a single statement).
import type { Pool, PoolClient } from 'pg';
import { pool } from '../db';
import { resourceUrl } from '../env';
import { connectionLimitsSql, isSearchSql } from '../policy/limits';
import { grantedSql, pointsAtWidgetSql, toolDenialSql, type Denial } from '../policy/policy';
import { createFairQueue, type Waiting } from './admission-queue';

/** One call that asks for admission. */
export interface AdmissionRequest {
  /** The call's id in the audit and upstream; null only authenticates (ping, GET), which leaves no record. */
  callId: string | null;
  /** SHA-256 of the bearer: an agent token or an OAuth access token. */
  bearerHash: Uint8Array;
  method: string | null;
  /** The tool's name of a `tools/call`; null otherwise. */
  tool: string | null;
  /** The family that one of the caller's groups must open; null where the method is open to all. */
  family: string | null;
  /** The resource of a `resources/read`; null otherwise. */
  uri: string | null;
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
  /** The agent token's id or the grant's. */
  credentialId: string;
  denial: Denial | null;
  /** Where the denial is a limit: whose, and when the next call may pass. */
  limit: { name: LimitName; waitMs: number } | null;
  /** Whether it only reads, for the limits on calls in flight. */
  reads: boolean;
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

/** Whose limit refused a call; `asana` is the quiet that Asana asked for (429, `Retry-After`). */
export type LimitName = 'token' | 'member' | 'group' | 'search' | 'connection' | 'asana';

/** `expired`: the bearer was good once; `unknown`: nobody's (revoked, removed or never ours). */
export type Admission = { admitted: Admitted } | { unauthenticated: 'unknown' | 'expired' };

/** Admission could not be had within its time: database away or too busy. Nothing was sent to Asana. */
export class AdmissionUnavailable extends Error {}

const MAX_BATCH = 256;
const TIMEOUT_MS = 900;
/** Who waited longer for a turn has too little time left for it; that is no reason to distrust the database. */
const MAX_QUEUE_MS = 600;

/** The tool rule about a row of `tools` under this alias, for the bearer `b`. */
const denialOf = (tool: string, toolName: string) =>
  toolDenialSql({
    tool,
    granted: grantedSql({ organizationId: 'b.organization_id', memberId: 'b.member_id', toolName }),
    restricted: 'b.restricted',
    tools: 'b.tools',
    driftPolicy: 'b.drift_policy',
  });
const LIMITS = connectionLimitsSql('o');

const STATEMENT = `
WITH input AS (
  SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
    $10::text[]) WITH ORDINALITY AS i(call_id, hash, method, tool, family, denial, arguments_hash, client, uri, n)
), credential AS (
  SELECT i.n, 'agent_token' AS kind, a.id, a.name, a.connection_id, a.tools, a.restricted,
    coalesce(a.expires_at <= now(), false) AS expired, a.organization_id, a.member_id, a.calls_per_minute
  FROM input i JOIN agent_tokens a ON a.token_hash = i.hash
  UNION ALL
  SELECT i.n, 'oauth', g.id, g.client_name, g.connection_id, '{}'::text[], false,
    least(ot.expires_at, g.expires_at) <= now(), g.organization_id, g.member_id, NULL
  FROM input i
  JOIN oauth_tokens ot ON ot.hash = i.hash AND ot.kind = 'access' AND ot.resource = $9
  JOIN grants g ON g.organization_id = ot.organization_id AND g.id = ot.grant_id AND g.ended_at IS NULL
  WHERE NOT EXISTS (
    SELECT 1 FROM client_blocks cb WHERE cb.organization_id = g.organization_id AND cb.client_id = g.client_id)
), bearer AS (
  SELECT i.n, i.call_id, i.method, i.tool, i.family, i.denial AS given_denial, i.arguments_hash, i.client,
    t.kind AS token_kind, t.id AS token_id, t.name AS token_name, t.connection_id AS bound_to, t.tools, t.restricted, t.expired,
    m.id AS member_id, m.email, o.id AS organization_id, o.drift_policy, i.uri, t.calls_per_minute AS token_limit,
    m.calls_per_minute AS member_limit, ${LIMITS.connection} AS connection_limit, ${LIMITS.search} AS search_limit
  FROM input i
  JOIN credential t ON t.n = i.n
  JOIN members m ON m.organization_id = t.organization_id AND m.id = t.member_id
  JOIN organizations o ON o.id = t.organization_id
), decided AS (
  SELECT b.*,
    CASE
      WHEN b.given_denial IS NOT NULL THEN b.given_denial
      WHEN b.family IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM group_members gm JOIN groups g ON g.id = gm.group_id
        WHERE gm.organization_id = b.organization_id AND gm.member_id = b.member_id AND b.family = ANY(g.methods)
      ) AND NOT (b.method = 'resources/read' AND EXISTS (
        SELECT 1 FROM tools tw WHERE tw.organization_id = b.organization_id
          AND ${pointsAtWidgetSql({ tool: 'tw', uri: 'b.uri' })} AND ${denialOf('tw', 'tw.name')} IS NULL
      )) THEN 'method_not_allowed'
      WHEN b.method = 'tools/call' THEN ${denialOf('tl', 'b.tool')}
    END AS denial,
    b.method <> 'tools/call' OR tl.class = 'read' AS reads,
    CASE WHEN b.method = 'initialize' THEN ARRAY(
      SELECT DISTINCT unnest(g.methods) FROM group_members gm JOIN groups g ON g.id = gm.group_id
      WHERE gm.organization_id = b.organization_id AND gm.member_id = b.member_id
    ) END AS families,
    CASE WHEN b.method = 'tools/list' AND b.given_denial IS NULL THEN ARRAY(
      SELECT tv.name FROM tools tv
      WHERE tv.organization_id = b.organization_id AND ${denialOf('tv', 'tv.name')} IS NULL
      ORDER BY tv.position, tv.name
    ) END AS visible,
    (SELECT count(*)::int FROM connections ca
      WHERE ca.organization_id = b.organization_id AND ca.member_id = b.member_id AND ca.status = 'active') AS active_connections,
    (SELECT string_agg(g.slug || '@' || g.version, ',' ORDER BY g.slug) FROM group_members gm JOIN groups g ON g.id = gm.group_id
      WHERE gm.organization_id = b.organization_id AND gm.member_id = b.member_id) AS policy_version
  FROM bearer b
  LEFT JOIN tools tl ON tl.organization_id = b.organization_id AND tl.name = b.tool
), connected AS (
  SELECT d.*, c.id AS connection_id, c.status AS connection_status, c.workspace_gid, c.access_token, c.access_expires_at, c.generation,
    CASE WHEN d.denial IS NULL AND d.method <> 'ping' AND c.status = 'active' AND c.throttled_until > now()
      THEN ceil(extract(epoch FROM c.throttled_until - now()) * 1000)::int END AS throttled_ms
  FROM decided d
  LEFT JOIN connections c ON c.organization_id = d.organization_id AND c.member_id = d.member_id
    AND CASE WHEN d.bound_to IS NOT NULL THEN c.id = d.bound_to ELSE c.status = 'active' AND d.active_connections = 1 END
), counted AS (
  SELECT * FROM connected WHERE call_id IS NOT NULL AND NOT expired AND denial IS NULL AND throttled_ms IS NULL
), counters AS (
  SELECT n, organization_id, 'token' AS kind, token_id AS id, token_limit AS most FROM counted WHERE token_limit IS NOT NULL
  UNION ALL SELECT n, organization_id, 'member', member_id, member_limit FROM counted WHERE member_limit IS NOT NULL
  UNION ALL SELECT k.n, k.organization_id, 'group', g.id, g.calls_per_minute FROM counted k
    JOIN group_members gm ON gm.organization_id = k.organization_id AND gm.member_id = k.member_id
    JOIN groups g ON g.id = gm.group_id AND g.calls_per_minute IS NOT NULL
  UNION ALL SELECT n, organization_id, 'search', connection_id, search_limit FROM counted
    WHERE connection_status = 'active' AND method = 'tools/call' AND ${isSearchSql('tool')}
  UNION ALL SELECT n, organization_id, 'connection', connection_id, connection_limit FROM counted
    WHERE connection_status = 'active'
), limited AS MATERIALIZED (
  SELECT l.call AS n, l.refused_by, l.wait_ms FROM (
    SELECT array_agg(n::int) AS calls, array_agg(organization_id) AS organizations, array_agg(kind) AS kinds,
      array_agg(id) AS ids, array_agg(most) AS limits FROM counters
  ) e, LATERAL take_calls(e.calls, e.organizations, e.kinds, e.ids, e.limits) l
), judged AS (
  SELECT c.*, CASE WHEN c.throttled_ms IS NOT NULL THEN 'asana' ELSE l.refused_by END AS refused_by,
    coalesce(c.throttled_ms, l.wait_ms) AS wait_ms,
    coalesce(c.denial, CASE WHEN c.throttled_ms IS NOT NULL THEN 'asana_rate_limited' WHEN l.n IS NOT NULL THEN 'rate_limited' END)
      AS verdict
  FROM connected c LEFT JOIN limited l ON l.n = c.n
), recorded AS (
  INSERT INTO audit_records (id, organization_id, kind, member_id, member_email, credential_kind, credential_id, credential_name,
    client, connection_id, workspace_gid, method, tool, arguments_hash, decision, reason, policy_version)
  SELECT call_id, organization_id, 'call', member_id, email, token_kind, token_id, token_name, client, connection_id,
    workspace_gid, method, tool, arguments_hash, CASE WHEN verdict IS NULL THEN 'allow' ELSE 'deny' END, verdict, policy_version
  FROM judged WHERE call_id IS NOT NULL AND NOT expired
)
SELECT n::int, expired, organization_id, member_id, email, token_id, verdict AS denial, refused_by, wait_ms, reads, families, visible,
  active_connections, connection_id, connection_status, workspace_gid, access_token, access_expires_at, generation
FROM judged`;

interface Row {
  n: number;
  expired: boolean;
  organization_id: string;
  member_id: string;
  email: string;
  token_id: string;
  denial: Denial | null;
  refused_by: LimitName | null;
  wait_ms: number;
  reads: boolean | null;
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

interface Asking {
  request: AdmissionRequest;
  resolve(admission: Admission): void;
  reject(error: unknown): void;
}

const queue = createFairQueue<Asking>();
let writing = false;

/** Admits one call: resolves once its record is durable. Throws `AdmissionUnavailable` within a second where that can't be had. */
export function admit(request: AdmissionRequest): Promise<Admission> {
  return new Promise((resolve, reject) => {
    const bearer = Buffer.from(request.bearerHash).toString('latin1');
    const joined = queue.join(bearer, { call: { request, resolve, reject }, askedMs: performance.now() });
    if (!joined) reject(new AdmissionUnavailable('too many calls wait'));
    else if (!writing) void writeBatches();
  });
}

async function writeBatches(): Promise<void> {
  writing = true;
  // Calls that arrive in the same turn of the event loop share the first batch.
  await Promise.resolve();
  while (queue.size > 0) {
    const late = queue.takeOlderThan(performance.now() - MAX_QUEUE_MS);
    for (const { call } of late) call.reject(new AdmissionUnavailable('waited too long for a turn'));
    const batch = queue.take(MAX_BATCH);
    if (batch.length > 0) await writeBatch(batch);
  }
  writing = false;
}

async function writeBatch(batch: Waiting<Asking>[]): Promise<void> {
  try {
    // The time runs from when the first of them asked.
    const firstMs = batch.reduce((first, { askedMs }) => Math.min(first, askedMs), Infinity);
    const requests = batch.map(({ call }) => call.request);
    const answered = await query(requests, TIMEOUT_MS - (performance.now() - firstMs));
    const rows = new Map(answered.map((row) => [row.n, row]));
    for (const [n, { call }] of batch.entries()) call.resolve(toAdmission(rows.get(n + 1)));
  } catch (error) {
    const unavailable = new AdmissionUnavailable('the database does not answer', { cause: error });
    for (const { call } of batch) call.reject(unavailable);
  }
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
    resourceUrl(),
    requests.map((request) => request.uri),
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
      limit: row.refused_by === null ? null : { name: row.refused_by, waitMs: row.wait_ms },
      reads: row.reads ?? false,
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
