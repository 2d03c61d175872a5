// Reading the audit: what was asked for, all of it, once, and nobody else's; as a file, exactly what was recorded.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { uuidv7 } from '@/lib/audit/append';
import { exportAudit } from '@/lib/audit/export';
import { searchAudit, type AuditFilter, type AuditRecord } from '@/lib/audit/records';
import { recordOutcomes, recordSystemCall } from '@/lib/audit/system-call';
import { pool } from '@/lib/db';
import { openLib } from '../support/portal';

let lib: Awaited<ReturnType<typeof openLib>>;
let aurora: string;
let borealis: string;

beforeAll(async () => {
  lib = await openLib();
  [aurora, borealis] = [await addOrganization(), await addOrganization()];
});
afterAll(() => lib.close());

async function addOrganization(): Promise<string> {
  const { rows } = await pool().query(`INSERT INTO organizations (name) VALUES ('Any') RETURNING id`);
  return rows[0].id as string;
}

/** Inserts a record as admission and events do; returns its id. */
async function insert(organizationId: string, values: Record<string, unknown> = {}): Promise<string> {
  const row = {
    id: uuidv7(),
    organization_id: organizationId,
    kind: 'event',
    credential_kind: 'system',
    credential_id: 'gatehouse',
    ...values,
  };
  const names = Object.keys(row);
  await pool().query(
    `INSERT INTO audit_records (${names.map((name) => `"${name}"`).join(', ')})
     VALUES (${names.map((_, n) => `$${n + 1}`).join(', ')})`,
    Object.values(row),
  );
  return row.id;
}

async function allPages(organizationId: string, limit: number, between?: () => Promise<unknown>) {
  const records: AuditRecord[] = [];
  let cursor: string | undefined;
  do {
    const page = await searchAudit(organizationId, {}, { cursor, limit });
    expect(page.records.length).toBeLessThanOrEqual(limit);
    records.push(...page.records);
    cursor = page.nextCursor ?? undefined;
    await between?.();
  } while (cursor !== undefined);
  return records;
}

const idsOf = (records: { id: string }[]) => records.map(({ id }) => id);
const search = async (organizationId: string, filter: AuditFilter) =>
  idsOf((await searchAudit(organizationId, filter, { limit: 500 })).records);

describe('a page', () => {
  test('follows another without losing or repeating a record while new ones arrive, whatever times they share', async () => {
    const organizationId = await addOrganization();
    const before: string[] = [];
    for (let n = 0; n < 23; n += 1)
      before.push(await insert(organizationId, { at: `2026-03-0${1 + (n % 3)}T09:00:00.000001Z` }));
    for (const limit of [1, 7, 22, 23, 24]) {
      const seen = idsOf(await allPages(organizationId, limit, () => insert(organizationId)));
      expect(new Set(seen).size).toBe(seen.length);
      expect(before.filter((id) => !seen.includes(id))).toEqual([]);
    }
    const times = (await allPages(organizationId, 5)).map(({ at }) => at);
    expect(times).toEqual(times.toSorted().toReversed());
  });

  test('with a cursor that the list never gave is refused, and asks the database nothing it can’t answer', async () => {
    const id = await insert(aurora);
    const encode = (text: string) => Buffer.from(text).toString('base64url');
    const cursors = [
      '',
      'x',
      encode(`2026-03-01T09:00:00.000001Z`),
      encode(`2026-03-01 ${id}`),
      encode(`2026-99-99T99:99:99.999999Z ${id}`),
      encode(`2026-02-30T09:00:00.000001Z ${id}`),
      encode(`0000-01-01T00:00:00.000000Z ${id}`),
      encode(`2026-03-01T09:00:00.000001Z ${'-'.repeat(36)}`),
      encode(`2026-03-01T09:00:00.000001Z ${'0'.repeat(36)}`),
      encode(`2026-03-01T09:00:00.000001Z ${id}'; DROP TABLE members; --`),
    ];
    for (const cursor of cursors)
      await expect(searchAudit(aurora, {}, { cursor, limit: 5 }), cursor).rejects.toMatchObject({
        code: 'invalid',
      });
  });
});

