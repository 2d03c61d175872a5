// Consent: asked per person and client before anything goes on, decided once, in the browser it began in, by who is signed in there.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pool, transaction } from '@/lib/db';
import { env, setEnv } from '@/lib/env';
import { blockClient } from '@/lib/oauth/clients';
import { listGrants } from '@/lib/oauth/grants';
import { displayName, imitatedClient } from '@/lib/oauth/redirect-uris';
import { searchAudit } from '@/lib/audit/records';
import { connect, makeMember, type TestMember, type TestOrganization } from '../support/gate';
import {
  answerConsent,
  authorizeUrl,
  beginConsent,
  Browser,
  browserOf,
  makeTeam,
  newClient,
  obtainTokens,
  startSetting,
  token,
  redemption,
  verifier,
  type Setting,
} from './setting';

let setting: Setting;
let organization: TestOrganization;
let ana: TestMember;
let ben: TestMember;
let clientId: string;
let browser: Browser;

beforeAll(async () => {
  setting = await startSetting();
  ({ organization, member: ana } = await makeTeam(setting, 'Acme'));
  ben = await makeMember(setting, organization, 'ben@acme.example');
  clientId = await newClient(setting);
});
afterAll(() => setting.stop());
beforeEach(async () => {
  browser = await browserOf(setting, ana);
});

const begin = (via = browser, id = clientId) => beginConsent(via, authorizeUrl(setting, id, verifier()));
const decideWith = (
  via: Browser,
  path: string,
  form: Record<string, string>,
  headers: Record<string, string> = {},
) => via.go('POST', path, { form, headers });
const grantCount = async () =>
  (await pool().query<{ n: number }>('SELECT count(*)::int AS n FROM grants')).rows[0]!.n;

/** Refused with this status, by a page, and nothing was granted. */
async function expectRefused(
  work: Promise<{ status: number; headers: Headers; text: string }>,
  status: number,
  title: string,
): Promise<void> {
  const before = await grantCount();
  const answer = await work;
  expect(answer.status).toBe(status);
  expect(answer.text).toContain(title);
  expect(answer.headers.get('location')).toBeNull();
  expect(await grantCount()).toBe(before);
}

describe('C1: what a person allowed', () => {
  test('is stored for that person, client and connection, with its event, before anything reaches Asana', async () => {
    setting.sandbox.log.clear();
    const id = await newClient(setting, { client_name: 'Planner' });
    const tokens = await obtainTokens(setting, ana, { clientId: id });
    expect(setting.sandbox.log.entries).toEqual([]);
    const [grant] = await listGrants(organization.id, ana.id);
    expect(grant).toMatchObject({ client: { id, name: 'Planner' }, connectionId: null, ended: null });
    expect(await listGrants(organization.id, ben.id)).toEqual([]);
    const { records } = await searchAudit(organization.id, { kind: 'event' }, { limit: 5 });
    expect(records.find(({ action }) => action === 'grant.created')).toMatchObject({
      target: `grant:${grant!.id}`,
      member: ana.email,
      after: { client: 'Planner', clientId: id },
    });
    expect(tokens.access).toMatch(/^gho_/);
  });

  test('is for the connection that was chosen, and can be for no one else’s', async () => {
    const theirs = await connect(setting, ben, 'ben@example.com');
    const open = await begin();
    await expectRefused(
      decideWith(browser, open.path, { token: open.question.token, decision: 'allow', connection: theirs }),
      400,
      'Choose an Asana connection',
    );
    const back = await answerConsent(browser, open, 'allow', ana.connectionId!);
    expect(back.searchParams.get('code')).toMatch(/^ghc_/);
    const { rows } = await pool().query('SELECT connection_id FROM grants ORDER BY created_at DESC LIMIT 1');
    expect(rows).toEqual([{ connection_id: ana.connectionId }]);
  });
});

