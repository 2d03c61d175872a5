// /api/v1 on what belongs to the person who is signed in, and on the audit.
import { encode } from 'next-auth/jwt';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { layChain } from '@/lib/audit/chain';
import type { AuditRecord } from '@/lib/audit/records';
import { pool, transaction } from '@/lib/db';
import { createGroup } from '@/lib/people/groups';
import { startAurora } from '../support/aurora';
import {
  addPerson,
  connectAsana,
  script,
  signIn,
  START_MS,
  type Client,
  type Portal,
  type PortalOrganization,
} from '../support/portal';
import { expectProblem, lastEvent, readOpenApi, type OpenApi } from './expect-answer';

let portal: Portal;
let organization: PortalOrganization;
let admin: Client;
let ana: Client;
let call: OpenApi['call'];

beforeAll(async () => {
  ({ portal, organization, admin } = await startAurora({ isAtAsana: true }));
  await addPerson(organization, 'ana@example.com', { name: 'Ana' });
  await transaction((tx) =>
    createGroup(tx, organization.actor, {
      ...{ name: 'Sales', tools: ['get_task', 'get_me'], members: ['ana@example.com'] },
    }),
  );
  ana = await signIn(portal, 'ana@example.com');
  ({ call } = await readOpenApi(ana));
}, START_MS);
afterAll(() => portal.stop());

const byAna = {
  ...{ kind: 'event', member: 'ana@example.com' },
  credential: { kind: 'session', id: expect.any(String), name: null },
};
const works = { gid: '1100000000000001', name: 'Example Works' };
const mint = (body: object) => call('POST /me/tokens', { body: { name: 'agent', ...body } });

describe('/me', () => {
  test('PB-21: a signed cookie that holds an error, or names no session, is nobody’s; one that names a session is its member’s', async () => {
    const { rows } = await pool().query<{ id: string }>(
      `SELECT s.id FROM sessions s JOIN members m ON m.id = s.member_id WHERE m.email = 'ana@example.com'`,
    );
    const ask = async (claims: Record<string, unknown>) => {
      const token = await encode({ token: claims, secret: portal.variables.GATEHOUSE_SECRET! });
      const answer = await fetch(`${portal.origin}/api/v1/me`, {
        headers: { cookie: `next-auth.session-token=${token}` },
      });
      return [answer.status, ((await answer.json()) as { member?: { email: string } }).member?.email];
    };
    expect(await ask({ sid: rows[0]!.id })).toEqual([200, 'ana@example.com']);
    for (const claims of [
      { error: 'RefreshAccessTokenError' },
      { error: { message: 'misconfigured' }, user: { email: 'ana@example.com' } },
      { email: 'ana@example.com', sub: 'ana@example.com' },
      { sid: true, email: 'ana@example.com' },
      { sid: { id: rows[0]!.id } },
      { sid: crypto.randomUUID(), member: { email: 'ana@example.com', role: 'admin' } },
    ])
      expect(await ask(claims)).toEqual([401, undefined]);
  });

  test('says who I am, my groups, what my agents may use, and what I am connected to', async () => {
    expect((await call('GET /me')).body).toEqual({
      member: {
        ...{ email: 'ana@example.com', name: 'Ana', role: 'member', organization: { name: 'Aurora' } },
      },
      groups: [{ slug: 'sales', name: 'Sales' }],
      tools: portal.sandbox.tools.map(({ name }) => name).filter((name) => /^get_(task|me)$/.test(name)),
      toolDetails: portal.sandbox.tools
        .filter(({ name }) => /^get_(task|me)$/.test(name))
        .map(({ name, title, annotations }) => ({
          ...{ name, title: title ?? annotations?.title ?? null, class: 'read', tokens: expect.any(Number) },
        })),
      connections: [],
      asanaApp: true,
    });
  });
});

