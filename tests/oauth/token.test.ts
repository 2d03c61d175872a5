// The token endpoint: a code is good once, within a minute, for the client, redirect URI, verifier and resource it was given for.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pool, transaction } from '@/lib/db';
import { deleteClient } from '@/lib/oauth/clients';
import { endOwnGrant } from '@/lib/oauth/grants';
import { removeMember } from '@/lib/people/members';
import { callOf, makeMember, post, type TestMember, type TestOrganization } from '../support/gate';
import {
  browserOf,
  challengeOf,
  codeFor,
  grantOf,
  makeTeam,
  newClient,
  redemption,
  refreshing,
  register,
  startSecondProcess,
  startSetting,
  token,
  verifier,
  type Browser,
  type Setting,
} from './setting';

let setting: Setting;
let organization: TestOrganization;
let ana: TestMember;
let browser: Browser;
let clientId: string;
let other: string;
let codeVerifier: string;
let code: string;

beforeAll(async () => {
  setting = await startSetting();
  ({ organization, member: ana } = await makeTeam(setting, 'Acme'));
  browser = await browserOf(setting, ana);
  [clientId, other] = [await newClient(setting), await newClient(setting)];
});
afterAll(() => setting.stop());
beforeEach(async () => {
  codeVerifier = verifier();
  code = await codeFor(setting, browser, clientId, codeVerifier);
});

const redeem = (more: Record<string, string> = {}) =>
  token(setting, redemption(clientId, code, codeVerifier, more));
const works = async (access: string) => (await post(setting, access, callOf('get_me'))).status === 200;

async function expectRefused(
  answer: Promise<{ status: number; body: any }>,
  error: string,
  status = 400,
): Promise<void> {
  const { status: got, body } = await answer;
  expect([got, body.error]).toEqual([status, error]);
  expect(JSON.stringify(body)).not.toMatch(/access_token|refresh_token/);
}

test('A10: every answer of the token endpoint is no-store JSON, errors too', async () => {
  const good = await redeem();
  expect(good.body).toEqual({
    access_token: expect.stringMatching(/^gho_[0-9A-Za-z]{44}$/),
    refresh_token: expect.stringMatching(/^ghr_[0-9A-Za-z]{44}$/),
    token_type: 'Bearer',
    expires_in: 3600,
    scope: 'mcp',
  });
  for (const { headers } of [
    good,
    await redeem(),
    await token(setting, {}),
    await token(setting, { grant_type: 'x' }),
  ]) {
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('content-type')).toMatch(/^application\/json/);
  }
  const asPage = await token(setting, { grant_type: 'x' }, { headers: { accept: 'text/html' } });
  expect(asPage.headers.get('content-type')).toMatch(/^application\/json/);
});

