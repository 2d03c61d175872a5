// The end of access: by the client, its person, the admin, a removal or a block, at the next call of every process. And what an
// access token can be mistaken for.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { pool, transaction } from '@/lib/db';
import { redact } from '@/lib/log';
import { blockClient, deleteClient, listClients } from '@/lib/oauth/clients';
import { endMemberGrant, endOwnGrant, listGrants } from '@/lib/oauth/grants';
import { replaceGroup } from '@/lib/people/groups';
import { removeMember } from '@/lib/people/members';
import { mintToken } from '@/lib/tokens/token-format';
import { disconnect } from '@/lib/asana/connections';
import { dumpDatabase } from '../support/dump';
import {
  auditOf,
  callOf,
  emailIn,
  headersFor,
  hello,
  makeGroup,
  makeMember,
  mint,
  post,
  rpc,
  until,
  type TestMember,
  type TestOrganization,
} from '../support/gate';
import {
  answerConsent,
  authorizeUrl,
  beginConsent,
  browserOf,
  grantOf,
  makeTeam,
  newClient,
  obtainTokens,
  redemption,
  refreshing,
  register,
  startSecondProcess,
  startSetting,
  token,
  verifier,
  type Setting,
  type Tokens,
} from './setting';

let setting: Setting;
let second: Awaited<ReturnType<typeof startSecondProcess>>;
let organization: TestOrganization;
let ana: TestMember;
let tokens: Tokens;

beforeAll(async () => {
  setting = await startSetting();
  ({ organization, member: ana } = await makeTeam(setting, 'Acme'));
  second = await startSecondProcess(setting);
});
afterAll(async () => {
  second.stop();
  await setting.stop();
});
beforeEach(async () => {
  tokens = await obtainTokens(setting, ana);
});
afterEach(() => vi.restoreAllMocks());

const call = (bearer = tokens.access, at: { url: string } = second) => post(at, bearer, callOf('get_me'));
const actorOf = ({ id, email }: TestMember) => ({ ...organization.actor, memberId: id, memberEmail: email });
const revoke = (form: Record<string, string>) => token(setting, form, { path: '/oauth/revoke' });
const challengeOfCall = async (bearer: string) =>
  (await post(setting, bearer, callOf('get_me'))).headers.get('www-authenticate');

/** Dead in both processes: every method of /mcp, and refresh. */
async function expectDead({ access, refresh, clientId }: Tokens = tokens): Promise<void> {
  setting.sandbox.log.clear();
  for (const at of [setting, second]) {
    expect((await call(access, at)).status).toBe(401);
    for (const method of ['GET', 'DELETE'])
      expect((await fetch(at.url, { method, headers: headersFor(access) })).status).toBe(401);
    const refreshed = await token(at, refreshing(clientId, refresh));
    expect([400, 401]).toContain(refreshed.status);
  }
  expect(setting.sandbox.log.entries).toEqual([]);
}

test('an access token opens /mcp as its person, through its connection, and is on record as the client’s', async () => {
  expect(emailIn(await call())).toBe('ana@example.com');
  const [record] = await auditOf(organization, { tool: 'get_me' }, 1);
  expect(record).toMatchObject({
    member: ana.email,
    credential: { kind: 'oauth', id: await grantOf(tokens.access), name: 'Test client' },
    connection: ana.connectionId,
    tool: 'get_me',
    decision: 'allow',
  });
  const list = await post(setting, tokens.access, rpc('tools/list'));
  expect(list.body.result.tools.map(({ name }: { name: string }) => name).toSorted()).toEqual([
    'get_me',
    'search_tasks',
  ]);
  await post(setting, tokens.access, callOf('get_me'));
  await until(async () => (await listGrants(organization.id, ana.id))[0]?.lastUsedAt);
});

