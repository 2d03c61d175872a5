// Sign-in through the company against a real OpenID provider on loopback, with the built Gatehouse in between: who gets in, as whom, into
// which groups, and that nothing forged, stale or half-true opens the door.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pool, transaction } from '@/lib/db';
import { readEnv, setEnv, type EnvironmentError } from '@/lib/env';
import { findCompany } from '@/lib/directory/company';
import { mapDirectoryGroup } from '@/lib/directory/directory-groups';
import { createGroup } from '@/lib/people/groups';
import { lastEvent } from '../api/expect-answer';
import {
  addOrganization,
  addPerson,
  browser,
  freePort,
  signIn,
  START_MS,
  startPortal,
  type Client,
  type Portal,
  type PortalOrganization,
} from '../support/portal';
import { documentOf, startCompany, type Company, type Person } from './company';

let portal: Portal;
let company: Company;
let aurora: PortalOrganization;
let people = 0;

beforeAll(async () => {
  const port = await freePort();
  // The provider has to know where Gatehouse is before it is, and the other way round; the port is both's.
  const settings = {
    OIDC_ISSUER: `http://127.0.0.1:${port}`,
    OIDC_CLIENT_ID: 'gatehouse',
    OIDC_CLIENT_SECRET: 'a-secret-of-the-company-s-client',
    OIDC_GROUPS_CLAIM: 'groups',
  };
  portal = await startPortal(settings);
  company = await startCompany(`${portal.origin}/api/auth/callback/oidc`, {
    port,
    clientSecret: settings.OIDC_CLIENT_SECRET,
  });
  aurora = await addOrganization('Aurora', 'admin@aurora.example');
}, START_MS);
afterAll(async () => {
  await portal?.stop();
  await company?.close();
});
beforeEach(() => {
  company.lie = {};
});

/** A member without a password, known to the company. */
async function newcomer(more: Partial<Person> = {}): Promise<Person & { email: string }> {
  people += 1;
  const email = `person${people}@aurora.example`;
  await addPerson(aurora, email, { password: undefined });
  return { sub: `sub-${people}`, email, email_verified: true, ...more } as Person & { email: string };
}

/** What the button does: to the provider, with the address it leads to. */
async function begin(via: Client): Promise<URL> {
  const { csrfToken } = (await via.call('GET', '/api/auth/csrf')).body;
  const started = await via.call('POST', '/api/auth/signin/oidc', {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ csrfToken, callbackUrl: '/', json: 'true' }).toString(),
  });
  return new URL(started.body.url);
}

