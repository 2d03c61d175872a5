// How links of the chain and checkpoints look to a sink: syslog messages (RFC 5424, framed by RFC 6587 and 5425) and OTLP log records
// (OpenTelemetry protocol, JSON over HTTP). Pure. The body of each is the same JSON; organization and seq together are its key.
import type { Checkpoint } from './checkpoints';
import type { AuditRow } from './record-rows';
import { toRecord } from './records';

/** One thing that a sink gets. */
export interface SinkMessage {
  organization: string;
  seq: number;
  at: string;
  kind: 'call' | 'event' | 'outcome' | 'checkpoint' | 'retention';
  isWarning: boolean;
  /** JSON. */
  body: string;
}

/** A link of the chain with its record. `hash` and `previous` in hex. */
export function messageOfLink(
  organization: string,
  { seq, hash, previous, row }: { seq: number; hash: string; previous: string; row: AuditRow },
): SinkMessage {
  const joined = { joined_outcome: null, joined_latency_ms: null, joined_reason: null };
  const { outcome: _, ...record } = toRecord({
    ...row,
    ...joined,
    seq: String(seq),
    hash: Buffer.from(hash, 'hex'),
  });
  const outcome = {
    id: row.id,
    at: row.at,
    call: row.call_id,
    outcome: row.outcome,
    latencyMs: row.latency_ms,
    reason: row.reason,
  };
  const said =
    row.kind === 'outcome'
      ? { seq, kind: 'outcome', ...outcome, hash }
      : { ...record, memberId: row.member_id };
  return {
    ...{ organization, seq, at: row.at, kind: row.kind },
    isWarning: row.decision === 'deny' || (row.kind === 'outcome' && row.outcome !== 'ok'),
    body: JSON.stringify({ organization, ...said, previous }),
  };
}

export function messageOfCheckpoint(checkpoint: Checkpoint): SinkMessage {
  const { organization, seq, at, kind } = checkpoint;
  return { organization, seq, at, kind, isWarning: false, body: JSON.stringify({ checkpoint }) };
}

/** Facility 13, log audit (RFC 5424 table 1). */
const FACILITY = 13;
// The number that RFC 5612 keeps for documents and examples; ours is not registered.
const ENTERPRISE = 32473;

/** Messages with the count of their octets in front (RFC 6587 §3.4.1). */
export function toSyslog(messages: readonly SinkMessage[], hostname: string): string {
  return messages
    .map(({ organization, seq, at, kind, isWarning, body }) => {
      const head = `<${FACILITY * 8 + (isWarning ? 4 : 6)}>1 ${at} ${hostname} gatehouse - ${kind}`;
      const message = `${head} [gatehouse@${ENTERPRISE} organization="${organization}" seq="${seq}"] \ufeff${body}`;
      return `${Buffer.byteLength(message)} ${message}`;
    })
    .join('');
}

/** A body for an OTLP logs endpoint (ExportLogsServiceRequest). */
export function toOtlp(messages: readonly SinkMessage[], hostname: string): string {
  const text = (key: string, value: string) => ({ key, value: { stringValue: value } });
  return JSON.stringify({
    resourceLogs: [
      {
        resource: { attributes: [text('service.name', 'gatehouse'), text('host.name', hostname)] },
        scopeLogs: [
          {
            scope: { name: 'gatehouse.audit' },
            logRecords: messages.map(({ organization, seq, at, kind, isWarning, body }) => ({
              timeUnixNano: nanoseconds(at),
              severityNumber: isWarning ? 13 : 9,
              severityText: isWarning ? 'WARN' : 'INFO',
              body: { stringValue: body },
              attributes: [
                text('gatehouse.organization', organization),
                { key: 'gatehouse.seq', value: { intValue: String(seq) } },
                text('gatehouse.kind', kind),
              ],
            })),
          },
        ],
      },
    ],
  });
}

/** Of a moment with up to nine digits of a second. */
function nanoseconds(at: string): string {
  const digits = /\.(\d{1,9})Z$/.exec(at)?.[1] ?? '';
  return `${Math.floor(Date.parse(at) / 1000)}${digits.padEnd(9, '0')}`;
}