describe('AS-31 C9: access ends at the next call in every process', () => {
  test('when the client revokes its refresh token or its access token (RFC 7009); an unknown token is 200 too', async () => {
    expect((await call()).status).toBe(200);
    const { status, headers } = await revoke({ token: tokens.refresh, client_id: tokens.clientId });
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
    await expectDead();
    const other = await obtainTokens(setting, ana);
    const hint = { token_type_hint: 'access_token' };
    expect((await revoke({ token: other.access, client_id: other.clientId, ...hint })).status).toBe(200);
    await expectDead(other);
    for (const unknown of ['x', mintToken('gho'), mintToken('ghr'), tokens.refresh])
      expect((await revoke({ token: unknown, client_id: tokens.clientId })).status).toBe(200);
  });

  test('but not when a foreigner asks for it', async () => {
    const other = await newClient(setting);
    for (const value of [tokens.refresh, tokens.access]) {
      expect((await revoke({ token: value, client_id: other })).status).toBe(200);
      expect((await revoke({ token: value, client_id: 'mcp_nobody' })).status).toBe(401);
    }
    const { body: confidential } = await register(setting, {
      token_endpoint_auth_method: 'client_secret_post',
    });
    const { client_id, client_secret } = confidential;
    await revoke({ token: tokens.refresh, client_id, client_secret });
    expect((await call()).status).toBe(200);
    expect((await token(setting, refreshing(tokens.clientId, tokens.refresh))).status).toBe(200);
  });

  test('when its person ends it; nobody else can', async () => {
    const grantId = await grantOf(tokens.access);
    const ben = await makeMember(setting, organization, `ben${Date.now()}@acme.example`);
    await expect(transaction((tx) => endOwnGrant(tx, actorOf(ben), grantId))).rejects.toMatchObject({
      code: 'not_found',
    });
    expect((await call()).status).toBe(200);
    await transaction((tx) => endOwnGrant(tx, actorOf(ana), grantId));
    await expectDead();
    const { rows } = await pool().query(
      `SELECT member_email, after->>'reason' AS reason FROM audit_records WHERE action = 'grant.ended' AND target = $1`,
      [`grant:${grantId}`],
    );
    expect(rows).toEqual([{ member_email: ana.email, reason: 'member' }]);
  });

  test('when an admin ends it on the person’s page: that grant and no other, and only under its own person', async () => {
    const grantId = await grantOf(tokens.access);
    const hers = await obtainTokens(setting, ana);
    const ben = await makeMember(setting, organization, `ben${Date.now()}@acme.example`);
    const elsewhere = await makeTeam(setting, `Other${Date.now()}`);
    const end = (actor: typeof organization.actor, email: string) =>
      transaction((tx) => endMemberGrant(tx, actor, email, grantId));
    for (const [actor, email] of [
      [organization.actor, ben.email],
      [organization.actor, elsewhere.member.email],
      [elsewhere.organization.actor, ana.email],
      [elsewhere.organization.actor, elsewhere.member.email],
    ] as const)
      await expect(end(actor, email)).rejects.toMatchObject({ code: 'not_found' });
    expect((await call()).status).toBe(200);
    await end(organization.actor, ana.email.toUpperCase());
    await expectDead();
    expect((await call(hers.access)).status).toBe(200);
    await expect(end(organization.actor, ana.email)).rejects.toMatchObject({ code: 'not_found' });
    const { rows } = await pool().query(
      `SELECT member_email, before->>'member' AS whose, after->>'reason' AS reason FROM audit_records
       WHERE action = 'grant.ended' AND target = $1`,
      [`grant:${grantId}`],
    );
    expect(rows).toEqual([
      { member_email: organization.actor.memberEmail, whose: ana.email, reason: 'admin' },
    ]);
  });

  test('when the admin blocks the client, until it is unblocked', async () => {
    await transaction((tx) => blockClient(tx, organization.actor, tokens.clientId, true));
    await expectDead();
    await transaction((tx) => blockClient(tx, organization.actor, tokens.clientId, false));
    expect((await call()).status).toBe(200);
  });

  test('when the admin deletes the client', async () => {
    await transaction((tx) => deleteClient(tx, organization.actor, tokens.clientId));
    await expectDead();
    expect((await listClients(organization.id)).map(({ id }) => id)).not.toContain(tokens.clientId);
  });

  test('when its person is removed', async () => {
    const leaver = await makeMember(setting, organization, `leaver${Date.now()}@acme.example`, {
      asana: 'ben@example.com',
    });
    await makeGroup(organization, `Leavers ${Date.now()}`, ['get_me'], [leaver]);
    const theirs = await obtainTokens(setting, leaver);
    expect((await call(theirs.access)).status).toBe(200);
    await transaction((tx) => removeMember(tx, organization.actor, leaver.email));
    await expectDead(theirs);
  });
});

