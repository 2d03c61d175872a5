// Sends an organization's chain to a sink outside, in order, from a stored place on: at least once, the number being the key. One process
// sends at a time, whoever holds the lease on the row; what the sink does not take is tried again until it does.
import { randomUUID } from 'node:crypto';
import { db, pool, type Tx } from '../db';
import { env } from '../env';
import { AppError } from '../errors';
import { OutboundError } from '../http';
import { assertSinkHost, postToSink, sendOverTcp } from '../http-sink';
import { log } from '../log';
import { openSecret, placeOf, sealSecret } from '../vault/vault';
import { appendEvent, type Actor } from './append';
import { readReach, type Checkpoint } from './checkpoints';
import { startOfChain } from './export-statement';
import { columns, type AuditRow } from './record-rows';
import { messageOfCheckpoint, messageOfLink, toOtlp, toSyslog, type SinkMessage } from './sink-formats';

export interface SinkView {
  kind: 'none' | 'syslog' | 'otlp';
  address: string | null;
  ca: string | null;
  hasAuthorization: boolean;
  /** The number of the last record that it took. */
  sentSeq: number | null;
  sentAt: string | null;
  /** Records that wait, and for how long the first of them has. */
  behind: number;
  behindSeconds: number;
  /** What went wrong last, as a sentence; null where nothing did. */
  problem: string | null;
  failures: number;
  nextAt: string | null;
}

export interface SinkChange {
  kind: 'none' | 'syslog' | 'otlp';
  address?: string;
  ca?: string | null;
  /** The value of `Authorization`; left out: as it is, null: none. */
  authorization?: string | null;
  /** Where a new sink begins; left out: where the last one ended, or now. */
  from?: 'beginning' | 'now';
}

const LEASE_SECONDS = 45;
const TIMEOUT_MS = 10_000;
const MAX_RECORDS = 500;
const MAX_BYTES = 1_000_000;
const LONGEST_PAUSE_SECONDS = 300;

const placeOfSecret = (organizationId: string) =>
  placeOf(organizationId, 'audit_sinks', 'secret', organizationId);

/** The organization's sink and how far it has got. The authorization is never returned. */
export async function readSink(organizationId: string, tx: Tx = db() as unknown as Tx): Promise<SinkView> {
  const rows = await tx.$queryRawUnsafe<(Sink & { behind: string; waiting_seconds: number | null })[]>(
    `SELECT s.*, greatest(0, coalesce(h.seq, 0) - s.sent_seq) AS behind,
       (SELECT extract(epoch FROM now() - r.at)::float8 FROM audit_chain c JOIN audit_records r ON r.id = c.record_id
        WHERE c.organization_id = s.organization_id AND c.seq > s.sent_seq ORDER BY c.seq LIMIT 1) AS waiting_seconds
     FROM audit_sinks s LEFT JOIN audit_chain_heads h ON h.organization_id = s.organization_id WHERE s.organization_id = $1::uuid`,
    organizationId,
  );
  const [row] = rows;
  if (!row)
    return {
      ...{ kind: 'none', address: null, ca: null, hasAuthorization: false, sentSeq: null, sentAt: null },
      ...{ behind: 0, behindSeconds: 0, problem: null, failures: 0, nextAt: null },
    };
  const { kind, address, ca, problem, failures } = row;
  return {
    ...{ kind, address, ca, problem, failures },
    hasAuthorization: row.secret !== null,
    sentSeq: Number(row.sent_seq),
    sentAt: row.sent_at?.toISOString() ?? null,
    behind: Number(row.behind),
    behindSeconds: Math.max(0, Math.round(row.waiting_seconds ?? 0)),
    nextAt: failures > 0 ? row.next_at.toISOString() : null,
  };
}

