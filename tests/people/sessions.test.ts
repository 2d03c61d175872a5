// A session in a browser: it begins only with the right password typed on this portal's page, and ends for good everywhere at once.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { encode } from 'next-auth/jwt';
import { pool } from '@/lib/db';
import { setEnv } from '@/lib/env';
import { countAttempt } from '@/lib/people/attempts';
import { authOptions } from '@/lib/portal/auth-options';
import {
  addOrganization,
  addPerson,
  attemptSignIn,
  browser,
  PASSWORD,
  signIn,
  START_MS,
  startPortal,
  type Answer,
  type Client,
  type Portal,
  type PortalOrganization,
} from '../support/portal';

const COOKIE = 'next-auth.session-token';
let portal: Portal;
let organization: PortalOrganization;
let admin: Client;
let email: string;
let named = 0;

beforeAll(async () => {
  portal = await startPortal();
  organization = await addOrganization('Aurora', 'admin@aurora.example', portal.sandbox);
  admin = await signIn(portal, 'admin@aurora.example');
}, START_MS);
afterAll(() => portal.stop());
beforeEach(async () => {
  email = `ana${(named += 1)}@aurora.example`;
  await addPerson(organization, email);
  await pool().query('DELETE FROM rate_limits');
});

/** Whether the browser's requests are somebody's: by the API, by a page, and by what next-auth says. */
async function isSignedIn(who: Client): Promise<boolean> {
  const [api, page, session] = [
    await who.call('GET', '/api/v1/me'),
    await who.call('GET', '/tokens'),
    await who.call('GET', '/api/auth/session'),
  ];
  const says = [api.status === 200, page.status === 200, Boolean(session.body.member)];
  if (!says[0]) expect([api.status, page.status, page.text.includes(email)]).toEqual([401, 307, false]);
  expect(new Set(says).size).toBe(1);
  return says[0]!;
}

/** A browser with the cookies of another, as a thief has it. */
function copyOf(original: Client): Client {
  const copy = browser(portal);
  for (const [name, value] of original.cookies) copy.cookies.set(name, value);
  return copy;
}

async function signOut(who: Client): Promise<Answer> {
  const { csrfToken } = (await who.call('GET', '/api/auth/csrf')).body;
  return who.call('POST', '/api/auth/signout', {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ csrfToken, json: 'true' }).toString(),
  });
}

const patch = (body: object) => admin.call('PATCH', `/api/v1/members/${email}`, { body });