test('R7: a tool taken from its person’s groups is gone at the token’s next call', async () => {
  const content = { name: 'Readers', members: [ana.email] };
  const change = (tools: string[]) =>
    transaction((tx) => replaceGroup(tx, organization.actor, 'readers', { ...content, tools }, null));
  await change(['search_tasks']);
  expect((await call()).body.error).toMatchObject({ code: -32602, message: 'Unknown tool: get_me' });
  await change(['get_me', 'search_tasks']);
  expect((await call()).status).toBe(200);
});

test('AS-32: of several cut-offs the strictest counts on every path, in whatever order they were set', async () => {
  const grantId = await grantOf(tokens.access);
  await transaction((tx) => blockClient(tx, organization.actor, tokens.clientId, true));
  await transaction((tx) => endOwnGrant(tx, actorOf(ana), grantId));
  await transaction((tx) => blockClient(tx, organization.actor, tokens.clientId, false));
  await expectDead();
  const late = await obtainTokens(setting, ana);
  expect((await call(late.access)).status).toBe(200);
  await pool().query(`UPDATE grants SET expires_at = now() - interval '1 second' WHERE id = $1`, [
    await grantOf(late.access),
  ]);
  await expectDead(late);
  // Tokens that were issued in the very moment of the end are not there to be removed with it; the end counts all the same.
  const raced = await obtainTokens(setting, ana);
  await pool().query(`UPDATE grants SET ended_at = now(), ended_reason = 'member' WHERE id = $1`, [
    await grantOf(raced.access),
  ]);
  await expectDead(raced);
});

test('a grant whose connection is disconnected acts through none, never through another', async () => {
  const chosen = await makeMember(setting, organization, `two${Date.now()}@acme.example`, {
    asana: 'ben@example.com',
  });
  await makeGroup(organization, `Two ${Date.now()}`, ['get_me'], [chosen]);
  const clientId = await newClient(setting);
  const codeVerifier = verifier();
  const browser = await browserOf(setting, chosen);
  const open = await beginConsent(browser, authorizeUrl(setting, clientId, codeVerifier));
  const code = (await answerConsent(browser, open, 'allow', chosen.connectionId!)).searchParams.get('code')!;
  const { body } = await token(setting, redemption(clientId, code, codeVerifier));
  expect(emailIn(await call(body.access_token))).toBe('ben@example.com');
  await disconnect(actorOf(chosen), chosen.id, chosen.connectionId!);
  setting.sandbox.log.clear();
  const answer = await call(body.access_token);
  expect(answer.body.result.isError).toBe(true);
  expect(answer.text).toContain('/connections');
  expect(setting.sandbox.log.entries).toEqual([]);
});

describe('a bearer that is no living access token hears what it is', () => {
  test('R3 AS-43: mistyped and made up ones cost no query; unknown and expired ones are told apart', async () => {
    const flipped = tokens.access.slice(0, -1) + (tokens.access.endsWith('0') ? '1' : '0');
    const [queries, connects] = [vi.spyOn(pool(), 'query'), vi.spyOn(pool(), 'connect')];
    expect(await challengeOfCall(flipped)).toContain('mistyped or cut off');
    for (let n = 0; n < 200; n += 1)
      await challengeOfCall(`gho_${Math.random().toString(36).repeat(5).replace('.', '').slice(0, 44)}`);
    // Admission takes a connection of its own, so each connect beyond those of queries would be one. What runs in the background
    // (outcomes, the cleaner) may query meanwhile, but looks nobody up.
    expect(connects.mock.calls.length - queries.mock.calls.length).toBe(0);
    const lookups = queries.mock.calls.filter(([text]) =>
      /FROM input|token_hash|WHERE hash/.test(String(text)),
    );
    expect(lookups).toEqual([]);
    vi.restoreAllMocks();
    expect(await challengeOfCall(mintToken('gho'))).toContain('not known here');
    await pool().query(
      `UPDATE oauth_tokens SET expires_at = now() - interval '1 second' WHERE hash = sha256($1::bytea)`,
      [Buffer.from(tokens.access)],
    );
    expect(await challengeOfCall(tokens.access)).toContain('The access token has expired');
  });

  test('R4: one for another resource is 401, here and at its own name', async () => {
    for (const resource of ['https://other.example/mcp', setting.origin, `${setting.origin}/mcp/`, '']) {
      await pool().query('UPDATE oauth_tokens SET resource = $2 WHERE hash = sha256($1::bytea)', [
        Buffer.from(tokens.access),
        resource,
      ]);
      expect((await call()).status).toBe(401);
      expect(await challengeOfCall(tokens.access)).toContain('for another resource');
    }
  });

  test('R5: Asana’s own token is 401, and so are a refresh token, a code, an API key and an agent token elsewhere', async () => {
    const { accessToken, refreshToken } = setting.sandbox.issueTokens({ email: 'ana@example.com' });
    for (const value of [accessToken, refreshToken]) {
      const challenge = await challengeOfCall(value);
      expect(challenge).toContain('This is a token of Asana');
      expect(challenge).not.toContain(value);
    }
    expect(await challengeOfCall(tokens.refresh)).toContain('This is a refresh token');
    expect(await challengeOfCall(mintToken('ghc'))).toContain('This is an authorization code');
    expect(await challengeOfCall(mintToken('ghk'))).toContain('This is an API key');
    const agent = await mint(ana);
    expect((await token(setting, refreshing(tokens.clientId, agent.token))).body.error).toBe('invalid_grant');
  });

  test('R6: in the query it is no token', async () => {
    const { authorization: _, ...headers } = headersFor('');
    for (const name of ['access_token', 'token', 'authorization']) {
      const response = await fetch(`${setting.url}?${name}=${tokens.access}`, {
        method: 'POST',
        headers,
        body: JSON.stringify(callOf('get_me')),
      });
      expect(response.status).toBe(401);
    }
  });
});