describe('/me/tokens and /me/connections', () => {
  let first: string;
  let second: string;

  test('a token is minted without a connection, shown once, listed without itself, and revoked', async () => {
    const minted = await mint({ tools: ['get_me'], expiresInDays: 3 });
    expect(minted.status).toBe(201);
    expect(minted.body).toEqual({
      id: expect.any(String),
      token: expect.stringMatching(/^gth_[0-9A-Za-z]{44}$/),
    });
    const { id, token } = minted.body as { id: string; token: string };
    expect(await lastEvent(admin)).toEqual({
      ...{ ...byAna, action: 'agent_token.minted', target: `agent_token:${id}` },
      after: { name: 'agent', connectionId: null, tools: ['get_me'], expiresInDays: 3, limits: null },
    });
    const list = await call('GET /me/tokens');
    expect(list.text).not.toContain(token.slice(4, -4));
    expect(list.body.tokens).toEqual([
      {
        ...{ id, name: 'agent', last4: token.slice(-4), connectionId: null, tools: ['get_me'] },
        ...{ limits: null, expiresAt: expect.any(String), lastUsedAt: null, createdAt: expect.any(String) },
      },
    ]);
    expect((Date.parse(list.body.tokens[0].expiresAt) - Date.now()) / 86_400_000).toBeCloseTo(3, 2);
    const ping = () => script(portal, token).call('POST', '/mcp', { headers: MCP, body: PING });
    expect((await ping()).status).toBe(200);
    expect((await call('DELETE /me/tokens/{id}', { path: `/me/tokens/${id}` })).status).toBe(204);
    expect(await lastEvent(admin)).toEqual({
      ...{ ...byAna, action: 'agent_token.revoked', target: `agent_token:${id}`, before: { name: 'agent' } },
    });
    expect((await ping()).status).toBe(401);
    for (const gone of [id, 'x', crypto.randomUUID()])
      expectProblem(await call('DELETE /me/tokens/{id}', { path: `/me/tokens/${gone}` }), 404, 'not_found');
    expect((await call('GET /me/tokens')).body).toEqual({ tokens: [] });
  });
  const MCP = { accept: 'application/json, text/event-stream' };
  const PING = { jsonrpc: '2.0', id: 1, method: 'ping' };

  test('a connection is made through Asana and shown to its person, who may make several', async () => {
    first = await connectAsana(portal, ana, 'ana@example.com', works.gid);
    const shown = {
      ...{ id: first, workspace: works, asanaEmail: 'ana@example.com', status: 'active' },
      ...{ expiresAt: expect.stringMatching(/^\d{4}-.*Z$/), lastUsedAt: null },
    };
    const { connections } = (await call('GET /me/connections')).body;
    expect(connections).toMatchObject([{ ...shown, lastUsedAt: connections[0].lastUsedAt }]);
    expect((await call('GET /me')).body.connections).toEqual(connections);
    expect((await mint({})).status).toBe(201);
    second = await connectAsana(portal, ana, 'ana@example.com', '1100000000000002');
    expect(second).not.toBe(first);
    const after = (await call('GET /me/connections')).body.connections as { id: string }[];
    expect(after.map(({ id }) => id)).toEqual([first, second]);
    expect((await call('GET /me/connections', { as: admin })).body).toEqual({ connections: [] });
  });

  test('a token must say which of several connections it means, and can mean no other person’s', async () => {
    expectProblem(await mint({}), 400, 'connection_required', 'connectionId');
    const minted = await mint({ connectionId: second });
    expect(minted.status).toBe(201);
    expect((await call('GET /me/tokens')).body.tokens[0]).toMatchObject({
      connectionId: second,
      tools: null,
    });
    const theirs = await addPerson(organization, 'ben@example.com');
    expect(theirs).toMatch(/-/);
    const ben = await signIn(portal, 'ben@example.com');
    const bens = await connectAsana(portal, ben, 'ben@example.com');
    for (const connectionId of [bens, crypto.randomUUID()])
      expectProblem(await mint({ connectionId }), 422, 'unknown_connection');
    expect((await mint({ connectionId: first, tools: [] })).status).toBe(201);
    expect((await call('GET /me/tokens')).body.tokens[0]).toMatchObject({ tools: [] });
  });

  test('a token with a bad name, tool, connection or time is refused', async () => {
    const before = (await call('GET /me/tokens')).body;
    for (const [body, status, code, about] of [
      [{ name: '' }, 400, 'invalid', 'body.name'],
      [{ name: undefined }, 400, 'invalid', 'body.name'],
      [{ name: 'half \udc00' }, 400, 'invalid', 'body'],
      [{ connectionId: 'x' }, 400, 'invalid', 'body.connectionId'],
      [{ connectionId: null }, 400, 'invalid', 'body.connectionId'],
      [{ tools: 'get_me' }, 400, 'invalid', 'body.tools'],
      [{ tools: [''] }, 400, 'invalid', 'body.tools.0'],
      [{ tools: ['no_such_tool'] }, 422, 'unknown_tool', 'no_such_tool'],
      [{ expiresInDays: 0 }, 400, 'invalid', 'body.expiresInDays'],
      [{ expiresInDays: 0.5 }, 400, 'invalid', 'body.expiresInDays'],
      [{ expiresInDays: 1e9 }, 400, 'invalid', 'body.expiresInDays'],
    ] as [object, number, string, string][])
      expectProblem(await mint({ connectionId: first, ...body }), status, code, about);
    expect((await call('GET /me/tokens')).body).toEqual(before);
  });

  test('a connection is ended here and at Asana, and the answer says whether Asana confirmed it', async () => {
    portal.sandbox.log.clear();
    const ended = await call('DELETE /me/connections/{id}', { path: `/me/connections/${second}` });
    expect([ended.status, ended.body]).toEqual([200, { revocation: 'confirmed' }]);
    expect(portal.sandbox.log.entries.map(({ path }) => path)).toContain('/-/oauth_revoke');
    expect(await lastEvent(admin)).toMatchObject({
      ...{ ...byAna, action: 'connection.disconnected', target: `connection:${second}` },
      before: { member: 'ana@example.com', asanaEmail: 'ana@example.com' },
    });
    portal.sandbox.set({ revokeFault: '503' });
    const pending = await call('DELETE /me/connections/{id}', { path: `/me/connections/${first}` });
    const shown = (await call('GET /me/revocations')).body;
    portal.sandbox.set({ revokeFault: null });
    const ago = expect.any(String);
    expect(shown).toEqual({
      revocations: [
        { endedAt: ago, revocation: 'pending', confirmedAt: null, attempts: 1 },
        { endedAt: ago, revocation: 'confirmed', confirmedAt: ago, attempts: 1 },
      ],
    });
    expect((await call('GET /me/revocations', { as: admin })).body).toEqual({ revocations: [] });
    // An admin sees the same of her, by her address however it is spelled; of somebody without one nothing, and of a stranger 404.
    const seen = (email: string, as = admin) =>
      call('GET /members/{email}/revocations', { path: `/members/${email}/revocations`, as });
    expect((await seen('ANA@example.com')).body).toEqual(shown);
    expect((await seen('admin@aurora.example')).body).toEqual({ revocations: [] });
    expectProblem(await seen('stranger@aurora.example'), 404, 'not_found');
    expectProblem(await seen('ana@example.com', ana), 403, 'forbidden');
    expect([pending.status, pending.body]).toEqual([200, { revocation: 'pending' }]);
    expect((await call('GET /me/connections')).body).toEqual({ connections: [] });
    for (const gone of [first, 'x', crypto.randomUUID()])
      expectProblem(
        await call('DELETE /me/connections/{id}', { path: `/me/connections/${gone}` }),
        404,
        'not_found',
      );
  });
});