describe('a sign-in', () => {
  test('gives a cookie that scripts can’t read and other sites’ forms don’t send, new each time', async () => {
    const first = browser(portal);
    first.cookies.set(COOKIE, 'planted-before-the-sign-in');
    const { headers } = await attemptSignIn(first, email, PASSWORD);
    const line = headers.getSetCookie().find((cookie) => cookie.startsWith(`${COOKIE}=`))!;
    expect(line).toMatch(/; Path=\/(;|$)/);
    expect(line).toMatch(/; HttpOnly(;|$)/);
    expect(line).toMatch(/; SameSite=Lax(;|$)/i);
    expect(line).not.toMatch(/Domain=/i);
    expect(await isSignedIn(first)).toBe(true);
    const second = await signIn(portal, email);
    expect(second.cookies.get(COOKIE)).not.toBe(first.cookies.get(COOKIE));
    const planted = browser(portal);
    planted.cookies.set(COOKIE, 'planted-before-the-sign-in');
    expect(await isSignedIn(planted)).toBe(false);
  });

  test('SP-09: on https pins the cookie to the host and to https', () => {
    setEnv({ GATEHOUSE_URL: 'https://gatehouse.example.com' });
    const { cookies, useSecureCookies } = authOptions();
    setEnv({ GATEHOUSE_URL: portal.origin });
    expect(useSecureCookies).toBe(true);
    expect(cookies!.sessionToken).toEqual({
      name: `__Host-${COOKIE}`,
      options: { httpOnly: true, sameSite: 'lax', path: '/', secure: true },
    });
  });

  test('that fails sounds the same for an address that nobody has, before and after the lock', async () => {
    const shown = async (who: string) => {
      const answer = await attemptSignIn(browser(portal), who, 'wrong password');
      const names = [...answer.headers.keys()].filter((name) => name !== 'date').toSorted();
      return { status: answer.status, text: answer.text.replaceAll(encodeURIComponent(who), ''), names };
    };
    const wrong = await shown(email);
    expect(wrong).toMatchObject({ status: 401, text: expect.stringContaining('CredentialsSignin') });
    expect(await shown('nobody@aurora.example')).toEqual(wrong);
    await pool().query('UPDATE members SET failed_sign_ins = 7 WHERE email = $1', [email]);
    expect(await shown(email)).toEqual(wrong);
    const locked = await shown(email);
    expect(locked).toMatchObject({ status: 401, text: expect.stringContaining('locked') });
    expect((await attemptSignIn(browser(portal), email, PASSWORD)).text).toContain('error=locked');
    for (let n = 0; n < 7; n += 1) expect(await shown('nobody@aurora.example')).toEqual(wrong);
    expect(await shown('nobody@aurora.example')).toEqual(locked);
  });

  test('needs the token of the page: not one without it, with another’s, or by GET', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const fields = { email, password: PASSWORD, json: 'true' };
    const foreign = (await browser(portal).call('GET', '/api/auth/csrf')).body.csrfToken as string;
    const none: Record<string, string> = {};
    for (const csrf of [none, { csrfToken: '' }, { csrfToken: foreign }, { csrfToken: 'x|y' }]) {
      const attempt = browser(portal);
      await attempt.call('GET', '/api/auth/csrf');
      const body = new URLSearchParams({ ...fields, ...csrf }).toString();
      await attempt.call('POST', '/api/auth/callback/credentials', { headers: form, body });
      expect(attempt.cookies.has(COOKIE)).toBe(false);
    }
    const query = new URLSearchParams(fields).toString();
    const byGet = browser(portal);
    await byGet.call('GET', `/api/auth/callback/credentials?${query}`);
    expect(byGet.cookies.has(COOKIE)).toBe(false);
    const json = browser(portal);
    await json.call('POST', '/api/auth/callback/credentials', { body: fields });
    expect(json.cookies.has(COOKIE)).toBe(false);
  });

  test('leads nowhere but to this portal, whatever page was asked for', async () => {
    const away = [
      'https://evil.example',
      '//evil.example',
      '/\\evil.example',
      `${portal.origin}@evil.example`,
    ];
    const signedIn = await signIn(portal, email);
    for (const next of [
      ...away,
      'https:evil.example',
      'javascript:alert(1)',
      '/\t/evil.example',
      '%2F%2Fevil.example',
    ]) {
      const page = await signedIn.call('GET', `/sign-in?next=${encodeURIComponent(next)}`);
      const { origin } = new URL(page.headers.get('location') ?? '', portal.origin);
      expect([next, page.status, origin]).toEqual([next, 307, portal.origin]);
    }
    for (const callbackUrl of away) {
      const via = browser(portal);
      const { csrfToken } = (await via.call('GET', '/api/auth/csrf')).body;
      const answer = await via.call('POST', '/api/auth/callback/credentials', {
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({
          csrfToken,
          email,
          password: PASSWORD,
          json: 'true',
          callbackUrl,
        }).toString(),
      });
      // Either this portal's own address, or the attempt is refused as a whole.
      const led = (answer.body?.url ?? answer.headers.get('location') ?? portal.origin) as string;
      expect([callbackUrl, new URL(led, portal.origin).origin]).toEqual([callbackUrl, portal.origin]);
    }
  });

  test('is counted for the address that the connection comes from, and for no other that is claimed', async () => {
    for (let n = 0; n < 40; n += 1) await countAttempt('127.0.0.1');
    const nothing: Record<string, string> = {};
    for (const claimed of [
      nothing,
      { 'x-forwarded-for': '203.0.113.7' },
      { 'x-gatehouse-address': '203.0.113.7' },
      { 'x-real-ip': '203.0.113.7', forwarded: 'for=203.0.113.7' },
    ]) {
      const via = browser(portal);
      const { csrfToken } = (await via.call('GET', '/api/auth/csrf')).body;
      const { text } = await via.call('POST', '/api/auth/callback/credentials', {
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...claimed },
        body: new URLSearchParams({ csrfToken, email, password: PASSWORD, json: 'true' }).toString(),
      });
      expect(text).toContain('error=locked');
    }
    await pool().query('DELETE FROM rate_limits');
    expect((await attemptSignIn(browser(portal), email, PASSWORD)).status).toBe(200);
  });

  test('takes no address or password of the wrong kind or length', async () => {
    const tries: [string, string][] = [
      ...([
        ['', ''],
        [email, ''],
        ['', PASSWORD],
        [email, 'x'.repeat(201)],
      ] as [string, string][]),
      ...([
        [`${'x'.repeat(320)}@x.example`, PASSWORD],
        [`${email}\u0000`, PASSWORD],
      ] as [string, string][]),
    ];
    for (const [who, password] of tries) {
      const { status, text } = await attemptSignIn(browser(portal), who, password);
      expect([status, text]).toEqual([401, expect.stringContaining('CredentialsSignin')]);
    }
  });
});

