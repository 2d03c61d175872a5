// How /api/v1 takes requests: whose page may send them, what a body may be, what is left out of it, and how refusals look.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pool } from '@/lib/db';
import { operationEntries } from '@/lib/portal/operations';
import { startAurora } from '../support/aurora';
import {
  addApiKey,
  addOrganization,
  addPerson,
  browser,
  script,
  signIn,
  START_MS,
  type Client,
  type Portal,
  type PortalOrganization,
} from '../support/portal';
import { sendRaw } from '../support/raw-http';
import { expectProblem, readOpenApi } from './expect-answer';

let portal: Portal;
let organization: PortalOrganization;
let other: PortalOrganization;
let admin: Client;
let key: Client;

beforeAll(async () => {
  ({ portal, organization, admin } = await startAurora({ isAtAsana: true }));
  other = await addOrganization('Borealis', 'admin@borealis.example');
  await addPerson(organization, 'ana@aurora.example');
  key = script(portal, (await addApiKey(organization, 'admin')).key);
}, START_MS);
afterAll(() => portal.stop());

const countGroups = async () => (await pool().query('SELECT 1 FROM groups')).rowCount;

describe('SP-08: a change by cookie', () => {
  const port = () => Number(new URL(portal.origin).port);
  const foreign = (): Record<string, string | null> => ({
    'without an Origin': null,
    'from an opaque page': 'null',
    'from another site': 'https://evil.example',
    'from a sibling port': `http://localhost:${port() + 1}`,
    'from the portal’s name over https': portal.origin.replace('http:', 'https:'),
    'from another loopback name': `http://127.0.0.1:${port()}`,
    'from a subdomain': `http://evil.localhost:${port()}`,
    'from a longer name': `${portal.origin}.evil.example`,
    'from a name in another case': portal.origin.toUpperCase(),
    'from a path of it': `${portal.origin}/`,
    'from two origins': `${portal.origin}, https://evil.example`,
    'from nothing': '',
  });

  test('must come from a page of this portal, whatever the operation', async () => {
    const unsafe = operationEntries().filter(({ method }) => method !== 'GET');
    expect(unsafe.length).toBeGreaterThan(15);
    for (const { method, path } of unsafe)
      expectProblem(
        await admin.call(method, `/api/v1${path}`, { headers: { origin: 'https://evil.example' }, body: {} }),
        ...([403, 'wrong_origin'] as const),
      );
  });

  test('is refused from anywhere else, and passes from here', async () => {
    const before = await countGroups();
    for (const [where, origin] of Object.entries(foreign())) {
      const answer = await admin.call('POST', '/api/v1/groups', {
        body: { name: where },
        headers: { origin },
      });
      expect([where, answer.status, answer.body.code]).toEqual([where, 403, 'wrong_origin']);
    }
    expect(await countGroups()).toBe(before);
    expect((await admin.call('POST', '/api/v1/groups', { body: { name: 'From here' } })).status).toBe(201);
  });

  test('is not needed to read, nor with an API key, which no browser sends by itself', async () => {
    const anywhere = { origin: 'https://evil.example' };
    const read = await admin.call('GET', '/api/v1/groups', { headers: anywhere });
    expect(read.status).toBe(200);
    // Read by no page elsewhere: no answer invites another origin.
    for (const answer of [read, await admin.call('OPTIONS', '/api/v1/groups', { headers: anywhere })])
      expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect((await key.call('POST', '/api/v1/groups', { body: { name: 'By key' } })).status).toBe(201);
    const named = await key.call('POST', '/api/v1/groups', {
      body: { name: 'By key too' },
      headers: anywhere,
    });
    expect(named.status).toBe(201);
  });

  test('can’t be smuggled in as a form, a method override or another method’s query', async () => {
    const before = await countGroups();
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'text/json',
    ])
      expectProblem(
        await admin.call('POST', '/api/v1/groups', {
          body: '{"name":"Form"}',
          headers: { 'content-type': type },
        }),
        ...([400, 'invalid', 'application/json'] as const),
      );
    expectProblem(
      await admin.call('POST', '/api/v1/groups', {
        body: '{"name":"No type"}',
        headers: { 'content-type': null },
      }),
      400,
      'invalid',
    );
    const override = { 'x-http-method-override': 'DELETE', 'x-method-override': 'DELETE' };
    expect(
      (await admin.call('GET', '/api/v1/groups/from-here?_method=DELETE', { headers: override })).status,
    ).toBe(200);
    expect(await countGroups()).toBe(before);
  });
});

