// /api/v1 on what proves the audit: verifying in parts, checkpoints and their keys, kept arguments, the sink, what is kept how long.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { layOrganization } from '@/lib/audit/chain';
import { createGroup } from '@/lib/people/groups';
import { mintAgentToken } from '@/lib/tokens/agent-tokens';
import { pool, transaction } from '@/lib/db';
import { readCheckpoints, readKeys, verifyLines } from '../../scripts/gatehouse-verify.mjs';
import { callOf, post } from '../support/gate';
import {
  addConnection,
  addOrganization,
  addPerson,
  signIn,
  START_MS,
  startPortal,
  type Client,
  type Portal,
  type PortalOrganization,
} from '../support/portal';
import { expectProblem, lastEvent, readOpenApi, type OpenApi } from './expect-answer';

let portal: Portal;
let aurora: PortalOrganization;
let admin: Client;
let auditor: Client;
let elsewhere: Client;
let token: string;
let call: OpenApi['call'];
let collector: Server;
const received: string[] = [];

beforeAll(async () => {
  portal = await startPortal();
  aurora = await addOrganization('Aurora', 'admin@aurora.example', portal.sandbox);
  await addOrganization('Borealis', 'admin@borealis.example', portal.sandbox);
  await addPerson(aurora, 'auditor@aurora.example', { role: 'auditor' });
  const anaId = await addPerson(aurora, 'ana@aurora.example');
  await addConnection(portal, aurora.id, anaId, 'ana@example.com');
  await transaction((tx) =>
    createGroup(tx, aurora.actor, {
      name: 'Readers',
      tools: ['search_tasks'],
      members: ['ana@aurora.example'],
    }),
  );
  const ana = { ...aurora.actor, memberId: anaId, memberEmail: 'ana@aurora.example' };
  ({ token } = await transaction((tx) => mintAgentToken(tx, ana, { name: 'agent' })));
  admin = await signIn(portal, 'admin@aurora.example');
  auditor = await signIn(portal, 'auditor@aurora.example');
  elsewhere = await signIn(portal, 'admin@borealis.example');
  ({ call } = await readOpenApi(admin));
  collector = createServer((request, response) => {
    let text = '';
    request.on('data', (piece) => (text += String(piece)));
    request.on('end', () => {
      received.push(`${request.headers.authorization} ${text}`);
      response.end('{}');
    });
  });
  await new Promise<void>((resolve) => void collector.listen(0, '127.0.0.1', resolve));
}, START_MS);
afterAll(async () => {
  collector.close();
  await portal.stop();
});

test('a chain is verified in parts: each says where the next one begins, and the last that it is', async () => {
  while (!(await layOrganization(aurora.id)));
  const whole = (await call('GET /audit/verify')).body;
  expect(whole).toEqual({ ok: true, records: expect.any(Number) });
  let records = 0;
  for (let after: number | null = 0; after !== null;) {
    const { body } = await call('GET /audit/verify', { path: `/audit/verify?after=${after}&records=2` });
    expect(body).toMatchObject({ ok: true, last: expect.any(Number) });
    records += body.records;
    after = body.next;
  }
  expect(records).toBeGreaterThanOrEqual(whole.records);
  for (const query of ['after=-1', 'after=x', 'records=0', 'records=1000001'])
    expectProblem(await call('GET /audit/verify', { path: `/audit/verify?${query}` }), 400, 'invalid');
});