/** Sets, changes or (`none`) takes away the sink, with the event. Throws `invalid` for an address that can't be one. */
export async function saveSink(tx: Tx, actor: Actor, change: SinkChange): Promise<void> {
  const { organizationId } = actor;
  const before = await tx.auditSink.findFirst({ where: { organizationId } });
  const shown = (sink: { kind: string; address: string } | null) =>
    sink ? { kind: sink.kind, address: sink.address } : { kind: 'none' };
  if (change.kind === 'none') {
    if (!before) return;
    await tx.auditSink.deleteMany({ where: { organizationId } });
    await appendEvent(tx, actor, {
      action: 'audit_sink.removed',
      target: 'audit_sink',
      before: shown(before),
    });
    return;
  }
  const address = checkedAddress(change.kind, change.address ?? before?.address ?? '');
  const place = await placeToBegin(organizationId, change.from, before);
  // A secret goes to the place that it was given for: another address gets none unless it is given anew.
  const keeps = before?.kind === change.kind && before.address === address;
  const secret =
    change.authorization === undefined
      ? keeps
        ? before.secret
        : null
      : change.authorization === null
        ? null
        : sealSecret(placeOfSecret(organizationId), change.authorization);
  const ca = change.ca === undefined ? (keeps ? before.ca : null) : change.ca;
  const data = {
    ...{ kind: change.kind, address, ca, secret, ...place },
    ...{ failures: 0, problem: null, nextAt: new Date(), leaseHolder: null, leaseUntil: null },
  };
  await tx.auditSink.upsert({ where: { organizationId }, create: { organizationId, ...data }, update: data });
  await appendEvent(tx, actor, {
    action: 'audit_sink.saved',
    target: 'audit_sink',
    before: shown(before),
    after: { kind: change.kind, address, afterSeq: Number(place.sentSeq) },
  });
}

async function placeToBegin(
  organizationId: string,
  from: SinkChange['from'],
  before: { sentSeq: bigint; sentCheckpoint: bigint } | null,
): Promise<{ sentSeq: bigint; sentCheckpoint: bigint }> {
  if (from === undefined && before) return { sentSeq: before.sentSeq, sentCheckpoint: before.sentCheckpoint };
  if (from === 'beginning')
    return { sentSeq: BigInt((await startOfChain(organizationId)).seq), sentCheckpoint: 0n };
  return { sentSeq: BigInt((await readReach(organizationId))?.seq ?? 0), sentCheckpoint: BigInt(Date.now()) };
}

function checkedAddress(kind: 'syslog' | 'otlp', address: string): string {
  const refuse = (why: string) => new AppError('invalid', `body.address: ${why}`);
  if (!URL.canParse(address)) throw refuse('must be an address such as tls://syslog.example.com:6514');
  const url = new URL(address);
  const schemes =
    kind === 'syslog'
      ? ['tcp:', 'tls:']
      : env().GATEHOUSE_ALLOW_INSECURE_UPSTREAM
        ? ['https:', 'http:']
        : ['https:'];
  if (!schemes.includes(url.protocol))
    throw refuse(kind === 'syslog' ? 'must begin with tls:// or tcp://' : 'must begin with https://');
  if (url.username !== '' || url.password !== '')
    throw refuse('must not hold credentials; use authorization');
  if (kind === 'syslog' && (url.port === '' || !/^\/?$/.test(url.pathname) || url.search !== ''))
    throw refuse('must be a host and a port, such as tls://syslog.example.com:6514');
  try {
    assertSinkHost(url.hostname);
  } catch {
    throw refuse('must be a public address');
  }
  return address;
}

interface Sink {
  organization_id: string;
  kind: 'syslog' | 'otlp';
  address: string;
  ca: string | null;
  secret: string | null;
  sent_seq: string;
  sent_checkpoint: string;
  sent_at: Date | null;
  failures: number;
  problem: string | null;
  next_at: Date;
}

/** Why a sink did not take what it was sent; the message is a sentence for admins. */
class Refused extends Error {
  constructor(
    message: string,
    readonly retrySeconds = 0,
  ) {
    super(message);
  }
}

const CLAIM = `
  UPDATE audit_sinks s SET lease_holder = $1, lease_until = now() + interval '${LEASE_SECONDS} seconds'
  WHERE s.organization_id = (
    SELECT w.organization_id FROM audit_sinks w LEFT JOIN audit_chain_heads h ON h.organization_id = w.organization_id
    WHERE w.next_at <= now() AND (w.lease_until IS NULL OR w.lease_until < now()) AND (h.seq > w.sent_seq OR EXISTS (
      SELECT FROM audit_checkpoints k WHERE k.organization_id = w.organization_id
        AND k.at > to_timestamp(w.sent_checkpoint / 1000.0) AND k.seq <= w.sent_seq))
    ORDER BY w.next_at LIMIT 1 FOR UPDATE OF w SKIP LOCKED)
  RETURNING s.*`;