describe('a body', () => {
  const post = (body: string | Uint8Array, headers: Record<string, string> = {}) =>
    key.call('POST', '/api/v1/groups', { body, headers: { 'content-type': 'application/json', ...headers } });

  test('that is no JSON is refused, and before it is read whoever may not call', async () => {
    const notJson = [
      '{',
      '{"name":}',
      "{'name':'x'}",
      '{"name":"x"} {}',
      'name=x',
      '\u0000',
      '[1,2',
      '{"name":"x",}',
    ];
    for (const body of [...notJson, '', '""', '7', 'true', '[]', '[{"name":"x"}]', 'null'])
      expectProblem(await post(body), 400, 'invalid');
    expectProblem(await post(Uint8Array.from([0x7b, 0x22, 0xff, 0x22, 0x7d])), 400, 'invalid', 'JSON');
    expectProblem(await post(Buffer.from('{"name":"x"}', 'utf16le')), 400, 'invalid');
    const ana = await signIn(portal, 'ana@aurora.example');
    for (const body of notJson.filter(Boolean)) {
      const sent = { body, headers: { 'content-type': 'application/json' } };
      expectProblem(await browser(portal).call('POST', '/api/v1/groups', sent), 401, 'unauthenticated');
      expectProblem(await ana.call('POST', '/api/v1/groups', sent), 403, 'forbidden');
    }
    for (const type of [
      'application/json',
      'application/json; charset=utf-8',
      'APPLICATION/JSON;charset="utf-8"',
    ])
      expect(
        (
          await post(JSON.stringify({ name: 'Typed', slug: `typed-${type.length}` }), {
            'content-type': type,
          })
        ).status,
      ).toBe(201);
  });

  test('of more than a mebibyte is refused, announced or not, and one of less is read', async () => {
    const sized = (bytes: number) => {
      const frame = '{"name":"Large","padding":""}';
      return frame.replace('""}', `"${'x'.repeat(bytes - frame.length)}"}`);
    };
    expect((await post(sized(1_048_576))).status).toBe(201);
    for (const bytes of [1_048_577, 3_000_000]) {
      const refused = await post(sized(bytes));
      expectProblem(refused, 413, 'too_large');
      expect(refused.headers.get('connection')).toBe('close');
      expect((await key.call('GET', '/api/v1/groups')).status).toBe(200);
    }
    const { key: bearer } = await addApiKey(organization, 'admin');
    const head = `POST /api/v1/groups HTTP/1.1\r\nhost: localhost:${new URL(portal.origin).port}\r\nauthorization: Bearer ${bearer}\r\n`;
    const chunked = `${head}content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`;
    const endless = Buffer.from(`10000\r\n${'x'.repeat(65_536)}\r\n`);
    const { status, sentBytes } = await sendRaw(portal.origin, [chunked], { endless });
    expect(status).toBe(413);
    expect(sentBytes).toBeLessThan(64 * 1_048_576);
  });

  test('nested deeper than anybody means does no harm', async () => {
    const deep = (open: string, close: string, levels: number) => open.repeat(levels) + close.repeat(levels);
    expectProblem(await post(`{"name":"Deep","tools":${deep('[', ']', 200_000)}}`), 400, 'invalid');
    const unknown = await post(
      `{"name":"Deep below a name that is not read","x":${deep('{"a":', '1}', 0)}1}`,
    );
    expect(unknown.status).toBe(201);
    expect(
      (await post(`{"name":"Deep in objects","x":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}`)).status,
    ).toBe(201);
  });
});

