// Exports the audit as lines of JSON or CSV, a page of the database at a time, so that any size takes the same memory. Lines of JSON
// carry all that the chain hashed, so that whoever holds the file can verify it without us (scripts/gatehouse-verify.mjs).
import { createHash, type Hash } from 'node:crypto';
import { layOrganization } from './chain';
import { readReach } from './checkpoints';
import { linksOf, type Links, type LinkOfRow } from './record-links';
import { searchPage, toRecord, type AuditFilter, type AuditRecord } from './records';
import type { Joined } from './record-rows';
import { signStatement, startOfChain, type ExportStatement } from './export-statement';

const CSV_FIELDS = [
  'seq',
  'id',
  'at',
  'kind',
  'member',
  'credential',
  'client',
  'connection',
  'workspace',
  'method',
  'tool',
  'argumentsHash',
  'decision',
  'reason',
  'policyVersion',
  'outcome',
  'latencyMs',
  'action',
  'target',
  'before',
  'after',
  'hash',
] as const satisfies readonly (keyof AuditRecord)[];
const PAGE = 1_000;

/** What a line of JSON holds beside the record: what else was hashed, and where its links hang. */
export interface Proof {
  /** The line's number in the file, from 1. */
  n: number;
  /** The hash of the link before this record's; absent where it has no link. */
  previous?: string;
  memberId?: string;
  /** Null where the record names no credential (`credential.kind` reads `system` then). */
  credentialKind?: null;
  /** The record's own reason, where its outcome's stands in its place. */
  reason?: string | null;
  /** The outcome's own record. */
  outcome?: LinkOfRow & {
    id: string;
    at: string;
    outcome: string | null;
    latencyMs: number | null;
    reason: string | null;
  };
  /** On the last line only: what the whole file is, signed. */
  export?: ExportStatement;
}

/** All records that match, newest first, as lines of JSON or CSV (RFC 4180), a page of the database at a time. */
export async function* exportAudit(
  organizationId: string,
  filter: AuditFilter,
  format: 'jsonl' | 'csv',
): AsyncGenerator<string> {
  if (format === 'jsonl') yield* exportLines(organizationId, filter);
  else {
    yield `${CSV_FIELDS.join(',')}\r\n`;
    for await (const rows of pagesOf(organizationId, filter))
      yield rows
        .map(toRecord)
        .map((record) => `${CSV_FIELDS.map((field) => csvCell(record[field])).join(',')}\r\n`)
        .join('');
  }
}

async function* pagesOf(organizationId: string, filter: AuditFilter): AsyncGenerator<Joined[]> {
  for (let cursor: string | undefined; ;) {
    const page: { rows: Joined[]; nextCursor: string | null } = await searchPage(organizationId, filter, {
      cursor,
      limit: PAGE,
    });
    yield page.rows;
    if (page.nextCursor === null) return;
    cursor = page.nextCursor;
  }
}

/**
 * The chain as it is when the export begins: what was recorded before is laid first, what comes later stays out, so that every line has
 * its link. (Where the chain can't be laid, lines without one come too; a verifier says so.) The last line says what the file is.
 */
async function* exportLines(organizationId: string, filter: AuditFilter): AsyncGenerator<string> {
  const laid = await layOrganization(organizationId);
  const reach = await readReach(organizationId);
  const start = await startOfChain(organizationId);
  const digest = createHash('sha256');
  let n = 0;
  let last: (AuditRecord & { chain: Proof }) | undefined;
  for await (const rows of pagesOf(organizationId, filter)) {
    const links = await linksOf(organizationId, rows, { reach: reach?.seq ?? 0, start });
    let text = '';
    for (const row of rows) {
      const isLater = row.seq === null || Number(row.seq) > (reach?.seq ?? 0);
      // What a retention checkpoint stands behind is gone, or going this very moment.
      const isExpired = row.seq !== null && Number(row.seq) <= start.seq;
      if ((isLater && laid) || isExpired) continue;
      if (last) text += `${JSON.stringify(last)}\n`;
      n += 1;
      last = lineOf(row, links, n);
      countIn(digest, last);
    }
    if (text !== '') yield text;
  }
  if (!last) return;
  const isPartial = Object.values(filter).some((value) => value !== undefined);
  last.chain.export = await signStatement(organizationId, {
    ...{ start, reach, records: n, partial: isPartial },
    digest: digest.digest('hex'),
  });
  yield `${JSON.stringify(last)}\n`;
}

/** The digest that the closing statement signs: of every link in the file, in its order. */
function countIn(digest: Hash, { hash, chain }: AuditRecord & { chain: Proof }): void {
  digest.update(`${hash ?? ''} ${chain.outcome?.hash ?? ''}\n`);
}

function lineOf(row: Joined, links: Links, n: number): AuditRecord & { chain: Proof } {
  const own = links.ofRecord.get(row.id);
  const outcome = links.ofCall.get(row.id);
  const shown: Joined = {
    ...row,
    ...(own ? {} : { seq: null, hash: null }),
    joined_outcome: outcome?.row.outcome ?? null,
    joined_latency_ms: outcome?.row.latency_ms ?? null,
    joined_reason: outcome?.row.reason ?? null,
  };
  const chain: Proof = { n };
  if (own) chain.previous = own.previous;
  if (row.member_id !== null) chain.memberId = row.member_id;
  if (row.credential_kind === null) chain.credentialKind = null;
  if (outcome) {
    const { id, at, outcome: result, latency_ms: latencyMs, reason } = outcome.row;
    if (reason !== null) chain.reason = row.reason;
    chain.outcome = { ...outcome.link, id, at, outcome: result, latencyMs, reason };
  }
  return { ...toRecord(shown), chain };
}

// A cell that a spreadsheet would run as a formula gets an apostrophe in front (SP-14).
function csvCell(value: unknown): string {
  const text =
    value === null || value === undefined
      ? ''
      : typeof value === 'object'
        ? JSON.stringify(value)
        : String(value);
  const inert = /^[=+\-@\t\r]/.test(text) && typeof value !== 'number' ? `'${text}` : text;
  return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}