describe('a search', () => {
  test('finds by each filter exactly what fits', async () => {
    const organizationId = await addOrganization();
    const call = { kind: 'call', decision: 'allow', method: 'tools/call', tool: 'get_me' };
    const [early, denied, allowed, event] = [
      await insert(organizationId, { at: '2026-03-01T00:00:00Z', member_email: 'ana@aurora.example' }),
      await insert(organizationId, {
        ...call,
        at: '2026-03-02T00:00:00Z',
        decision: 'deny',
        tool: 'get_task',
      }),
      await insert(organizationId, {
        ...call,
        at: '2026-03-03T00:00:00Z',
        member_email: 'ana@aurora.example',
      }),
      await insert(organizationId, { at: '2026-03-04T00:00:00Z', member_email: 'ben@aurora.example' }),
    ];
    const cases: [AuditFilter, string[]][] = [
      [{}, [event, allowed, denied, early]],
      [{ from: '2026-03-02T00:00:00Z' }, [event, allowed, denied]],
      [{ from: '2026-03-02T00:00:00.000001Z' }, [event, allowed]],
      [{ to: '2026-03-02' }, [early]],
      [{ to: '2026-03-02T00:00:00.000001Z' }, [denied, early]],
      [{ from: '2026-03-02T02:00:00+02:00', to: '2026-03-03T00:00:00Z' }, [denied]],
      [{ member: 'ANA@aurora.example' }, [allowed, early]],
      [{ member: 'nobody@aurora.example' }, []],
      [{ tool: 'get_me' }, [allowed]],
      [{ tool: 'GET_ME' }, []],
      [{ decision: 'deny' }, [denied]],
      [{ decision: 'allow' }, [allowed]],
      [{ kind: 'event' }, [event, early]],
      [{ kind: 'call' }, [allowed, denied]],
      [{ id: event }, [event]],
      [{ member: 'ana@aurora.example', kind: 'call', decision: 'allow', tool: 'get_me' }, [allowed]],
      [{ member: `' OR true --` }, []],
    ];
    for (const [filter, expected] of cases) {
      expect(await search(organizationId, filter), JSON.stringify(filter)).toEqual(expected);
      const lines: string[] = [];
      for await (const chunk of exportAudit(organizationId, filter, 'jsonl'))
        lines.push(...chunk.split('\n').filter(Boolean));
      expect(lines.map((line) => (JSON.parse(line) as AuditRecord).id)).toEqual(expected);
    }
  });

  test('joins a call with its outcome; without one it reads unknown, and a denied call has none', async () => {
    const call = { organizationId: aurora, memberId: uuidv7(), memberEmail: 'ana@aurora.example' };
    const more = {
      connectionId: null,
      workspaceGid: '1100',
      purpose: 'catalogue sync',
      method: 'tools/list',
    };
    const [done, open] = [
      await recordSystemCall({ ...call, ...more }),
      await recordSystemCall({ ...call, ...more, tool: 'get_me' }),
    ];
    const denied = await insert(aurora, { kind: 'call', decision: 'deny', reason: 'not_in_group' });
    await recordOutcomes([
      { organizationId: aurora, callId: done, outcome: 'upstream_error', latencyMs: 12.5, reason: 'timeout' },
    ]);
    const byId = async (id: string) => (await searchAudit(aurora, { id }, { limit: 1 })).records[0]!;
    expect(await byId(done)).toEqual({
      seq: null,
      id: done,
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
      kind: 'call',
      member: 'ana@aurora.example',
      credential: { kind: 'system', id: 'gatehouse', name: 'catalogue sync' },
      workspace: '1100',
      method: 'tools/list',
      decision: 'allow',
      reason: 'timeout',
      outcome: 'upstream_error',
      latencyMs: 12.5,
      hash: null,
    });
    expect(await byId(open)).toMatchObject({ outcome: 'unknown', tool: 'get_me' });
    expect(await byId(denied)).not.toHaveProperty('outcome');
    expect(await byId(denied)).toMatchObject({ decision: 'deny', reason: 'not_in_group' });
  });

  test('never shows another organization’s records: not by id, cursor, filter or outcome, nor in a file', async () => {
    const own = await insert(aurora, { member_email: 'ana@example.com', at: '2026-01-01T00:00:00Z' });
    const foreign = await insert(borealis, { member_email: 'ana@example.com', at: '2026-01-02T00:00:00Z' });
    await insert(borealis, { member_email: 'ana@example.com', at: '2026-01-03T00:00:00Z' });
    expect(await search(aurora, { id: foreign })).toEqual([]);
    expect(await search(aurora, { member: 'ana@example.com' })).toContain(own);
    expect(await search(aurora, { member: 'ana@example.com' })).not.toContain(foreign);
    const { nextCursor } = await searchAudit(borealis, {}, { limit: 1 });
    const page = await searchAudit(aurora, {}, { cursor: nextCursor!, limit: 500 });
    expect(idsOf(page.records)).toContain(own);
    expect(idsOf(page.records)).not.toContain(foreign);
    for (const format of ['jsonl', 'csv'] as const) {
      let file = '';
      for await (const chunk of exportAudit(aurora, {}, format)) file += chunk;
      expect(file).toContain(own);
      expect(file).not.toContain(foreign);
    }
    // An outcome that names a call of somebody else joins nothing.
    const call = await insert(aurora, { kind: 'call', decision: 'allow' });
    await recordOutcomes([{ organizationId: borealis, callId: call, outcome: 'ok', latencyMs: 1 }]);
    const { records } = await searchAudit(aurora, { id: call }, { limit: 1 });
    expect(records[0]!.outcome).toBe('unknown');
  });
});