describe('what a body says beyond its operation', () => {
  test('SP-06: has no effect: no organization, id, version, role or secret is taken from it', async () => {
    const own = { organizationId: other.id, organization_id: other.id, organization: { id: other.id } };
    const more = {
      ...own,
      id: crypto.randomUUID(),
      version: 99,
      isAdmin: true,
      createdAt: '2001-01-01',
      xid: '1',
    };
    const group = await key.call('POST', '/api/v1/groups', {
      body: { name: 'Assigned', ...more, role: 'admin' },
    });
    expect([group.status, group.body.version]).toEqual([201, 1]);
    const changed = await key.call('PUT', '/api/v1/groups/assigned', {
      body: { ...{ name: 'Assigned', tools: [], members: [] }, ...more, slug: 'moved' },
    });
    expect(changed.body).toMatchObject({ slug: 'assigned', version: 2 });
    const member = await key.call('POST', '/api/v1/members', {
      body: {
        email: 'mass@aurora.example',
        name: 'Mass',
        role: 'member',
        ...more,
        passwordHash: 'x',
        signInReady: true,
      },
    });
    expect([member.status, member.body.role, member.body.signInReady]).toEqual([201, 'member', false]);
    const patched = await key.call('PATCH', '/api/v1/members/mass@aurora.example', {
      body: { ...more, email: 'other@aurora.example', name: 'Mass 2', lockedUntil: null, password_hash: 'x' },
    });
    expect(patched.body).toMatchObject({ email: 'mass@aurora.example', role: 'member', signInReady: false });
    const ana = await signIn(portal, 'ana@aurora.example');
    const token = await ana.call('POST', '/api/v1/me/tokens', {
      body: {
        name: 'mine',
        ...more,
        memberId: organization.actor.memberId,
        token: 'gth_mine',
        role: 'admin',
      },
    });
    expect([token.status, Object.keys(token.body)]).toEqual([201, ['id', 'token']]);
    expect(token.body.id).not.toBe(more.id);
    expect(token.body.token).not.toBe('gth_mine');
    const settings = await key.call('PATCH', '/api/v1/organization', { body: { ...more, name: 'Aurora' } });
    expect(settings.status).toBe(200);
    const { rows } = await pool().query(
      `SELECT (SELECT organization_id FROM groups WHERE slug = 'assigned') AS "group",
         (SELECT organization_id FROM members WHERE email = 'mass@aurora.example') AS member,
         (SELECT m.email FROM agent_tokens t JOIN members m ON m.id = t.member_id WHERE t.name = 'mine') AS owner,
         (SELECT name FROM organizations WHERE id = $1) AS other`,
      [other.id],
    );
    const id = organization.id;
    expect(rows[0]).toEqual({ group: id, member: id, owner: 'ana@aurora.example', other: 'Borealis' });
  });

  test('SP-21: can’t reach into objects by the names that JavaScript gives a meaning', async () => {
    for (const evil of [
      '"__proto__":{"role":"admin","tools":["get_me"]}',
      '"constructor":{"prototype":{"isAdmin":true}}',
    ]) {
      const body = `{"name":"Proto ${evil.length}",${evil}}`;
      const answer = await key.call('POST', '/api/v1/groups', {
        body,
        headers: { 'content-type': 'application/json' },
      });
      expect([answer.status, answer.body.tools]).toEqual([201, []]);
    }
    const only = { body: '{"__proto__":{"name":"x"}}', headers: { 'content-type': 'application/json' } };
    expectProblem(await key.call('POST', '/api/v1/groups', only), 400, 'invalid', 'body.name');
    expect((await key.call('GET', '/api/v1/audit?__proto__=x&constructor=y')).status).toBe(200);
    for (const name of ['__proto__', 'constructor', 'toString'])
      expectProblem(await key.call('GET', `/api/v1/groups/${name}`), 404, 'not_found');
    expect((await key.call('GET', '/api/v1/health')).body).not.toHaveProperty('isAdmin');
  });
});

describe('an address', () => {
  test('with a query key twice, a broken escape or a NUL is refused and never half understood', async () => {
    expectProblem(await key.call('GET', '/api/v1/audit?member=a&member=b'), 400, 'invalid', 'given twice');
    expectProblem(await key.call('GET', '/api/v1/audit?member=%00'), 400, 'invalid');
    expectProblem(await key.call('GET', '/api/v1/groups/%00'), 400, 'invalid');
    const head = await key.call('HEAD', '/api/v1/groups');
    expect([head.status, head.text]).toEqual([200, '']);
  });
});