test('C2 AS-14: another client of the same person is asked about anew, whatever Asana or an earlier consent said', async () => {
  await obtainTokens(setting, ana, { clientId });
  const second = await newClient(setting, { client_name: 'Second' });
  const { question } = await begin(browser, second);
  expect(question.client).toEqual({ id: second, name: 'Second', kind: 'registered' });
  // And the first again too.
  expect((await begin()).question.client.id).toBe(clientId);
});

test('C3: the question names the client, where it sends the person back, and what is odd about it', async () => {
  const cursor = await newClient(setting, {
    client_name: 'Claude',
    redirect_uris: ['cursor://anysphere.cursor-mcp/oauth/callback'],
  });
  const redirectUri = 'cursor://anysphere.cursor-mcp/oauth/callback';
  const url = authorizeUrl(setting, cursor, verifier(), { redirect_uri: redirectUri });
  const { question } = await beginConsent(browser, url);
  expect(question).toMatchObject({
    client: { name: 'Claude', kind: 'registered' },
    redirect: { uri: redirectUri, kind: 'app', place: 'cursor://anysphere.cursor-mcp' },
    imitates: 'Claude',
    refusal: null,
  });
  expect((await begin()).question).toMatchObject({
    redirect: { kind: 'loopback', place: '127.0.0.1:7777' },
    imitates: null,
  });
});

describe('AS-17: a client’s name', () => {
  test.each([
    ['Claude', 'Claude'],
    ['CLAUDE Desktop', 'Claude'],
    ['C1aude', 'Claude'],
    ['Сlаudе', 'Claude'], // Cyrillic
    ['C l a u d e', 'Claude'],
    ['𝗖𝗹𝗮𝘂𝗱𝗲', 'Claude'],
    ['Cl\u200Baude', 'Claude'],
    ['Chat-GPT', 'ChatGPT'],
    ['OpenAI connector', 'ChatGPT'],
    ['Visual Studio Code', 'VS Code'],
    ['Asana', 'Asana'],
    ['Our own planner', null],
  ])('%s, sent to a place of its own, passes for %s', (name, expected) => {
    expect(imitatedClient(name, 'https://evil.example/callback')).toBe(expected);
  });

  test('is nobody’s imitation at its own address, and proves nothing on loopback', () => {
    expect(imitatedClient('Claude', 'https://claude.ai/api/mcp/auth_callback')).toBeNull();
    expect(imitatedClient('Claude Code', 'http://localhost:4000/callback')).toBeNull();
  });

  test('is shown as one short line without control, direction or invisible characters', async () => {
    expect(displayName('A\u202Egpj.exe\nB\u0000')).toBe('A gpj.exe B');
    expect(displayName('x'.repeat(10_000))).toHaveLength(80);
    expect(displayName(undefined)).toBe('Unnamed client');
    expect(displayName({ toString: () => 'x' })).toBe('Unnamed client');
    const id = await newClient(setting, {
      client_name: '<img src=x onerror=alert(1)>',
      logo_uri: 'javascript:alert(1)',
      policy_uri: 'http://127.0.0.1:1/x',
    });
    const { rows } = await pool().query(
      'SELECT name, metadata::text AS text FROM oauth_clients WHERE id = $1',
      [id],
    );
    expect(rows[0].name).toBe('<img src=x onerror=alert(1)>');
    expect(rows[0].text).not.toMatch(/logo_uri|policy_uri/);
  });
});