describe('a session', () => {
  test('SP-09: ends with the sign-out: the cookie, replayed by whoever kept it, is dead, and the person’s other browser is not', async () => {
    const [one, other] = [await signIn(portal, email), await signIn(portal, email)];
    const thief = copyOf(one);
    expect(await isSignedIn(thief)).toBe(true);
    expect((await signOut(one)).status).toBe(200);
    expect(one.cookies.has(COOKIE)).toBe(false);
    expect(await isSignedIn(thief)).toBe(false);
    expect(await isSignedIn(other)).toBe(true);
  });

  test('is not ended by another site’s page, which has no token for it', async () => {
    const ana = await signIn(portal, email);
    const form = { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://evil.example' };
    await copyOf(ana).call('POST', '/api/auth/signout', { headers: form, body: 'json=true' });
    await copyOf(ana).call('GET', '/api/auth/signout');
    expect(await isSignedIn(ana)).toBe(true);
  });

  test.each([
    ['a new role', () => patch({ role: 'auditor' })],
    ['a new password', () => patch({ password: 'another long password' })],
    ['the removal of its member', () => admin.call('DELETE', `/api/v1/members/${email}`)],
    [
      'the end of its time',
      () =>
        pool().query(
          `UPDATE sessions SET expires_at = now() - interval '1 second'
       WHERE member_id = (SELECT id FROM members WHERE email = $1)`,
          [email],
        ),
    ],
  ])('ends with %s, at the very next request', async (_, change) => {
    const [ana, neighbour] = [await signIn(portal, email), await signIn(portal, 'admin@aurora.example')];
    expect(await isSignedIn(ana)).toBe(true);
    await change();
    expect(await isSignedIn(ana)).toBe(false);
    expect(await isSignedIn(neighbour)).toBe(true);
  });

  test('survives a new name, and shows it at once', async () => {
    const ana = await signIn(portal, email);
    await patch({ name: 'Ana Renamed' });
    expect((await ana.call('GET', '/api/v1/me')).body.member.name).toBe('Ana Renamed');
  });

  test('SP-07: of a demoted admin can’t do an admin’s work, from the very next request', async () => {
    await patch({ role: 'admin' });
    const second = await signIn(portal, email);
    expect((await second.call('GET', '/api/v1/members')).status).toBe(200);
    await patch({ role: 'member' });
    expect((await second.call('POST', '/api/v1/groups', { body: { name: 'Late' } })).status).toBe(401);
    expect((await (await signIn(portal, email)).call('GET', '/api/v1/members')).status).toBe(403);
  });

  test('is nobody’s with a cookie that was changed, made with another secret, or names another session', async () => {
    const ana = await signIn(portal, email);
    const good = ana.cookies.get(COOKIE)!;
    const { rows } = await pool().query('SELECT id FROM sessions ORDER BY created_at DESC LIMIT 1');
    const sid = rows[0].id as string;
    const secret = portal.variables.GATEHOUSE_SECRET!;
    const flipped = (at: number) => good.slice(0, at) + (good[at] === 'A' ? 'B' : 'A') + good.slice(at + 1);
    const forged = [
      good.slice(0, -2),
      ...[10, 60, good.length - 60, good.length - 10].map(flipped),
      `${good}x`,
      '',
      await encode({ token: { sid }, secret: `${secret}x` }),
      await encode({ token: { sid: crypto.randomUUID() }, secret }),
      await encode({ token: { sid: [sid] as never }, secret }),
      await encode({ token: { email, sub: 'x' }, secret }),
      await encode({ token: { sid }, secret, maxAge: -60 }),
    ];
    for (const value of forged) {
      const thief = browser(portal);
      thief.cookies.set(COOKIE, value);
      expect(await isSignedIn(thief), String(forged.indexOf(value))).toBe(false);
    }
    // The twin: what the server itself would sign is somebody's.
    const twin = browser(portal);
    twin.cookies.set(COOKIE, await encode({ token: { sid }, secret }));
    expect(await isSignedIn(twin)).toBe(true);
  });
});