describe('/audit', () => {
  const search = (query: string) => call('GET /audit', { path: `/audit${query}`, as: admin });

  test('is searched by each filter and paged to its end without a gap', async () => {
    const all = (await search('?limit=500')).body as { records: AuditRecord[]; nextCursor: null };
    expect(all.nextCursor).toBeNull();
    expect(all.records.length).toBeGreaterThan(15);
    const paged: string[] = [];
    let cursor = '';
    do {
      const { body } = await search(`?limit=4${cursor && `&cursor=${cursor}`}`);
      paged.push(...body.records.map(({ id }: AuditRecord) => id));
      cursor = body.nextCursor ?? '';
    } while (cursor);
    // Reading writes nothing: the pages hold exactly what one answer held.
    expect(paged).toEqual(all.records.map(({ id }) => id));
    const expectFilter = async (query: string, fits: (record: AuditRecord) => boolean) => {
      const { body } = await search(`?limit=500&${query}`);
      expect(
        body.records.map(({ id }: AuditRecord) => id),
        query,
      ).toEqual(all.records.filter(fits).map(({ id }) => id));
    };
    const { at, id } = all.records[5]!;
    await expectFilter('member=ana%40example.com', ({ member }) => member === 'ana@example.com');
    await expectFilter('kind=call', ({ kind }) => kind === 'call');
    await expectFilter('tool=get_me', ({ tool }) => tool === 'get_me');
    await expectFilter('decision=allow', ({ decision }) => decision === 'allow');
    await expectFilter('decision=deny', ({ decision }) => decision === 'deny');
    await expectFilter(`from=${at}`, (record) => record.at >= at);
    await expectFilter(`to=${at}`, (record) => record.at < at);
    await expectFilter(`id=${id}`, (record) => record.id === id);
    await expectFilter('from=2020-01-01T00:00:00%2B05:30&to=9999-12-31', () => true);
  });

  test('shows a call of Gatehouse’s own as such, and every record numbered within a second or so', async () => {
    const { body } = await search('?kind=call');
    const own = (body.records as AuditRecord[]).find(({ credential }) => credential.kind === 'system')!;
    expect(own).toMatchObject({ decision: 'allow', outcome: 'ok', latencyMs: expect.any(Number) });
    const isLaid = async () =>
      (await search('?limit=500')).body.records.every(({ seq }: AuditRecord) => seq !== null);
    for (let n = 0; n < 50 && !(await isLaid()); n += 1)
      await new Promise((resolve) => setTimeout(resolve, 100));
    const records = (await search('?limit=500')).body.records as AuditRecord[];
    expect(records.every(({ seq, hash }) => seq! > 0 && /^[0-9a-f]{64}$/.test(hash!))).toBe(true);
    await layChain();
    const verdict = (await call('GET /audit/verify', { as: admin })).body as { ok: boolean; records: number };
    expect(verdict.ok).toBe(true);
    expect(verdict.records).toBeGreaterThanOrEqual(records.length);
  });

  test('refuses a filter that says nothing sensible', async () => {
    for (const query of [
      ...[
        'from=yesterday',
        'from=2026-02-30',
        'from=0000-01-01',
        'to=2026-13-01T00:00:00Z',
        'from=2026-01-01T25:00:00Z',
      ],
      ...['decision=maybe', 'kind=outcome', 'limit=0', 'limit=501', 'limit=x', 'limit=', 'id=x', 'cursor=x'],
      ...[
        'cursor=',
        `cursor=${Buffer.from(`2026-99-99T99:99:99.999999Z ${crypto.randomUUID()}`).toString('base64url')}`,
      ],
      ...['member=%00', 'tool=a%00b', 'decision=allow&decision=deny', 'from=2026-01-01&from=2026-01-02'],
      ...[`member=${'x'.repeat(321)}`, 'from=0001-01-01T00:00:00%2B10:00'],
    ])
      expectProblem(await search(`?${query}`), 400, 'invalid');
    expect((await search('?unknown=1&member=%2527')).body.records).toEqual([]);
  });

  test('is given as a file of JSON lines or CSV, with the same filters', async () => {
    const { records } = (await search('?limit=500&member=ana%40example.com')).body as {
      records: AuditRecord[];
    };
    const file = (format: string) =>
      call('GET /audit/export', {
        path: `/audit/export?format=${format}&member=ana%40example.com`,
        as: admin,
      });
    const jsonl = await file('jsonl');
    expect(Object.fromEntries(jsonl.headers)).toMatchObject({
      ...{ 'content-type': 'application/jsonl; charset=utf-8', 'cache-control': 'no-store' },
      'content-disposition': 'attachment; filename="audit.jsonl"',
    });
    const lines = jsonl.text.trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as AuditRecord).id)).toEqual(records.map(({ id }) => id));
    const csv = await file('csv');
    expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(csv.headers.get('content-disposition')).toBe('attachment; filename="audit.csv"');
    for (const { id } of records) expect(csv.text).toContain(id);
    for (const format of ['xml', '', 'CSV'])
      expectProblem(await file(format), 400, 'invalid', 'query.format');
    expectProblem(await call('GET /audit/export', { as: admin }), 400, 'invalid', 'query.format');
  });

  test('is verified as broken, with the place, when somebody edited it', async () => {
    const { body } = await call('GET /audit/verify', { as: admin });
    expect(body.ok).toBe(true);
    await pool().query('ALTER TABLE audit_records DISABLE TRIGGER insert_only');
    await pool().query(
      `UPDATE audit_records SET target = 'edited' WHERE id =
         (SELECT record_id FROM audit_chain WHERE organization_id = $1 AND seq = 3)`,
      [organization.id],
    );
    await pool().query('ALTER TABLE audit_records ENABLE TRIGGER insert_only');
    const verdict = await call('GET /audit/verify', { as: admin });
    expect([verdict.status, verdict.body]).toEqual([200, { ok: false, records: 2, firstBad: 3 }]);
  });
});