describe('C4 AS-15: a decision', () => {
  test('from another site is refused, with whatever token', async () => {
    const { path, question } = await begin();
    const form = { token: question.token, decision: 'allow' };
    for (const origin of [
      'https://evil.example',
      'null',
      `${setting.origin}.evil.example`,
      'http://localhost:1',
    ])
      await expectRefused(decideWith(browser, path, form, { origin }), 403, 'did not come from Gatehouse');
    expect((await decideWith(browser, path, form)).status).toBe(303);
  });

  test('without the token of this very question is refused: none, another’s, one of another client', async () => {
    const [open, other] = [await begin(), await begin(browser, await newClient(setting))];
    const theirs = await browserOf(setting, ben);
    const ofBen = await begin(theirs);
    for (const given of ['', 'x', other.question.token, ofBen.question.token, `${open.question.token}x`])
      await expectRefused(
        decideWith(browser, open.path, { token: given, decision: 'allow' }),
        403,
        'This page is out of date',
      );
    await expectRefused(
      decideWith(browser, open.path, { token: open.question.token, decision: 'maybe' }),
      400,
      'This is not a decision',
    );
    await expectRefused(
      browser.go('POST', open.path, { headers: { 'content-type': 'application/json' } }),
      400,
      'This is not a decision',
    );
    expect(
      (await decideWith(browser, open.path, { token: open.question.token, decision: 'allow' })).status,
    ).toBe(303);
  });

  test('AS-05: takes client, redirect URI and scope from the question alone, whatever the form says', async () => {
    const { path, question } = await begin();
    const decided = await decideWith(browser, path, {
      token: question.token,
      decision: 'allow',
      client_id: 'mcp_other',
      redirect_uri: 'https://evil.example/',
      scope: 'everything',
      resource: 'https://evil.example/mcp',
    });
    const back = await browser.go('GET', decided.location!.href);
    expect(back.location!.origin + back.location!.pathname).toBe('http://127.0.0.1:7777/callback');
    const { rows } = await pool().query(
      'SELECT client_id, redirect_uri, resource FROM grants ORDER BY created_at DESC LIMIT 1',
    );
    expect(rows).toEqual([
      {
        client_id: clientId,
        redirect_uri: 'http://127.0.0.1:7777/callback',
        resource: `${setting.origin}/mcp`,
      },
    ]);
  });

  test('and the page that asks are framed by nobody', async () => {
    const started = await browser.go('GET', authorizeUrl(setting, clientId, verifier()));
    expect(started.headers.get('x-frame-options')).toBe('DENY');
    expect(started.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    const { path } = await begin();
    const answer = await decideWith(browser, path, { token: 'x', decision: 'allow' });
    expect(answer.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
  });
});

describe('C5: what ties a question to a browser', () => {
  test('is a signed cookie of that one authorization: HttpOnly, Lax, on its path, and without a login beside it', async () => {
    await begin();
    const cookies = [...browser.cookies.values()].filter(({ name }) => name.startsWith('gatehouse-'));
    expect(cookies.map(({ name }) => name).toSorted()).toEqual([
      ...['gatehouse-authorize', 'gatehouse-authorize.sig', 'gatehouse-resume', 'gatehouse-resume.sig'],
    ]);
    for (const { line } of cookies) {
      expect(line).toMatch(/; httponly/i);
      expect(line).toMatch(/; samesite=lax/i);
      expect(line).toMatch(/; path=\/(oauth\/)?authorize\/[\w-]{20,}/i);
    }
  });

  test('carries __Secure- and Secure where Gatehouse is on https', async () => {
    const before = env().GATEHOUSE_URL;
    const https = await startSetting({ GATEHOUSE_URL: 'https://gatehouse.example.com' });
    try {
      const { member } = await makeTeam(https, 'Secure');
      const id = await newClient(https);
      const started = await fetch(
        authorizeUrl(https, id, verifier(), { resource: 'https://gatehouse.example.com/mcp' }),
        { redirect: 'manual', headers: { 'x-forwarded-proto': 'http', 'x-forwarded-host': 'evil.example' } },
      );
      const cookies = started.headers.getSetCookie();
      expect(cookies.length).toBe(4);
      for (const cookie of cookies) expect(cookie).toMatch(/^__Secure-gatehouse-.*; secure.*/i);
      expect(cookies.join()).not.toContain('evil.example');
      expect(member.email).toContain('secure');
    } finally {
      await https.stop();
      setEnv({ ...setting.variables, GATEHOUSE_URL: before });
    }
  });

  test('that is missing, changed, or of another question ends with 403 and grants nothing', async () => {
    const [open, other] = [await begin(), await begin()];
    const form = { token: open.question.token, decision: 'allow' };
    const key = (name: string) => `${name}@${open.path}`;
    const kept = new Map(browser.cookies);
    browser.cookies.delete(key('gatehouse-authorize.sig'));
    await expectRefused(decideWith(browser, open.path, form), 403, 'This began in another browser');
    for (const [name, cookie] of kept) browser.cookies.set(name, cookie);
    const uid = other.path.split('/').at(-1)!;
    browser.cookies.set(key('gatehouse-authorize'), { ...kept.get(key('gatehouse-authorize'))!, value: uid });
    await expectRefused(decideWith(browser, open.path, form), 403, 'This began in another browser');
    // Both of them of the other question, whose signature is right.
    for (const name of ['gatehouse-authorize', 'gatehouse-authorize.sig'])
      browser.cookies.set(key(name), {
        ...kept.get(key(name))!,
        value: kept.get(`${name}@${other.path}`)!.value,
      });
    await expectRefused(decideWith(browser, open.path, form), 403, 'This began in another browser');
    const stranger = await browserOf(setting, ana);
    await expectRefused(decideWith(stranger, open.path, form), 403, 'This began in another browser');
    for (const [name, cookie] of kept) browser.cookies.set(name, cookie);
    expect((await decideWith(browser, open.path, form)).status).toBe(303);
  });
});

describe('C7: the page can’t be skipped', () => {
  test('a decision counts once: replayed, even at once and in eight copies, it grants once', async () => {
    const { path, question } = await begin();
    const form = { token: question.token, decision: 'allow' };
    const before = await grantCount();
    const answers = await Promise.all(Array.from({ length: 8 }, () => decideWith(browser, path, form)));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      303,
      ...Array<number>(7).fill(400),
    ]);
    expect(await grantCount()).toBe(before + 1);
    await expectRefused(decideWith(browser, path, form), 400, 'This was decided already');
  });

  test('a denial can’t be turned into a consent afterwards', async () => {
    const { path, question } = await begin();
    const denied = await decideWith(browser, path, { token: question.token, decision: 'deny' });
    expect(denied.status).toBe(303);
    await expectRefused(
      decideWith(browser, path, { token: question.token, decision: 'allow' }),
      400,
      'This was decided already',
    );
  });

  test('the way back works once, and in the deciding browser only', async () => {
    const { path, question } = await begin();
    const decided = await decideWith(browser, path, { token: question.token, decision: 'allow' });
    const stranger = await browserOf(setting, ana);
    expect((await stranger.go('GET', decided.location!.href)).location).toBeNull();
    const cookies = new Map(browser.cookies);
    expect((await browser.go('GET', decided.location!.href)).location?.searchParams.get('code')).toMatch(
      /^ghc_/,
    );
    for (const [name, cookie] of cookies) browser.cookies.set(name, cookie);
    expect((await browser.go('GET', decided.location!.href)).location).toBeNull();
  });

  test('a request older than half an hour asks nothing any more', async () => {
    const { path, question } = await begin();
    await pool().query(`UPDATE oauth_states SET expires_at = now() - interval '1 second'`);
    expect((await browser.go('GET', path)).status).toBe(404);
    await expectRefused(
      decideWith(browser, path, { token: question.token, decision: 'allow' }),
      403,
      'This began in another browser',
    );
  });
});