/** Through the provider's own pages, as a browser follows them; where it leads back to. */
async function atCompany(start: URL): Promise<URL> {
  const cookies = new Map<string, string>();
  let at = start;
  for (let hops = 0; hops < 10; hops += 1) {
    if (at.origin !== company.issuer) return at;
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(at, { redirect: 'manual', headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
      cookies.set(name!, value!);
    }
    const location = response.headers.get('location');
    if (!location) throw new Error(`${at.href}: ${response.status} ${await response.text()}`);
    at = new URL(location, at);
  }
  throw new Error('the provider leads in a circle');
}

/** The whole way. `outcome` is where it ends; null: signed in. */
async function enter(
  person: Person,
  via: Client = browser(portal),
): Promise<{ outcome: string | null; via: Client }> {
  company.person = person;
  const back = await atCompany(await begin(via));
  return finish(via, back);
}

async function finish(via: Client, back: URL): Promise<{ outcome: string | null; via: Client }> {
  let answer = await via.call('GET', back.pathname + back.search);
  for (let hops = 0; hops < 3; hops += 1) {
    const location = new URL(answer.headers.get('location') ?? '/', portal.origin);
    if (location.pathname === '/sign-in') return { outcome: location.searchParams.get('error'), via };
    if (location.pathname === '/') break;
    answer = await via.call('GET', location.pathname + location.search);
  }
  return { outcome: null, via };
}

const who = async (via: Client) => (await via.call('GET', '/api/auth/session')).body.member?.email ?? null;
const groupsOf = async (via: Client): Promise<string[]> =>
  ((await via.call('GET', '/api/v1/me')).body.groups as { slug: string }[]).map(({ slug }) => slug);
const identities = async () =>
  (await pool().query('SELECT count(*)::int AS n FROM identities')).rows[0].n as number;

describe('a member of the company', () => {
  test('is bound at the first sign-in, has a session like any other, and signing out ends it', async () => {
    const person = await newcomer();
    const { outcome, via } = await enter(person);
    expect([outcome, await who(via)]).toEqual([null, person.email]);
    const asked = company.asked.at(-1)!;
    expect(Object.fromEntries(asked)).toMatchObject({
      ...{ response_type: 'code', code_challenge_method: 'S256', client_id: 'gatehouse' },
      ...{ state: expect.stringMatching(/.{20}/), nonce: expect.stringMatching(/.{20}/) },
    });
    const admin = await signIn(portal, 'admin@aurora.example');
    const { records } = (await admin.call('GET', '/api/v1/audit?kind=event&limit=10')).body;
    const events = (records as any[]).filter(({ member }) => member === person.email);
    expect(events).toMatchObject([
      { action: 'member.signed_in', after: { through: company.issuer } },
      { action: 'member.bound_to_company', after: { issuer: company.issuer, subject: person.sub } },
    ]);
    const { csrfToken } = (await via.call('GET', '/api/auth/csrf')).body;
    await via.call('POST', '/api/auth/signout', {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ csrfToken, json: 'true' }).toString(),
    });
    expect(await who(via)).toBeNull();
  });

  test('is known by issuer and subject from then on: another address at the company, verified or not, moves nobody', async () => {
    const [person, other] = [await newcomer(), await newcomer()];
    expect((await enter(person)).outcome).toBeNull();
    for (const email_verified of [true, false]) {
      const renamed = await enter({ ...person, email: other.email, email_verified });
      expect([renamed.outcome, await who(renamed.via)]).toEqual([null, person.email]);
    }
    // And who the address belongs to still gets in as themselves.
    const own = await enter(other);
    expect(await who(own.via)).toBe(other.email);
  });

  test('SP-12: is not another person at the company who got the same address later, until an admin releases the old one', async () => {
    const person = await newcomer();
    expect((await enter(person)).outcome).toBeNull();
    const successor = { ...person, sub: `${person.sub}-later` };
    const refused = await enter(successor);
    expect([refused.outcome, await who(refused.via)]).toEqual(['company_bound', null]);
    const admin = await signIn(portal, 'admin@aurora.example');
    const released = await admin.call('DELETE', `/api/v1/members/${person.email}/identity`);
    expect(released.status).toBe(204);
    expect((await enter(successor)).outcome).toBeNull();
    expect((await enter(person)).outcome).toBe('company_bound');
  });

  test('SP-11: is found by a verified address only: an unverified, missing or worded claim binds nobody, and is on record', async () => {
    const admin = await signIn(portal, 'admin@aurora.example');
    for (const email_verified of [false, undefined, 'true', 1, null]) {
      const person = await newcomer({ email_verified });
      const before = await identities();
      const { outcome, via } = await enter(person);
      expect([email_verified, outcome, await who(via)]).toEqual([email_verified, 'company_unverified', null]);
      expect(await identities()).toBe(before);
      expect(await lastEvent(admin)).toMatchObject({
        ...{ action: 'member.sign_in_refused', target: `member:${person.email}` },
        after: { reason: 'company_unverified' },
      });
      // The same person, verified: nothing of the refusal is in the way.
      expect((await enter({ ...person, email_verified: true })).outcome).toBeNull();
    }
  });

  test('SP-10: is nobody else by a look-alike, a list, or another case than ASCII’s', async () => {
    await addPerson(aurora, 'kim@aurora.example', { password: undefined });
    for (const [n, email] of [
      '\u212Aim@aurora.example',
      'kim@aurora.example,eve@evil.example',
      '"kim@aurora.example"@evil.example',
      'kim@aurora.example.',
      'kim\u0000@aurora.example',
    ].entries()) {
      const { outcome } = await enter({ sub: `like-kim-${n}`, email, email_verified: true });
      expect([email, outcome]).toEqual([email, 'company_unknown']);
    }
    const { outcome, via } = await enter({ sub: 'kim', email: 'Kim@Aurora.example', email_verified: true });
    expect([outcome, await who(via)]).toEqual([null, 'kim@aurora.example']);
  });

  test('must be here already: whom nobody added is refused with a sentence', async () => {
    const stranger = { sub: 'stranger', email: 'stranger@aurora.example', email_verified: true };
    const { outcome, via } = await enter(stranger);
    expect([outcome, await who(via)]).toEqual(['company_unknown', null]);
    const page = await via.call('GET', `/sign-in?error=${outcome}`);
    expect(page.text).toContain('You have no account here yet');
  });

  test('ends with the binding when offboarded, and an address that comes back is bound anew', async () => {
    const person = await newcomer();
    const { via } = await enter(person);
    const admin = await signIn(portal, 'admin@aurora.example');
    await admin.call('DELETE', `/api/v1/members/${person.email}`);
    expect([await who(via), (await enter(person)).outcome]).toEqual([null, 'company_unknown']);
  });
});