test('R9: Asana sees its own token only, and its token never comes back', async () => {
  setting.sandbox.log.clear();
  const answer = await post(setting, tokens.access, callOf('get_me'), { cookie: 'a=b' });
  const session = await post(setting, tokens.access, hello());
  const seen = setting.sandbox.log.entries.map((entry) => JSON.stringify(entry)).join('\n');
  expect(seen).not.toContain(tokens.access);
  expect(seen).not.toMatch(/a=b/);
  const { rows } = await pool().query('SELECT access_token FROM connections WHERE id = $1', [
    ana.connectionId,
  ]);
  for (const text of [answer.text, session.text, JSON.stringify([...answer.headers])]) {
    expect(text).not.toContain(rows[0].access_token);
    expect(text).not.toMatch(/\b1\/\d+|Bearer /);
  }
});

test('AS-44 S1: a stolen database holds no token, code, secret or answer that opens anything', async () => {
  const codeVerifier = verifier();
  const clientId = await newClient(setting);
  const browser = await browserOf(setting, ana);
  const url = authorizeUrl(setting, clientId, codeVerifier);
  const open = await beginConsent(browser, url);
  const code = (await answerConsent(browser, open)).searchParams.get('code')!;
  const waiting = await beginConsent(browser, url);
  const next = (await token(setting, refreshing(tokens.clientId, tokens.refresh))).body;
  const { body: confidential } = await register(setting, {
    token_endpoint_auth_method: 'client_secret_post',
  });
  const secrets = [
    ...[
      tokens.access,
      tokens.refresh,
      next.access_token,
      next.refresh_token,
      code,
      confidential.client_secret,
    ],
    ...[waiting.path.split('/').at(-1)!, open.path.split('/').at(-1)!, codeVerifier, waiting.question.token],
    ...[...browser.cookies.values()]
      .filter(({ name }) => name.startsWith('gatehouse'))
      .map(({ value }) => value),
  ];
  const dump = Object.values(await dumpDatabase()).join('\n');
  for (const secret of secrets) {
    expect(secret.length).toBeGreaterThan(20);
    expect(dump).not.toContain(secret);
  }
  // Access at Asana is sealed for its own row (tests/asana proves the rest).
  const { rows } = await pool().query('SELECT access_token, refresh_token FROM connections');
  for (const row of rows) expect(Object.values(row).every((value) => /^v1\./.test(String(value)))).toBe(true);
});

test('S4: logs take our tokens, codes and secrets out of whatever they are in', () => {
  for (const prefix of ['gth', 'ghk', 'ghi', 'gho', 'ghr', 'ghc'] as const) {
    const value = mintToken(prefix);
    expect(redact(`refused ${value}.`)).toBe(`refused ${prefix}_[redacted].`);
  }
  expect(redact('GET /callback?code=abc&state=def&x=1')).not.toMatch(/abc|def/);
  expect(redact(`Bearer ${mintToken('gho')}`)).toMatch(/^Bearer \S*\[redacted\]$/);
});