describe('checkpoints', () => {
  test('are signed on demand, on record, and verify an export without this server', async () => {
    const made = await call('POST /audit/checkpoints', { as: auditor });
    expect(made.status).toBe(201);
    expect(await lastEvent(admin)).toMatchObject({
      action: 'audit.checkpoint_made',
      target: `checkpoint:${made.body.seq}`,
      member: 'auditor@aurora.example',
    });
    const listed = await call('GET /audit/checkpoints');
    expect(listed.body.checkpoints[0]).toEqual(made.body);
    const { text } = await call('GET /audit/export', { path: '/audit/export?format=jsonl' });
    const keys = readKeys((await call('GET /audit/keys')).text);
    const verdict = await verifyLines(text.split('\n'), { keys, checkpoints: readCheckpoints(listed.text) });
    expect(verdict).toMatchObject({
      ok: true,
      organization: aurora.id,
      checkpoints: listed.body.checkpoints.length,
    });
    expectProblem(
      await call('GET /audit/checkpoints', { path: '/audit/checkpoints?limit=0' }),
      400,
      'invalid',
    );
  });

  test('come with the program that checks them, as it lies in the repository', async () => {
    const answer = await call('GET /audit/verifier', { as: auditor });
    expect(answer.text).toBe(readFileSync('scripts/gatehouse-verify.mjs', 'utf8'));
    expect(answer.headers.get('content-disposition')).toBe('attachment; filename="gatehouse-verify.mjs"');
  });

  test('go on with another key, with its event; the old one is still published and its private half nowhere', async () => {
    const before = (await call('GET /audit/keys')).body.keys;
    const made = await call('POST /audit/keys');
    expect(made.status).toBe(201);
    expect(await lastEvent(admin)).toMatchObject({
      action: 'audit_key.rotated',
      before: { id: before[0].id },
      after: { id: made.body.id },
    });
    const after = (await call('GET /audit/keys')).body.keys;
    expect(after.map(({ id }: { id: string }) => id)).toEqual([
      made.body.id,
      ...before.map(({ id }: { id: string }) => id),
    ]);
    expect(after[1].retiredAt).not.toBeNull();
    expect(JSON.stringify(after)).not.toMatch(/private/i);
    expect((await call('POST /audit/checkpoints')).body.keyId).toBe(made.body.id);
    // Nothing of it is anybody else's.
    expect((await elsewhere.call('GET', '/api/v1/audit/keys')).text).not.toContain(made.body.id);
  });
});

describe('kept arguments', () => {
  const newest = async () =>
    (await admin.call('GET', '/api/v1/audit?kind=call&tool=search_tasks&limit=1')).body.records[0];
  const search = (text: string) =>
    post({ url: `${portal.origin}/mcp` }, token, callOf('search_tasks', { text }));

  test('are switched on and off by an admin, on record, since when is said, and only auditors read them', async () => {
    await search('before');
    const early = await newest();
    const on = await call('PATCH /organization', { body: { keepArguments: true, argumentDays: 7 } });
    expect(on.body).toMatchObject({
      keepArguments: true,
      argumentDays: 7,
      keepArgumentsSince: expect.any(String),
    });
    expect(await lastEvent(admin)).toMatchObject({
      action: 'organization.updated',
      after: { keepArguments: true },
    });
    const again = await call('PATCH /organization', { body: { keepArguments: true } });
    expect(again.body.keepArgumentsSince).toBe(on.body.keepArgumentsSince);
    await search('the plan');
    const { id } = await newest();
    const path = `/audit/${id}/arguments`;
    const read = await call('POST /audit/{id}/arguments', { path, as: auditor });
    expect(read.body).toEqual({ text: '{"text":"the plan"}', bytes: 19, cut: false, matches: true });
    expect(await lastEvent(admin)).toMatchObject({
      action: 'audit.arguments_read',
      target: `call:${id}`,
      member: 'auditor@aurora.example',
    });
    expectProblem(await call('POST /audit/{id}/arguments', { path }), 403, 'forbidden');
    for (const nothing of [early.id, crypto.randomUUID(), 'x'])
      expectProblem(
        await call('POST /audit/{id}/arguments', { path: `/audit/${nothing}/arguments`, as: auditor }),
        404,
        'not_found',
      );
    const keeping = (await call('GET /audit/keeping', { as: auditor })).body;
    expect(keeping).toMatchObject({ keepArguments: true, argumentDays: 7, auditMonths: null, firstSeq: 1 });
    const off = await call('PATCH /organization', { body: { keepArguments: false, auditMonths: 12 } });
    expect(off.body).toMatchObject({ keepArguments: false, keepArgumentsSince: null, auditMonths: 12 });
    expect((await call('PATCH /organization', { body: { auditMonths: null } })).body.auditMonths).toBeNull();
    for (const body of [
      { argumentDays: 0 },
      { argumentDays: 1.5 },
      { auditMonths: 0 },
      { keepArguments: 'yes' },
    ])
      expectProblem(await call('PATCH /organization', { body }), 400, 'invalid');
  });
});