describe('a sign-in', () => {
  const claims = (change: Record<string, unknown>) => () => ({
    claims: (all: Record<string, unknown>) => ({ ...all, ...change }),
  });
  const now = () => Math.floor(Date.now() / 1000);
  const LIES: Record<string, () => Company['lie']> = {
    'another nonce': claims({ nonce: 'of another browser' }),
    'no nonce': claims({ nonce: undefined }),
    'another issuer': claims({ iss: 'https://evil.example' }),
    'another audience': claims({ aud: 'another-client' }),
    'several audiences, of which another is meant': claims({ aud: ['gatehouse', 'other'], azp: 'other' }),
    'a time that is over': () => claims({ exp: now() - 60, iat: now() - 120 })(),
    'no time at all': claims({ exp: undefined }),
    'a time that is yet to come': () => claims({ iat: now(), nbf: now() + 600 })(),
    'a signature by an unknown key': () => ({ foreignKey: true }),
    'a token endpoint that answers nonsense': () => ({ token: (response) => response.end('<p>Hello</p>') }),
    'a token endpoint that is broken': () => ({
      token: (response) => {
        response.statusCode = 503;
        response.end('{}');
      },
    }),
    'a token endpoint that hangs up': () => ({ token: (response) => void response.destroy() }),
    'an ID token that is none': () => ({
      token: (response) => {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ access_token: 'a', token_type: 'Bearer', id_token: 'a.b.c' }));
      },
    }),
    'an unsigned ID token': () => ({
      token: (response) => {
        const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
        const body = { iss: company.issuer, sub: 'x', aud: 'gatehouse', exp: now() + 60, iat: now() };
        response.setHeader('content-type', 'application/json');
        response.end(
          JSON.stringify({
            access_token: 'a',
            token_type: 'Bearer',
            id_token: `${part({ alg: 'none' })}.${part(body)}.`,
          }),
        );
      },
    }),
  };

  test.each(Object.entries(LIES))('is refused with %s, and its truthful twin is not', async (_, lie) => {
    const person = await newcomer();
    company.lie = lie();
    const before = await identities();
    const { outcome, via } = await enter(person);
    expect([outcome, await who(via), await identities()]).toEqual(['OAuthCallback', null, before]);
    expect((await via.call('GET', `/sign-in?error=${outcome}`)).text).toContain('could not be verified');
    company.lie = {};
    expect((await enter(person)).outcome).toBeNull();
  });

  test('is refused with another state, with none, in another browser, and a second time', async () => {
    const person = await newcomer();
    company.person = person;
    const via = browser(portal);
    const back = await atCompany(await begin(via));
    const forged = (state: string | null) => {
      const url = new URL(back);
      if (state === null) url.searchParams.delete('state');
      else url.searchParams.set('state', state);
      return url;
    };
    for (const [browserOf, url] of [
      [via, forged('another')],
      [via, forged(null)],
      [browser(portal), back],
    ] as const) {
      const { outcome } = await finish(browserOf, url);
      expect([outcome, await who(browserOf)]).toEqual(['OAuthCallback', null]);
    }
    // The code was never spent; the browser that began may finish, once.
    const own = browser(portal);
    company.person = person;
    const once = await atCompany(await begin(own));
    expect((await finish(own, once)).outcome).toBeNull();
    const again = browser(portal);
    for (const [name, value] of own.cookies)
      if (!name.includes('session-token')) again.cookies.set(name, value);
    expect((await finish(again, once)).outcome).toBe('OAuthCallback');
    expect(await who(again)).toBeNull();
  });

  test('leaves neither code, token nor secret in the log', async () => {
    const written = portal.output();
    expect(written).toContain('OAUTH_CALLBACK_ERROR');
    for (const secret of [company.clientSecret, 'id_token":"', 'eyJ', 'of another browser'])
      expect(written.includes(secret), secret).toBe(false);
  });
});

describe('groups of the company', () => {
  test('decide exactly the mapped groups and those called like them at each sign-in; an admin’s others stay', async () => {
    const person = await newcomer();
    for (const name of ['Mapped', 'Plain', 'Manual', 'Other'])
      await transaction((tx) =>
        createGroup(tx, aurora.actor, {
          ...{ name, tools: ['get_me'] },
          members: name === 'Manual' || name === 'Other' ? [person.email] : [],
        }),
      );
    await transaction((tx) =>
      mapDirectoryGroup(tx, aurora.actor, { name: 'ACME Designers', group: 'mapped' }),
    );
    await transaction((tx) => mapDirectoryGroup(tx, aurora.actor, { name: 'ACME Others', group: 'other' }));
    const after = async (groups: unknown) => {
      const { outcome, via } = await enter({ ...person, groups });
      expect(outcome).toBeNull();
      return (await groupsOf(via)).toSorted();
    };
    // Mapped by name, not by slug; called like it by slug; in "other" no longer, for the company does not say so.
    expect(await after(['ACME Designers', 'plain', 'nothing here', 7])).toEqual([
      'manual',
      'mapped',
      'plain',
    ]);
    const admin = await signIn(portal, 'admin@aurora.example');
    const { records } = (await admin.call('GET', '/api/v1/audit?kind=event&limit=5')).body;
    expect((records as any[]).find(({ action }) => action === 'member.groups_claimed')).toMatchObject({
      ...{ target: `member:${person.email}`, member: person.email },
      before: { groups: ['manual', 'other'] },
      after: { groups: ['manual', 'mapped', 'plain'] },
    });
    expect(await after(['mapped', 'manual'])).toEqual(['manual']);
    expect(await after('ACME Others')).toEqual(['manual', 'other']);
    // No claim at all names no group; what the admin gave stays.
    expect(await after(undefined)).toEqual(['manual']);
  });
});