describe('A4: a code', () => {
  test('AS-08: redeemed a second time by its own client is refused, and what it had bought dies', async () => {
    const { body } = await redeem();
    expect(await works(body.access_token)).toBe(true);
    const grantId = await grantOf(body.access_token);
    await expectRefused(redeem(), 'invalid_grant');
    expect(await works(body.access_token)).toBe(false);
    await expectRefused(token(setting, refreshing(clientId, body.refresh_token)), 'invalid_grant');
    const { rows } = await pool().query('SELECT ended_reason FROM grants WHERE id = $1', [grantId]);
    expect(rows).toEqual([{ ended_reason: 'code_reused' }]);
    const { rows: events } = await pool().query(
      `SELECT after->>'reason' AS reason FROM audit_records WHERE action = 'grant.ended' AND target = $1`,
      [`grant:${grantId}`],
    );
    expect(events).toEqual([{ reason: 'code_reused' }]);
  });

  test('AS-09: replayed by another client or with a wrong verifier is refused, and nothing is revoked', async () => {
    const { body } = await redeem();
    await expectRefused(redeem({ client_id: other }), 'invalid_grant');
    await expectRefused(redeem({ code_verifier: verifier() }), 'invalid_grant');
    expect(await works(body.access_token)).toBe(true);
    expect((await token(setting, refreshing(clientId, body.refresh_token))).status).toBe(200);
  });

  test('AS-10: of fifty redemptions at once, in two processes, exactly one succeeds', async () => {
    const second = await startSecondProcess(setting);
    try {
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, n) =>
          token(n % 2 ? second : setting, redemption(clientId, code, codeVerifier)),
        ),
      );
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 400]));
      // Forty-nine of them were replays, so what the one got is dead, everywhere.
      const { access_token: access } = answers.find(({ status }) => status === 200)!.body;
      expect(await works(access)).toBe(false);
    } finally {
      second.stop();
    }
  });

  test('AS-11: is no use to another client', async () => {
    await expectRefused(redeem({ client_id: other }), 'invalid_grant');
    await expectRefused(redeem({ client_id: 'mcp_nobody' }), 'invalid_client', 401);
    expect((await redeem()).status).toBe(200);
  });

  test('AS-12: is good for a minute', async () => {
    const { rows } = await pool().query(
      `SELECT extract(epoch FROM expires_at - created_at)::int AS seconds FROM oauth_tokens WHERE hash = sha256($1::bytea)`,
      [Buffer.from(code)],
    );
    expect(rows).toEqual([{ seconds: 60 }]);
    await pool().query(
      `UPDATE oauth_tokens SET expires_at = expires_at - interval '61 seconds' WHERE hash = sha256($1::bytea)`,
      [Buffer.from(code)],
    );
    await expectRefused(redeem(), 'invalid_grant');
  });

  test('AS-06: is bound to the redirect URI it was asked for: another one, of the client or not, or none, is refused', async () => {
    for (const uri of [
      'http://127.0.0.1:7778/callback',
      'http://127.0.0.1:7777/callback/',
      'https://evil.example/',
    ])
      await expectRefused(redeem({ redirect_uri: uri }), 'invalid_grant');
    const { redirect_uri: _, ...without } = redemption(clientId, code, codeVerifier);
    await expectRefused(token(setting, without), 'invalid_request');
    expect((await redeem()).status).toBe(200);
  });

  test('AS-07: is bound to the verifier: none, empty, short, wrong or the challenge itself is refused', async () => {
    const { code_verifier: _, ...without } = redemption(clientId, code, codeVerifier);
    await expectRefused(token(setting, without), 'invalid_grant');
    await expectRefused(redeem({ code_verifier: verifier() }), 'invalid_grant');
    await expectRefused(redeem({ code_verifier: challengeOf(codeVerifier) }), 'invalid_grant');
    for (const bad of ['', 'short', 'x'.repeat(129), `${codeVerifier} `]) {
      const { status } = await redeem({ code_verifier: bad });
      expect(status).toBe(400);
    }
    await expectRefused(
      redeem({ code_verifier: codeVerifier, code_challenge_method: 'plain', code: `${code}x` }),
      'invalid_grant',
    );
    expect((await redeem()).status).toBe(200);
  });

  test('A5 AS-18: is bound to its resource: a foreign one is invalid_target, the right one or none is fine', async () => {
    for (const resource of ['https://mcp.asana.com/v2', setting.origin, 'nonsense'])
      await expectRefused(redeem({ resource }), 'invalid_target');
    const both = new URLSearchParams(redemption(clientId, code, codeVerifier));
    both.append('resource', `${setting.origin}/mcp`);
    both.append('resource', 'https://evil.example/mcp');
    const response = await fetch(`${setting.origin}/oauth/token`, { method: 'POST', body: both });
    expect(await response.json()).toMatchObject({ error: 'invalid_target' });
    expect((await redeem({ resource: `${setting.origin}/mcp` })).status).toBe(200);
  });

  test('AS-13: is worth nothing once its person, consent or client is gone', async () => {
    const grantId = await grantOf(code);
    const actor = { ...organization.actor, memberId: ana.id, memberEmail: ana.email };
    await transaction((tx) => endOwnGrant(tx, actor, grantId));
    await expectRefused(redeem(), 'invalid_grant');

    const leaver = await makeMember(setting, organization, 'leaver@acme.example');
    const theirs = await codeFor(setting, await browserOf(setting, leaver), clientId, codeVerifier);
    await transaction((tx) => removeMember(tx, organization.actor, leaver.email));
    await expectRefused(token(setting, redemption(clientId, theirs, codeVerifier)), 'invalid_grant');

    const gone = await newClient(setting);
    const last = await codeFor(setting, browser, gone, codeVerifier);
    await transaction((tx) => deleteClient(tx, organization.actor, gone));
    await expectRefused(token(setting, redemption(gone, last, codeVerifier)), 'invalid_client', 401);
    expect(
      (await pool().query('SELECT 1 FROM grants WHERE client_id = $1 AND ended_at IS NULL', [gone])).rows,
    ).toEqual([]);
  });
});