describe('an answer', () => {
  test('SP-16: is kept by no cache, framed by no page and taken for nothing but what it is', async () => {
    for (const path of [
      '/api/v1/groups',
      '/api/v1/nothing',
      '/api/v1/openapi.json',
      '/api/v1/audit/export?format=csv',
    ]) {
      const { headers } = await key.call('GET', path);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-powered-by')).toBeNull();
      expect(headers.get('server')).toBeNull();
    }
    const page = await admin.call('GET', '/admin/groups');
    expect(page.headers.get('cache-control')).toMatch(/no-store/);
    expect(page.headers.get('content-security-policy')).toMatch(
      /script-src 'self' 'nonce-[^']+' 'strict-dynamic';/,
    );
    expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    const again = await admin.call('GET', '/admin/groups');
    expect(again.headers.get('content-security-policy')).not.toBe(
      page.headers.get('content-security-policy'),
    );
  });

  test('to nobody says how to get in, and never why a bearer was not taken, but for an agent token', async () => {
    const nobody = await browser(portal).call('GET', '/api/v1/groups');
    expectProblem(nobody, 401, 'unauthenticated', 'Sign in');
    expect(nobody.headers.get('www-authenticate')).toMatch(/^Bearer /);
    expectProblem(
      await script(portal, 'gth_x').call('GET', '/api/v1/groups'),
      401,
      'unauthenticated',
      '/mcp only',
    );
  });
});

describe('the OpenAPI document', () => {
  test('is a valid OpenAPI 3.1 description of every operation, for anybody to read', async () => {
    const { document } = await readOpenApi(browser(portal));
    expect(document.openapi).toMatch(/^3\.1\.\d+$/);
    expect(document.info).toMatchObject({
      title: 'Gatehouse',
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    });
    expect(document.servers).toEqual([{ url: `${portal.origin}/api/v1` }]);
    const entries = Object.entries(document.paths as Record<string, Record<string, any>>);
    const listed = entries.flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(listed.toSorted()).toEqual(
      operationEntries()
        .map(({ name }) => name)
        .toSorted(),
    );
    const operations = entries.flatMap(([path, item]) =>
      Object.entries(item).map(([method, is]) => ({ path, method, is })),
    );
    const ids = operations.map(({ is }) => is.operationId as string);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { path, method, is } of operations) {
      const at = `${method} ${path}`;
      expect(is.operationId, at).toMatch(/^[A-Za-z][A-Za-z0-9]*$/);
      expect(is.summary, at).toMatch(/\S/);
      const inPath = is.parameters.filter((parameter: any) => parameter.in === 'path');
      expect(
        inPath.map(({ name }: any) => name),
        at,
      ).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
      for (const parameter of is.parameters) {
        expect(parameter, at).toMatchObject({ name: expect.any(String), schema: expect.any(Object) });
        expect(['path', 'query'], at).toContain(parameter.in);
        if (parameter.in === 'path') expect(parameter.required, at).toBe(true);
      }
      if (method === 'get' || method === 'delete') expect(is, at).not.toHaveProperty('requestBody');
      else if (is.requestBody) expect(Object.keys(is.requestBody.content), at).toEqual(['application/json']);
      for (const response of Object.values(is.responses as Record<string, any>))
        expect(response.description).toMatch(/\S/);
      expect(Object.keys(is.responses), at).toContain('default');
    }
    for (const { $ref } of refsIn(document)) expect(resolve(document, $ref), $ref).toBeDefined();
    const schemes = Object.keys(document.components.securitySchemes as object);
    for (const { is } of operations)
      for (const requirement of is.security)
        expect(schemes).toEqual(expect.arrayContaining(Object.keys(requirement)));
  });

  test('says for whom each operation is, as the server acts', async () => {
    const { document } = await readOpenApi(admin);
    for (const { method, path, operation } of operationEntries()) {
      const is = document.paths[path][method.toLowerCase()];
      const schemes = is.security.flatMap((requirement: object) => Object.keys(requirement));
      const expected = operation.who === 'anyone' ? [] : ['session', ...(operation.keys ? ['apiKey'] : [])];
      expect([path, schemes]).toEqual([path, expected]);
      if (operation.who !== 'anyone')
        for (const role of operation.who) expect(is.description).toContain(role);
    }
  });

  function refsIn(value: unknown): { $ref: string }[] {
    if (typeof value !== 'object' || value === null) return [];
    const own = '$ref' in value && typeof value.$ref === 'string' ? [value as { $ref: string }] : [];
    return [...own, ...Object.values(value).flatMap(refsIn)];
  }
  const resolve = (document: any, ref: string) =>
    ref
      .slice(2)
      .split('/')
      .reduce((at, part) => at?.[part], document);
});