describe('a search by outcome or by its reason', () => {
  const CALLS = 6_000;
  let many: string;
  /** What the records say, newest first. */
  let calls: {
    id: string;
    tool: string;
    outcome: string | null;
    reason: string | null;
    /** Whether its outcome is on record; without one it reads `unknown`. */
    recorded: boolean;
  }[];

  beforeAll(async () => {
    many = await addOrganization();
    // Calls in the same seconds, some with outcomes hours late and in another order, so that neither side's order is the other's.
    await pool().query(
      `INSERT INTO audit_records (id, organization_id, at, kind, decision, method, tool, reason)
       SELECT gen_random_uuid(), $1, timestamptz '2026-03-01Z' + n / 3 * interval '1 second', 'call',
         CASE WHEN n % 11 = 0 THEN 'deny' ELSE 'allow' END, 'tools/call', 'tool_' || n % 3, CASE WHEN n % 11 = 0 THEN 'rate_limited' END
       FROM generate_series(1, $2::int) n`,
      [many, CALLS],
    );
    await pool().query(
      `INSERT INTO audit_records (id, organization_id, at, kind, call_id, outcome, latency_ms, reason)
       SELECT gen_random_uuid(), $1, at + CASE WHEN n % 7 = 0 THEN 3 * interval '1 hour' ELSE n % 50 * interval '1 second' END, 'outcome',
         id, (ARRAY['ok', 'upstream_error', 'upstream_error', 'tool_error', 'unknown'])[1 + n % 5], 1,
         CASE n % 5 WHEN 1 THEN 'rate_limited' WHEN 4 THEN 'timeout' END
       FROM (SELECT *, row_number() OVER (ORDER BY id) AS n FROM audit_records WHERE organization_id = $1 AND decision = 'allow') c
       WHERE n % 17 <> 0`,
      [many],
    );
    const { rows } = await pool().query(
      `SELECT r.id, r.tool, CASE WHEN r.decision = 'allow' THEN coalesce(o.outcome, 'unknown') END AS outcome,
         coalesce(o.reason, r.reason) AS reason, o.id IS NOT NULL AS recorded
       FROM audit_records r LEFT JOIN audit_records o ON o.call_id = r.id
       WHERE r.organization_id = $1 AND r.kind = 'call' ORDER BY r.at DESC, r.id DESC`,
      [many],
    );
    calls = rows as typeof calls;
  });

  const cases: [AuditFilter, (call: (typeof calls)[number]) => boolean][] = [
    [{ outcome: 'ok' }, ({ outcome }) => outcome === 'ok'],
    [{ outcome: 'upstream_error' }, ({ outcome }) => outcome === 'upstream_error'],
    [{ outcome: 'tool_error' }, ({ outcome }) => outcome === 'tool_error'],
    [{ outcome: 'unknown' }, ({ outcome }) => outcome === 'unknown'],
    [{ outcome: 'failed' }, ({ outcome, recorded }) => recorded && outcome !== 'ok'],
    [
      { outcome: 'failed', tool: 'tool_2' },
      ({ outcome, recorded, tool }) => recorded && outcome !== 'ok' && tool === 'tool_2',
    ],
    [{ outcome: 'failed', decision: 'deny' }, () => false],
    [{ reason: 'timeout' }, ({ reason }) => reason === 'timeout'],
    // The reason of denials and of outcomes alike: both are found, in one order.
    [{ reason: 'rate_limited' }, ({ reason }) => reason === 'rate_limited'],
    [
      { reason: 'rate_limited', decision: 'deny' },
      ({ reason, outcome }) => reason === 'rate_limited' && !outcome,
    ],
    [
      { reason: 'rate_limited', decision: 'allow' },
      ({ reason, outcome }) => reason === 'rate_limited' && !!outcome,
    ],
    [
      { outcome: 'upstream_error', tool: 'tool_1' },
      ({ outcome, tool }) => outcome === 'upstream_error' && tool === 'tool_1',
    ],
    [{ outcome: 'upstream_error', reason: 'timeout' }, () => false],
    [{ outcome: 'unknown', decision: 'deny' }, () => false],
  ];

  test.each(cases)(
    '%j finds all of them, once, in the order of the calls, page after page',
    async (filter, fits) => {
      const expected = idsOf(calls.filter(fits));
      const seen: string[] = [];
      for (let cursor: string | undefined; ;) {
        const page = await searchAudit(many, filter, { cursor, limit: 170 });
        seen.push(...idsOf(page.records));
        if (page.nextCursor === null) break;
        cursor = page.nextCursor;
      }
      expect(seen).toEqual(expected);
      expect(seen.length > 0).toBe(calls.some(fits));
    },
  );
});