/** Sends what waits for one sink that is due. False where none is. Errors of the database pass through. */
export async function sendOnce(): Promise<boolean> {
  const holder = randomUUID();
  const { rows } = await pool().query<Sink>(CLAIM, [holder]);
  const [sink] = rows;
  if (!sink) return false;
  let at = { seq: Number(sink.sent_seq), checkpoint: Number(sink.sent_checkpoint) };
  try {
    for (;;) {
      const batch = await nextBatch(sink.organization_id, at);
      if (batch.messages.length === 0) break;
      await deliver(sink, batch.messages);
      at = batch.at;
      if (!(await noteSent(sink, holder, at))) return true;
    }
    await pool().query(
      `UPDATE audit_sinks SET lease_holder = NULL, lease_until = NULL WHERE organization_id = $1 AND lease_holder = $2`,
      [sink.organization_id, holder],
    );
  } catch (error) {
    const refused = refusalOf(error);
    if (!refused) throw error;
    await noteFailure(sink, holder, refused);
  }
  return true;
}

interface Place {
  seq: number;
  /** ms since 1970. */
  checkpoint: number;
}

async function nextBatch(
  organizationId: string,
  after: Place,
): Promise<{ messages: SinkMessage[]; at: Place }> {
  const { rows } = await pool().query<AuditRow & { seq: string; link: Buffer; link_before: Buffer | null }>(
    `SELECT ${columns}, c.seq, c.hash AS link, p.hash AS link_before FROM audit_chain c
     JOIN audit_records r ON r.id = c.record_id AND r.organization_id = c.organization_id
     LEFT JOIN audit_chain p ON p.organization_id = c.organization_id AND p.seq = c.seq - 1
     WHERE c.organization_id = $1 AND c.seq > $2 ORDER BY c.seq LIMIT ${MAX_RECORDS}`,
    [organizationId, after.seq],
  );
  const messages: SinkMessage[] = [];
  let bytes = 0;
  let { seq } = after;
  const start = rows[0] && !rows[0].link_before ? await startOfChain(organizationId) : null;
  for (const { seq: number, link, link_before: before, ...row } of rows) {
    const previous = before?.toString('hex') ?? start?.hash ?? '';
    const message = messageOfLink(organizationId, {
      seq: Number(number),
      hash: link.toString('hex'),
      previous,
      row,
    });
    bytes += message.body.length;
    if (messages.length > 0 && bytes > MAX_BYTES) return { messages, at: { ...after, seq } };
    messages.push(message);
    seq = Number(number);
  }
  if (rows.length === MAX_RECORDS) return { messages, at: { ...after, seq } };
  const checkpoints = await checkpointsSince(organizationId, after.checkpoint, seq);
  messages.push(...checkpoints.map(messageOfCheckpoint));
  const newest = Math.max(after.checkpoint, ...checkpoints.map(({ at }) => Date.parse(at)));
  return { messages, at: { seq, checkpoint: newest } };
}

/** Checkpoints made after a moment, none about records that were not sent yet. */
async function checkpointsSince(organizationId: string, sinceMs: number, seq: number): Promise<Checkpoint[]> {
  const { rows } = await pool().query<{ checkpoint: Checkpoint; signature: Buffer; hash: Buffer; at: Date }>(
    `SELECT json_build_object('organization', organization_id, 'seq', seq, 'kind', kind, 'keyId', key_id) AS checkpoint,
       signature, hash, at FROM audit_checkpoints
     WHERE organization_id = $1 AND at > to_timestamp($2::float8 / 1000) AND seq <= $3 ORDER BY at LIMIT ${MAX_RECORDS}`,
    [organizationId, sinceMs, seq],
  );
  return rows.map(({ checkpoint, signature, hash, at }) => ({
    ...checkpoint,
    hash: hash.toString('hex'),
    at: at.toISOString(),
    signature: signature.toString('base64'),
  }));
}