describe('a confidential client', () => {
  test('A9 AS-21: gets a secret once, sealed here, and is nobody without it', async () => {
    for (const method of ['client_secret_post', 'client_secret_basic']) {
      const { body: client } = await register(setting, { token_endpoint_auth_method: method });
      expect(client).toMatchObject({ client_secret: expect.any(String), client_secret_expires_at: 0 });
      const { rows } = await pool().query('SELECT c::text AS row FROM oauth_clients c WHERE id = $1', [
        client.client_id,
      ]);
      expect(rows[0].row).not.toContain(client.client_secret);
      const own = verifier();
      const theirs = await codeFor(setting, browser, client.client_id, own);
      const form = redemption(client.client_id, theirs, own);
      await expectRefused(token(setting, form), 'invalid_client', 401);
      await expectRefused(token(setting, { ...form, client_secret: 'wrong' }), 'invalid_client', 401);
      const basic = Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64');
      const { client_id: _, ...rest } = form;
      const good =
        method === 'client_secret_post'
          ? await token(setting, { ...form, client_secret: client.client_secret })
          : await token(setting, rest, { headers: { authorization: `Basic ${basic}` } });
      expect(good.status).toBe(200);
      await expectRefused(
        token(setting, refreshing(client.client_id, good.body.refresh_token)),
        'invalid_client',
        401,
      );
      await expectRefused(token(setting, refreshing(clientId, good.body.refresh_token)), 'invalid_grant');
    }
  });
});

describe('what is not offered', () => {
  test('client_credentials is refused with the way that works, to registered clients and others alike', async () => {
    for (const form of [
      { grant_type: 'client_credentials', client_id: clientId },
      { grant_type: 'client_credentials', client_id: 'x', client_secret: 'y' },
      { grant_type: 'client_credentials' },
    ]) {
      const { status, body } = await token(setting, form as Record<string, string>);
      expect([status, body.error]).toEqual([400, 'unsupported_grant_type']);
      expect(body.error_description).toMatch(/mint an agent token.*gth_/);
    }
    const { status, body } = await register(setting, { grant_types: ['client_credentials'] });
    expect([status, body.error]).toEqual([400, 'invalid_client_metadata']);
    expect(body.error_description).toMatch(/agent token/);
  });

  test('AS-22: nor passwords, device codes, assertions, or anything else', async () => {
    for (const type of [
      ...['password', 'implicit', 'urn:ietf:params:oauth:grant-type:device_code', 'x'],
      ...['urn:ietf:params:oauth:grant-type:jwt-bearer', 'urn:ietf:params:oauth:grant-type:token-exchange'],
    ])
      await expectRefused(
        token(setting, { grant_type: type, client_id: clientId }),
        'unsupported_grant_type',
      );
    await expectRefused(token(setting, { client_id: clientId }), 'invalid_request');
    expect((await redeem()).status).toBe(200);
  });
});

test('AS-43: a code or token with one character changed, of another kind, or made up is refused without the database', async () => {
  const { body } = await redeem();
  const flipped = (text: string) => text.slice(0, -1) + (text.endsWith('0') ? '1' : '0');
  const { body: before } = await token(setting, refreshing(clientId, flipped(body.refresh_token)));
  expect(before.error).toBe('invalid_grant');
  await expectRefused(token(setting, refreshing(clientId, body.access_token)), 'invalid_grant');
  await expectRefused(
    token(setting, redemption(clientId, body.refresh_token, codeVerifier)),
    'invalid_grant',
  );
  await expectRefused(token(setting, redemption(clientId, flipped(code), codeVerifier)), 'invalid_grant');
  expect((await token(setting, refreshing(clientId, body.refresh_token))).status).toBe(200);
});