describe('C8: another person', () => {
  test('who is signed in by the time of the decision, or of the way back, does not get the first one’s access', async () => {
    const { path, question } = await begin();
    const session = [...(await browserOf(setting, ben)).cookies][0]!;
    const decided = await decideWith(browser, path, { token: question.token, decision: 'allow' });
    browser.cookies.set(...session);
    const back = await browser.go('GET', decided.location!.href);
    // Asked anew, as Ben.
    expect(back.location?.pathname).toMatch(/^\/authorize\//);
    const open = await begin();
    const ofAna = await browserOf(setting, ana);
    browser.cookies.set(...[...ofAna.cookies][0]!);
    await expectRefused(
      decideWith(browser, open.path, { token: open.question.token, decision: 'allow' }),
      403,
      'This page is out of date',
    );
  });

  test('who is signed out is sent to sign in, and comes back to the question', async () => {
    const { path, question } = await begin();
    for (const [key, { name }] of browser.cookies) if (name === 'portal-session') browser.cookies.delete(key);
    const answer = await decideWith(browser, path, { token: question.token, decision: 'allow' });
    expect([answer.status, answer.headers.get('location')]).toEqual([
      303,
      `/sign-in?next=${encodeURIComponent(path)}`,
    ]);
  });

  test('gets no login of oidc-provider’s left behind in the browser', async () => {
    const back = await answerConsent(browser, await begin());
    expect(back.searchParams.get('code')).toMatch(/^ghc_/);
    expect(
      [...browser.cookies.values()].map(({ name }) => name).filter((name) => /session/.test(name)),
    ).toEqual(['portal-session']);
    expect((await pool().query(`SELECT DISTINCT kind FROM oauth_states`)).rows).toEqual([
      { kind: 'Interaction' },
    ]);
  });
});

test('AS-16: two questions open at once are both answered', async () => {
  const verifiers = [verifier(), verifier()];
  const open = [];
  for (const codeVerifier of verifiers)
    open.push(await beginConsent(browser, authorizeUrl(setting, clientId, codeVerifier)));
  for (const [n, codeVerifier] of verifiers.entries()) {
    const code = (await answerConsent(browser, open[n]!)).searchParams.get('code')!;
    expect((await token(setting, redemption(clientId, code, codeVerifier))).status).toBe(200);
  }
});

test('C9: a client that the admin blocks can’t be allowed, even on a page that was open already; unblocked it can', async () => {
  const id = await newClient(setting, { client_name: 'Blocked' });
  const open = await begin(browser, id);
  await transaction((tx) => blockClient(tx, organization.actor, id, true));
  expect((await begin(browser, id)).question.refusal).toBe('blocked');
  await expectRefused(
    decideWith(browser, open.path, { token: open.question.token, decision: 'allow' }),
    403,
    'Your organization blocks this client',
  );
  await transaction((tx) => blockClient(tx, organization.actor, id, false));
  expect((await answerConsent(browser, open)).searchParams.get('code')).toMatch(/^ghc_/);
});

test('where a person has several connections, one must be chosen', async () => {
  const second = await connect(setting, ana, 'ana@example.com');
  try {
    const open = await begin();
    await expectRefused(
      decideWith(browser, open.path, { token: open.question.token, decision: 'allow' }),
      400,
      'Choose an Asana connection',
    );
    expect((await answerConsent(browser, open, 'allow', second)).searchParams.get('code')).toMatch(/^ghc_/);
  } finally {
    await pool().query('DELETE FROM connections WHERE id = $1', [second]);
  }
});

test('AS-34: a forged X-Forwarded header turns the way back nowhere', async () => {
  const forged = {
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'gopher',
    forwarded: 'host=evil.example',
  };
  const url = authorizeUrl(setting, clientId, verifier());
  const { location } = await browser.go('GET', url, { headers: forged });
  const page = await browser.go('GET', location!.pathname);
  const { token: given } = JSON.parse(page.text) as { token: string };
  const decided = await decideWith(browser, location!.pathname, { token: given, decision: 'allow' }, forged);
  expect([location!.origin, decided.location!.origin]).toEqual([setting.origin, setting.origin]);
});