async function deliver(
  { organization_id, kind, address, ca, secret }: Sink,
  messages: SinkMessage[],
): Promise<void> {
  const { hostname } = new URL(env().GATEHOUSE_URL);
  if (kind === 'syslog') {
    const { protocol, hostname: host, port } = new URL(address);
    await sendOverTcp(
      { host, port: Number(port), tls: protocol === 'tls:', ca },
      toSyslog(messages, hostname),
      TIMEOUT_MS,
    );
    return;
  }
  const authorization = secret === null ? null : openSecret(placeOfSecret(organization_id), secret);
  const body = toOtlp(messages, hostname);
  const { status, retryAfter, text } = await postToSink(address, {
    body,
    authorization,
    ca,
    timeoutMs: TIMEOUT_MS,
  });
  if (status < 200 || status > 299)
    throw new Refused(`It answered with status ${status}.`, Math.min(3_600, Number(retryAfter) || 0));
  const rejected = rejectedIn(text);
  if (rejected > 0)
    throw new Refused(`It took the batch but rejected ${rejected} of its ${messages.length} records.`);
}

/** Of an OTLP answer (`partialSuccess`). A collector that says nothing took everything. */
function rejectedIn(text: string): number {
  try {
    const answer = JSON.parse(text) as { partialSuccess?: { rejectedLogRecords?: string | number } };
    return Number(answer.partialSuccess?.rejectedLogRecords ?? 0) || 0;
  } catch {
    return 0;
  }
}

const SENTENCES: Record<OutboundError['reason'], string> = {
  refused_url: 'Its address is not a public one.',
  unreachable: 'It can\u2019t be reached, or its certificate is not trusted.',
  timeout: 'It did not answer in time.',
  cut: 'It closed the connection before it had taken everything.',
  too_large: 'Its answer was too large.',
};

function refusalOf(error: unknown): Refused | null {
  if (error instanceof Refused) return error;
  return error instanceof OutboundError ? new Refused(SENTENCES[error.reason]) : null;
}

/** False where somebody else has the lease by now: he sends from the place that is stored, so some come twice and none is lost. */
async function noteSent({ organization_id }: Sink, holder: string, at: Place): Promise<boolean> {
  const { rowCount } = await pool().query(
    `UPDATE audit_sinks SET sent_seq = $3, sent_checkpoint = $4, sent_at = now(), failures = 0, problem = NULL,
       lease_until = now() + interval '${LEASE_SECONDS} seconds'
     WHERE organization_id = $1 AND lease_holder = $2`,
    [organization_id, holder, at.seq, at.checkpoint],
  );
  return rowCount === 1;
}

async function noteFailure(sink: Sink, holder: string, refused: Refused): Promise<void> {
  const { organization_id: organizationId } = sink;
  if (sink.failures === 0)
    log().warn({ organizationId, problem: refused.message }, 'the audit sink does not take records');
  await pool().query(
    `UPDATE audit_sinks SET failures = failures + 1, problem = $3, lease_holder = NULL, lease_until = NULL,
       next_at = now() + interval '1 second' * greatest($4::float8,
         least(${LONGEST_PAUSE_SECONDS}, power(2, least(failures, 10))) * (0.5 + random() / 2))
     WHERE organization_id = $1 AND lease_holder = $2`,
    [organizationId, holder, refused.message, refused.retrySeconds],
  );
}

/** Sends about every `intervalMs` until the returned function is called; that resolves when the last sending is over. */
export function startSinks({ intervalMs }: { intervalMs: number }): () => Promise<void> {
  let stopped = false;
  let sending: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout;
  async function send(): Promise<void> {
    try {
      while (!stopped && (await sendOnce()));
    } catch (error) {
      log().warn({ err: error }, 'audit sinks wait for the database');
    }
    if (!stopped) plan();
  }
  function plan(): void {
    timer = setTimeout(
      () => {
        sending = send();
      },
      intervalMs * (0.5 + Math.random()),
    ).unref();
  }
  plan();
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await sending;
  };
}