describe('the sink', () => {
  const put = (body: object) => call('PUT /audit/sink', { body });

  test('is set, sent to by the running server, shown without its authorization, and taken away, each on record', async () => {
    expect((await call('GET /audit/sink')).body).toMatchObject({ kind: 'none', address: null });
    const address = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/logs`;
    const set = await put({
      kind: 'otlp',
      address,
      authorization: 'Bearer of-the-collector',
      from: 'beginning',
    });
    expect(set.body).toMatchObject({ kind: 'otlp', address, hasAuthorization: true, sentSeq: 0 });
    expect(await lastEvent(admin)).toMatchObject({
      action: 'audit_sink.saved',
      after: { kind: 'otlp', address },
    });
    for (let n = 0; n < 100 && !(await call('GET /audit/sink')).body.sentAt; n += 1)
      await new Promise((resolve) => setTimeout(resolve, 100));
    expect(received.join()).toMatch(/^Bearer of-the-collector .*gatehouse\.seq/s);
    expect(received.join()).toContain(aurora.id);
    const seen = await call('GET /audit/sink', { as: auditor });
    expect(seen.body).toMatchObject({ problem: null, hasAuthorization: true });
    const everything = `${seen.text}${(await admin.call('GET', '/api/v1/audit')).text}${portal.output()}`;
    expect(everything).not.toContain('of-the-collector');
    expect((await call('GET /health')).body.sink).toMatchObject({ ok: true, fix: null });
    await put({ kind: 'none' });
    expect(await lastEvent(admin)).toMatchObject({ action: 'audit_sink.removed', before: { kind: 'otlp' } });
    expect((await elsewhere.call('GET', '/api/v1/audit/sink')).body.kind).toBe('none');
  });

  test('that can’t be one is refused, and says what is wrong', async () => {
    const bad: [object, string][] = [
      [{ kind: 'file' }, 'kind'],
      [{ kind: 'otlp' }, 'address'],
      [{ kind: 'otlp', address: 'tls://a.example.com:1' }, 'https://'],
      [{ kind: 'syslog', address: 'https://a.example.com' }, 'tls://'],
      [{ kind: 'syslog', address: 'tls://a.example.com' }, 'port'],
      [{ kind: 'otlp', address: 'https://a:b@a.example.com' }, 'credentials'],
      [{ kind: 'otlp', address: 'https://a.example.com', ca: 'x' }, 'certificate'],
      [{ kind: 'otlp', address: 'https://a.example.com', authorization: 'a\r\nb' }, 'Authorization'],
      [{ kind: 'none', more: 1 }, 'more'],
    ];
    for (const [body, about] of bad) expectProblem(await put(body), 400, 'invalid', about);
    expect((await call('GET /audit/sink')).body.kind).toBe('none');
  });
});

test('health says when checkpoints are not signed or old records can\u2019t be let go, and what to do', async () => {
  const keeping = async () => (await call('GET /health')).body.auditKeeping;
  const note = (failures: number, problem: string | null) =>
    pool().query(
      `INSERT INTO scheduled_jobs (organization_id, job, next_at, failures, problem)
       VALUES ($1, 'audit_retention', now() + interval '1 day', $2, $3)
       ON CONFLICT (organization_id, job) DO UPDATE SET next_at = excluded.next_at, failures = excluded.failures, problem = excluded.problem`,
      [aurora.id, failures, problem],
    );
  await note(2, 'internal');
  expect(await keeping()).toMatchObject({ ok: true, fix: null });
  await note(3, 'internal');
  expect(await keeping()).toMatchObject({ ok: false, failures: 3, fix: expect.stringContaining('log') });
  // What was tampered with does not get better by another try.
  await note(1, 'audit_broken');
  expect(await keeping()).toMatchObject({ ok: false, fix: expect.stringContaining('Verify the chain') });
  await note(0, null);
  expect(await keeping()).toMatchObject({ ok: true, fix: null });
});