describe('a file', () => {
  const nasty = [
    '=HYPERLINK("https://evil.example","click")',
    '+1+1',
    '-2+3',
    '@SUM(A1)',
    '\tstarts with a tab',
    '\rstarts with a return',
    'quoted "twice", with a comma',
    'two\r\nlines',
    '\u001b[31mred\u001b[0m',
    '\u202Egnp.exe\u202C',
    '{"json":"text"}',
    `'already apostrophed`,
    'plain',
    'größe ✓ 🚪',
  ];
  let organizationId: string;

  beforeAll(async () => {
    organizationId = await addOrganization();
    for (const text of nasty)
      await insert(organizationId, {
        ...{ kind: 'call', decision: 'deny', tool: text, client: text, credential_name: text },
        after: JSON.stringify({ text }),
      });
  });

  async function fileOf(format: 'jsonl' | 'csv'): Promise<string> {
    let file = '';
    for await (const chunk of exportAudit(organizationId, {}, format)) file += chunk;
    return file;
  }

  test('as JSON lines holds exactly what a search shows, a record a line', async () => {
    const lines = (await fileOf('jsonl')).split('\n');
    expect(lines.pop()).toBe('');
    const { records } = await searchAudit(organizationId, {}, { limit: 500 });
    const shown = lines.map((line) => {
      const { chain: _, ...record } = JSON.parse(line) as AuditRecord & { chain: unknown };
      return record;
    });
    expect(shown).toEqual(records);
    expect(records.map(({ tool }) => tool)).toEqual(nasty.toReversed());
  });

  test('as CSV can be read back by RFC 4180, and no cell of it is a formula', async () => {
    const table = readCsv(await fileOf('csv'));
    const [header, ...rows] = table;
    expect(header).toEqual(
      'seq,id,at,kind,member,credential,client,connection,workspace,method,tool,argumentsHash,decision,reason,policyVersion,outcome,latencyMs,action,target,before,after,hash'.split(
        ',',
      ),
    );
    expect(rows).toHaveLength(nasty.length);
    for (const row of rows) expect(row).toHaveLength(header!.length);
    expect(rows.flat().filter((cell) => /^[=+\-@\t\r]/.test(cell))).toEqual([]);
    const tools = rows.map((row) => row[header!.indexOf('tool')]);
    expect(tools).toEqual(nasty.map((text) => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text)).toReversed());
    const after = rows.map((row) => JSON.parse(row[header!.indexOf('after')]!) as { text: string });
    expect(after.map(({ text }) => text)).toEqual(nasty.toReversed());
  });

  test('of more than one page of the database is whole', async () => {
    const many = await addOrganization();
    await pool().query(
      `INSERT INTO audit_records (id, organization_id, kind) SELECT gen_random_uuid(), $1, 'event' FROM generate_series(1, 2003)`,
      [many],
    );
    let file = '';
    for await (const chunk of exportAudit(many, {}, 'jsonl')) file += chunk;
    const ids = file
      .split('\n')
      .filter(Boolean)
      .map((line) => (JSON.parse(line) as AuditRecord).id);
    expect(new Set(ids).size).toBe(2003);
    expect(ids).toHaveLength(2003);
  });
});

/** RFC 4180, strictly: CRLF ends a record, a field with a quote, comma or line break is quoted. Throws on anything else. */
function readCsv(file: string): string[][] {
  const records: string[][] = [];
  let at = 0;
  while (at < file.length) {
    const record: string[] = [];
    for (;;) {
      const field = /"(?:[^"]|"")*"|[^",\r\n]*/y;
      field.lastIndex = at;
      const text = field.exec(file)![0];
      at += text.length;
      record.push(text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text);
      if (file[at] === ',') at += 1;
      else if (file.startsWith('\r\n', at)) break;
      else throw new Error(`not RFC 4180 at ${at}: ${JSON.stringify(file.slice(at, at + 40))}`);
    }
    at += 2;
    records.push(record);
  }
  return records;
}