describe('the provider', () => {
  /** What a process of its own makes of a document; none is believed yet, for each comes from another address. */
  const attempt = async (answer: (response: ServerResponse, issuer: string) => void, issuer?: string) => {
    const server = createServer((_, response) => answer(response, own));
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const own = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    setEnv({ OIDC_ISSUER: issuer ?? own, OIDC_CLIENT_ID: 'x', OIDC_CLIENT_SECRET: 'y' });
    const outcome = await findCompany().then(
      (found) => found?.issuer === own,
      (error: unknown) => (error as Error).message,
    );
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    return outcome;
  };
  const document = (change: object) => (response: ServerResponse, issuer: string) =>
    response.end(JSON.stringify({ ...documentOf(issuer), ...change }));
  const answer =
    (body: string, status = 200) =>
    (response: ServerResponse) => {
      response.statusCode = status;
      response.end(body);
    };

  test('is believed when its document names the configured issuer, and not when it is away, broken or names another', async () => {
    expect(await attempt(document({}))).toBe(true);
    expect(await attempt(document({ issuer: 'https://evil.example' }))).toMatch(/another issuer/);
    expect(await attempt(document({ token_endpoint: 'ftp://evil.example' }))).toMatch(/not usable/);
    expect(await attempt(document({ jwks_uri: undefined }))).toMatch(/not usable/);
    expect(await attempt(answer('<html>'))).toMatch(/no JSON/);
    expect(await attempt(answer('{}', 500))).toMatch(/HTTP 500/);
    expect(await attempt(answer('x'.repeat(300_000)))).toMatch(/too_large/);
    expect(await attempt(answer(''), 'http://127.0.0.1:9')).toMatch(/unreachable/);
    expect(await attempt(() => undefined)).toMatch(/timeout/);
  });

  test('is away: sign-in comes back with a sentence, and a password still opens the door', async () => {
    await company.close();
    const via = browser(portal);
    // Its document is still believed, so the browser is sent there and finds nothing; the way back fails in words.
    const back = new URL(`${portal.origin}/api/auth/callback/oidc?code=x&state=y`);
    await begin(via);
    expect((await finish(via, back)).outcome).toBe('OAuthCallback');
    const page = await via.call('GET', '/sign-in?error=OAuthSignin');
    expect(page.text).toContain('can\u2019t be reached');
    expect(await who(await signIn(portal, 'admin@aurora.example'))).toBe('admin@aurora.example');
  });
});

describe('the variables', () => {
  const problems = (given: Record<string, string>) => {
    try {
      readEnv(given);
      return [];
    } catch (error) {
      return (error as EnvironmentError).problems;
    }
  };
  const whole = { OIDC_ISSUER: 'https://id.example', OIDC_CLIENT_ID: 'a', OIDC_CLIENT_SECRET: 'b' };

  test('belong together; half of them, an insecure issuer, or a claim without one stops the start with a sentence', () => {
    expect(problems(whole)).toEqual([]);
    expect(
      problems({ ...whole, OIDC_ISSUER: 'https://id.example/tenant/', OIDC_GROUPS_CLAIM: 'groups' }),
    ).toEqual([]);
    const { OIDC_CLIENT_SECRET: _, ...half } = whole;
    expect(problems(half)).toEqual([expect.stringContaining('belong together')]);
    expect(problems({ OIDC_GROUPS_CLAIM: 'groups' })).toEqual([expect.stringContaining('OIDC_GROUPS_CLAIM')]);
    for (const issuer of [
      'http://id.example',
      'id.example',
      'https://a@id.example',
      'https://id.example?x=1',
    ])
      expect(problems({ ...whole, OIDC_ISSUER: issuer }), issuer).toEqual([
        expect.stringContaining('OIDC_ISSUER'),
      ]);
    expect(
      problems({ ...whole, OIDC_ISSUER: 'http://localhost:1', GATEHOUSE_ALLOW_INSECURE_UPSTREAM: '1' }),
    ).toEqual([]);
  });
});
