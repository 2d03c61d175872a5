// Whatever happens while tokens are renewed: one refresh at a time, nobody disconnected but by Asana's clear word, nothing lost.
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { saveAsanaApp } from '@/lib/asana/asana-app';
import { freshAccessToken, isDueAhead, RefreshFailure } from '@/lib/asana/refresh';
import { startRefreshSweep, sweepOnce } from '@/lib/asana/refresh-sweep';
import { readTokenRow, type TokenRow } from '@/lib/asana/token-lease';
import { listFailingConnections, readRefreshFailures } from '@/lib/asana/refresh-failures';
import { pool, transaction } from '@/lib/db';
import type { Sandbox } from '@/lib/sandbox/start-sandbox';
import { openSecret, placeOf } from '@/lib/vault/vault';
import * as setting from './setting';
import {
  addConnection,
  addPerson,
  connect,
  connectionsOf,
  eventsOf,
  isRefresh,
  lastConnectOf,
  until,
} from './setting';

let sandbox: Sandbox;
let close: () => Promise<void>;
beforeAll(async () => ({ sandbox, close } = await setting.startSetting()));
afterAll(() => close());
beforeEach(() => sandbox.reset());

const refreshes = () => sandbox.log.count(isRefresh);
const EXPIRED = { leftMs: -1_000 };
const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'succeeded',
    (error: unknown) => (error instanceof RefreshFailure ? error.kind : error),
  );
/** Whether Asana's MCP server takes the token. */
const works = async (accessToken: string) => {
  const answer = await fetch(sandbox.mcpUrl, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${accessToken}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({
      ...{ jsonrpc: '2.0', id: 1, method: 'initialize' },
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
    }),
  });
  await answer.text();
  return answer.status === 200;
};
/** What a failure leaves in the row: that it was. */
const restingNow = { refresh_failures: expect.any(Number) };
const storedRefreshToken = async (person: setting.Person, id: string) =>
  openSecret(
    placeOf(person.organizationId, 'connections', 'refresh_token', id),
    (await connectionsOf(person)).find((row) => row.id === id)!.refresh_token,
  );

describe('a token', () => {
  test('with more than a minute left is used as it is, from the row that admission read, without any I/O', async () => {
    const person = await addPerson(sandbox);
    const connection = await addConnection(sandbox, person);
    expect((await freshAccessToken(connection)).accessToken).toBe(connection.accessToken);
    const [row] = await connectionsOf(person);
    const known = {
      ...{ organizationId: person.organizationId, id: connection.id, status: 'active' as const },
      ...{ accessToken: row!.access_token, accessExpiresAt: new Date(Date.now() + 3_600_000), generation: 1 },
    };
    await pool().query('DELETE FROM connections WHERE id = $1', [connection.id]);
    expect((await freshAccessToken(known)).accessToken).toBe(connection.accessToken);
    expect(refreshes()).toBe(0);
  });

  test('that has expired, or is about to, is renewed and stored, and works', async () => {
    for (const leftMs of [-1_000, 30_000]) {
      const person = await addPerson(sandbox);
      const connection = await addConnection(sandbox, person, { leftMs });
      const fresh = await freshAccessToken(connection);
      expect(fresh.accessToken).not.toBe(connection.accessToken);
      expect(fresh.generation).toBe(2);
      expect(fresh.expiresAt.getTime() - Date.now()).toBeGreaterThan(3_500_000);
      expect(await works(fresh.accessToken)).toBe(true);
      expect(await freshAccessToken(connection)).toEqual(fresh);
    }
    expect(refreshes()).toBe(2);
  });

  test('with a few minutes left is used while it is renewed in the background, once', async () => {
    const person = await addPerson(sandbox);
    const connection = await addConnection(sandbox, person, { leftMs: 61_000 });
    const tokens = await Promise.all(Array.from({ length: 10 }, () => freshAccessToken(connection)));
    expect(new Set(tokens.map(({ accessToken }) => accessToken))).toEqual(new Set([connection.accessToken]));
    await until(async () => (await connectionsOf(person))[0]!.generation === 2);
    expect(refreshes()).toBe(1);
  });

  test('that was refused with 401 is renewed though it has not expired; a newer one is taken instead', async () => {
    const person = await addPerson(sandbox);
    const connection = await addConnection(sandbox, person);
    const forced = await Promise.all([1, 2, 3].map(() => freshAccessToken(connection, { force: 1 })));
    expect(new Set(forced.map(({ generation }) => generation))).toEqual(new Set([2]));
    expect(refreshes()).toBe(1);
    expect((await freshAccessToken(connection, { force: 1 })).generation).toBe(2);
    expect(refreshes()).toBe(1);
    expect((await freshAccessToken(connection, { force: 2 })).generation).toBe(3);
    expect(refreshes()).toBe(2);
  });

  test('of a connection that is gone, or another organization’s, needs a reconnect', async () => {
    const person = await addPerson(sandbox);
    const stranger = await addPerson(sandbox);
    const { id } = await addConnection(sandbox, person);
    expect(await failureOf(freshAccessToken({ organizationId: stranger.organizationId, id }))).toBe(
      'needs_reconnect',
    );
    expect(await failureOf(freshAccessToken({ ...person, id: crypto.randomUUID() }))).toBe('needs_reconnect');
    expect(await failureOf(freshAccessToken({ ...person, id }))).toBe('succeeded');
  });
});

test('UF-17: fifty callers of one process share one refresh', async () => {
  const person = await addPerson(sandbox);
  const connection = await addConnection(sandbox, person, EXPIRED);
  const tokens = await Promise.all(Array.from({ length: 50 }, () => freshAccessToken(connection)));
  expect(new Set(tokens.map(({ accessToken }) => accessToken)).size).toBe(1);
  expect(refreshes()).toBe(1);
});

describe('OC-14: a refresh answer', () => {
  test('without a refresh token (Asana’s normal one) keeps the old', async () => {
    const person = await addPerson(sandbox);
    const connection = await addConnection(sandbox, person, EXPIRED);
    await freshAccessToken(connection);
    expect(await storedRefreshToken(person, connection.id)).toBe(connection.refreshToken);
  });

  test('with a new refresh token replaces the old, again and again', async () => {
    sandbox.set({ rotateRefreshTokens: true });
    const person = await addPerson(sandbox);
    const connection = await addConnection(sandbox, person, EXPIRED);
    await freshAccessToken(connection);
    const second = await storedRefreshToken(person, connection.id);
    expect(second).not.toBe(connection.refreshToken);
    expect((await freshAccessToken(connection, { force: 2 })).generation).toBe(3);
    expect(await storedRefreshToken(person, connection.id)).not.toBe(second);
  });
});

describe('OC-15: an error of the token endpoint', () => {
  test.each(['500', '503', '429', 'nonsense', 'html', 'redirect', 'drop-before'] as const)(
    '%s is transient: nothing is thrown away, and the next try works',
    async (tokenFault) => {
      sandbox.set({ tokenFault, retryAfterSeconds: null });
      const person = await addPerson(sandbox);
      const connection = await addConnection(sandbox, person, EXPIRED);
      const before = await connectionsOf(person);
      expect(await failureOf(freshAccessToken(connection))).toBe('transient');
      expect(await connectionsOf(person)).toEqual(before.map((row) => ({ ...row, ...restingNow })));
      // OC-09: the refresh token and the secret never follow a redirect.
      expect(sandbox.log.count(({ path }) => path === '/redirect-trap')).toBe(0);
      sandbox.set({ tokenFault: null });
      expect((await freshAccessToken(connection)).generation).toBe(2);
    },
  );

  test('a hanging endpoint is given up after ten seconds, and the connection stays', async () => {
    sandbox.set({ tokenFault: 'hang' });
    const person = await addPerson(sandbox);
    const connection = await addConnection(sandbox, person, EXPIRED);
    const startedMs = Date.now();
    expect(await failureOf(freshAccessToken(connection))).toBe('transient');
    expect(Date.now() - startedMs).toBeLessThan(11_000);
    expect(refreshes()).toBe(2); // its answer may have been lost, so the same token is offered once more
    expect(await connectionsOf(person)).toMatchObject([{ status: 'active', generation: 1 }]);
    sandbox.set({ tokenFault: null });
    expect((await freshAccessToken(connection)).generation).toBe(2);
  });

  test('UF-04: 429 with Retry-After is not asked again before, and the wait is passed on', async () => {
    sandbox.set({ tokenFault: '429', retryAfterSeconds: 60 });
    const person = await addPerson(sandbox);
    const connection = await addConnection(sandbox, person, EXPIRED);
    for (let n = 0; n < 3; n += 1)
      await expect(freshAccessToken(connection)).rejects.toMatchObject({
        kind: 'transient',
        retryAfterMs: expect.toSatisfy((ms: number) => ms > 58_000 && ms <= 60_000),
      });
    expect(refreshes()).toBe(1);
  });

  test('OC-16: invalid_client is the app’s problem: an alarm, nobody disconnected, well again with the new secret', async () => {
    const person = await addPerson(sandbox);
    const connection = await addConnection(sandbox, person, EXPIRED);
    const { clientId } = sandbox.addApp({ ...sandbox.apps[0], clientSecret: 'reset-at-asana' });
    expect(await failureOf(freshAccessToken(connection))).toBe('transient');
    expect(await connectionsOf(person)).toMatchObject([{ status: 'active', generation: 1 }]);
    expect(await lastConnectOf(person)).toBe('invalid_client');
    await transaction((tx) => saveAsanaApp(tx, person.actor, { clientId, clientSecret: 'reset-at-asana' }));
    expect((await freshAccessToken(connection)).generation).toBe(2);
    expect(await lastConnectOf(person)).not.toBe('invalid_client');
  });

  test('OC-16: an alarm ends by itself when Asana takes the credentials again', async () => {
    const person = await addPerson(sandbox);
    const connection = await addConnection(sandbox, person, EXPIRED);
    sandbox.set({ tokenFault: 'invalid_client', tokenFaultCount: 1 });
    expect(await failureOf(freshAccessToken(connection))).toBe('transient');
    expect(await lastConnectOf(person)).toBe('invalid_client');
    await freshAccessToken(connection);
    expect(await lastConnectOf(person)).toBe('ok');
  });
});

describe('UF-22: an authorization that the person ended at Asana', () => {
  test('needs a reconnect, is on record once however many callers there are, and is asked for no more', async () => {
    const person = await addPerson(sandbox);
    const connection = await addConnection(sandbox, person, EXPIRED);
    sandbox.revokeAll({ email: person.email });
    const failures = await Promise.all(
      Array.from({ length: 20 }, () => failureOf(freshAccessToken(connection))),
    );
    expect(new Set(failures)).toEqual(new Set(['needs_reconnect']));
    expect(refreshes()).toBe(1);
    expect(await connectionsOf(person)).toMatchObject([{ status: 'needs_reconnect' }]);
    const told = (await eventsOf(person)).filter(({ action }) => action === 'connection.needs_reconnect');
    expect(told).toEqual([expect.objectContaining({ target: `connection:${connection.id}` })]);
    expect(await failureOf(freshAccessToken(connection))).toBe('needs_reconnect');
    expect(refreshes()).toBe(1);
    expect(await connect(person)).toEqual({ connected: connection.id });
    expect(await works((await freshAccessToken(connection)).accessToken)).toBe(true);
  });
});

describe('UF-23: while the token endpoint fails', () => {
  test('the present token is used as long as it lives, without asking on every call', async () => {
    sandbox.set({ tokenFault: '503', retryAfterSeconds: null });
    const person = await addPerson(sandbox);
    const connection = await addConnection(sandbox, person, { leftMs: 30_000 });
    for (let n = 0; n < 10; n += 1)
      expect((await freshAccessToken(connection)).accessToken).toBe(connection.accessToken);
    expect(refreshes()).toBe(1);
    expect(await connectionsOf(person)).toMatchObject([{ status: 'active', generation: 1 }]);
  });

  test('a token that Asana refused (401) is not used again', async () => {
    sandbox.set({ tokenFault: '503', retryAfterSeconds: null });
    const person = await addPerson(sandbox);
    const connection = await addConnection(sandbox, person, { leftMs: 30_000 });
    expect(await failureOf(freshAccessToken(connection, { force: 1 }))).toBe('transient');
  });
});

describe('a refresh that fails', () => {
  test('is on record once an hour for the same tokens and reason, and its connection is named until new tokens are stored', async () => {
    sandbox.set({ tokenFault: '503', retryAfterSeconds: null });
    const person = await addPerson(sandbox);
    const connection = await addConnection(sandbox, person, EXPIRED);
    const { organizationId } = person;
    const recorded = async () =>
      (await eventsOf(person)).filter(({ action }) => action === 'connection.refresh_failed');
    for (let n = 0; n < 2; n += 1) expect(await failureOf(freshAccessToken(connection))).toBe('transient');
    expect(refreshes()).toBe(2);
    expect(await recorded()).toMatchObject([
      { target: `connection:${connection.id}`, after: { reason: 'server_error', generation: 1 } },
    ]);
    expect(await readRefreshFailures(organizationId)).toEqual({ lastDay: 1, lastAt: expect.any(Date) });
    expect(await listFailingConnections(organizationId)).toMatchObject([
      { member: person.email, status: 'active', reason: 'server_error' },
    ]);
    sandbox.set({ tokenFault: null });
    await freshAccessToken(connection);
    expect(await listFailingConnections(organizationId)).toEqual([]);
    expect(await recorded()).toHaveLength(1);
    expect((await readRefreshFailures((await addPerson(sandbox)).organizationId)).lastDay).toBe(0);
  });

  test('because Asana ended the authorization counts too, and is named until its person reconnects', async () => {
    sandbox.set({ tokenFault: 'invalid_grant' });
    const person = await addPerson(sandbox);
    const connection = await addConnection(sandbox, person, EXPIRED);
    expect(await failureOf(freshAccessToken(connection))).toBe('needs_reconnect');
    expect(await readRefreshFailures(person.organizationId)).toMatchObject({ lastDay: 1 });
    expect(await listFailingConnections(person.organizationId)).toMatchObject([
      { status: 'needs_reconnect', reason: null },
    ]);
  });
});

describe('an outage of the token endpoint', () => {
  test('is asked less and less: after two failures calls are refused at once for a second, then two, in all processes', async () => {
    sandbox.set({ tokenFault: '503', retryAfterSeconds: null });
    const person = await addPerson(sandbox);
    const connection = await addConnection(sandbox, person, EXPIRED);
    const ask = () => failureOf(freshAccessToken(connection));
    for (let n = 0; n < 20; n += 1) expect(await ask()).toBe('transient');
    expect(refreshes()).toBe(3);
    const rest = async () => (await readTokenRow(person.organizationId, connection.id))!.restMs;
    expect(await rest()).toBeGreaterThan(0);
    await until(async () => (await rest()) === 0);
    for (let n = 0; n < 20; n += 1) expect(await ask()).toBe('transient');
    expect(refreshes()).toBe(4);
    expect(await connectionsOf(person)).toMatchObject([
      { status: 'active', generation: 1, refresh_failures: 4 },
    ]);
    sandbox.set({ tokenFault: null });
    await pool().query('UPDATE connections SET refresh_after = now()');
    expect((await freshAccessToken(connection)).generation).toBe(2);
    expect(await connectionsOf(person)).toMatchObject([{ refresh_failures: 0, refresh_after: null }]);
  });

  test('ends for the app’s people as soon as an admin saves another secret', async () => {
    sandbox.set({ tokenFault: 'invalid_client', tokenFaultCount: 3 });
    const person = await addPerson(sandbox);
    const connection = await addConnection(sandbox, person, EXPIRED);
    for (let n = 0; n < 5; n += 1) expect(await failureOf(freshAccessToken(connection))).toBe('transient');
    expect(refreshes()).toBe(3);
    const { clientId, clientSecret } = sandbox.apps[0]!;
    await transaction((tx) => saveAsanaApp(tx, person.actor, { clientId, clientSecret }));
    expect((await freshAccessToken(connection)).generation).toBe(2);
  });
});

describe('the sweep', () => {
  const generationOf = async (person: setting.Person) => (await connectionsOf(person))[0]!.generation;

  test('renews what was used lately before it ends, each connection at a moment of its own, and nothing else', async () => {
    await pool().query('DELETE FROM connections');
    const of = async (leftMs: number, change = '') => {
      const person = await addPerson(sandbox);
      const { id } = await addConnection(sandbox, person, { leftMs });
      if (change) await pool().query(`UPDATE connections SET ${change} WHERE id = $1`, [id]);
      return person;
    };
    const due = await of(59_000);
    const used = await of(59_000, `last_used_at = now(), authorized_at = now() - interval '9 days'`);
    const early = await of(299_000); // its moment is later than the earliest of all
    const fresh = await of(3_600_000);
    const unused = await of(59_000, `authorized_at = now() - interval '9 days'`);
    const ended = await of(59_000, `status = 'needs_reconnect'`);
    const resting = await of(59_000, `refresh_failures = 3, refresh_after = now() + interval '1 minute'`);
    const failed = await of(3_600_000, 'refresh_failures = 1');
    await pool().query(
      `UPDATE connections SET id = '00000000-0000-4000-8000-000000000001' WHERE organization_id = $1`,
      [early.organizationId],
    );
    expect(await sweepOnce()).toBe(3);
    for (const person of [due, used, failed]) expect(await generationOf(person)).toBe(2);
    for (const person of [early, fresh, unused, ended, resting]) expect(await generationOf(person)).toBe(1);
    expect(refreshes()).toBe(3);
    expect(await sweepOnce()).toBe(0);
  });

  test('UF-25: tokens that end in one minute are renewed over four, a few at a time, and no caller meets one that ended', async () => {
    // As many as a large company issues at the top of an hour; each of them has a moment of its own.
    const endsAt = Date.now() + 300_000;
    const rows = Array.from({ length: 10_000 }, () => ({
      id: crypto.randomUUID(),
      accessExpiresAt: new Date(endsAt),
    }));
    const dueAt = (leftMs: number) => {
      vi.setSystemTime(endsAt - leftMs);
      return rows.filter((row) => isDueAhead(row as TokenRow)).length;
    };
    const due = Array.from({ length: 25 }, (_, n) => dueAt(300_000 - n * 10_000));
    vi.useRealTimers();
    expect([due[0], due[24]]).toEqual([0, 10_000]);
    for (let n = 1; n < due.length; n += 1) {
      const share = (due[n]! - due[n - 1]!) / 10_000;
      expect(Math.abs(share - 1 / 24)).toBeLessThan(0.5 / 24);
    }

    await pool().query('DELETE FROM connections');
    const crowd: { organizationId: string; id: string }[] = [];
    const person = await addPerson(sandbox);
    for (let n = 0; n < 60; n += 1) {
      const one = await addPerson(sandbox, { organizationId: person.organizationId });
      crowd.push(await addConnection(sandbox, one, { leftMs: 59_000 }));
    }
    let most = 0;
    const watching = setInterval(() => {
      void pool()
        .query<{ n: number }>(`SELECT count(*)::int AS n FROM connections WHERE lease_until > now()`)
        .then(({ rows: [leases] }) => (most = Math.max(most, leases!.n)));
    }, 5);
    expect(await sweepOnce()).toBe(60);
    clearInterval(watching);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(4);
    const before = refreshes();
    await Promise.all(crowd.map((connection) => freshAccessToken(connection)));
    expect([before, refreshes()]).toEqual([60, 60]);
  });

  test('UF-26: a connection that was idle for weeks is renewed once a day, and where Asana ended it the person is told before an agent needs it', async () => {
    await pool().query('DELETE FROM connections');
    const idle = `authorized_at = now() - interval '40 days', last_used_at = now() - interval '30 days'`;
    const of = async (endedHoursAgo: number) => {
      const person = await addPerson(sandbox);
      const { id } = await addConnection(sandbox, person, { leftMs: -endedHoursAgo * 3_600_000 });
      await pool().query(`UPDATE connections SET ${idle} WHERE id = $1`, [id]);
      return { person };
    };
    const [recent, due, ended] = [await of(23), await of(25), await of(25)];
    sandbox.revokeAll({ email: ended.person.email });
    expect(await sweepOnce()).toBe(2);
    expect(await generationOf(recent.person)).toBe(1);
    expect(await generationOf(due.person)).toBe(2);
    expect((await connectionsOf(ended.person))[0]!.status).toBe('needs_reconnect');
    expect((await eventsOf(ended.person)).map(({ action }) => action)).toContain(
      'connection.needs_reconnect',
    );
    expect(await sweepOnce()).toBe(0);
  });

  test('goes on by itself: a rotation whose answer was lost is repeated though nobody calls, and it ends when told', async () => {
    sandbox.set({
      rotateRefreshTokens: true,
      predecessorGraceMs: 10_000,
      loseRefreshAnswer: true,
      tokenFaultCount: 2,
    });
    const person = await addPerson(sandbox);
    const connection = await addConnection(sandbox, person);
    expect(await failureOf(freshAccessToken(connection, { force: 1 }))).toBe('transient');
    const stop = startRefreshSweep({ intervalMs: 50 });
    await until(async () => (await generationOf(person)) === 2);
    await stop();
    await pool().query('UPDATE connections SET access_expires_at = now()');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await generationOf(person)).toBe(2);
    expect((await eventsOf(person)).map(({ action }) => action)).not.toContain('connection.needs_reconnect');
  });
});

describe('UF-20: when the answer to a refresh is lost', () => {
  test('the old refresh token is tried once more, which is enough where Asana does not rotate', async () => {
    sandbox.set({ loseRefreshAnswer: true, tokenFaultCount: 1 });
    const person = await addPerson(sandbox);
    const connection = await addConnection(sandbox, person, EXPIRED);
    expect((await freshAccessToken(connection)).generation).toBe(2);
    expect(refreshes()).toBe(2);
  });

  test('and Asana has rotated, it ends with a reconnect on record: two requests, no silent loop', async () => {
    sandbox.set({ loseRefreshAnswer: true, rotateRefreshTokens: true, tokenFaultCount: 1 });
    const person = await addPerson(sandbox);
    const connection = await addConnection(sandbox, person, EXPIRED);
    expect(await failureOf(freshAccessToken(connection))).toBe('needs_reconnect');
    expect(refreshes()).toBe(2);
    expect((await eventsOf(person)).at(-1)).toMatchObject({ action: 'connection.needs_reconnect' });
  });
});

describe('while a refresh is under way', () => {
  test('no connection to the database is held', async () => {
    const person = await addPerson(sandbox);
    const connection = await addConnection(sandbox, person, EXPIRED);
    sandbox.set({ tokenFault: 'slow', slowMs: 600, tokenFaultCount: 1 });
    const refreshing = freshAccessToken(connection);
    await until(() => refreshes() === 1);
    expect(pool().totalCount - pool().idleCount).toBe(0);
    await refreshing;
  });

  test('UF-27: a stale invalid_grant does not clear what a sibling stored meanwhile; its token is taken', async () => {
    const person = await addPerson(sandbox);
    const connection = await addConnection(sandbox, person, EXPIRED);
    sandbox.revokeAll({ email: person.email });
    sandbox.set({ tokenFault: 'slow', slowMs: 600, tokenFaultCount: 1 });
    const refreshing = freshAccessToken(connection);
    await until(() => refreshes() === 1);
    expect(await connect(person)).toEqual({ connected: connection.id });
    const fresh = await refreshing;
    expect(fresh.generation).toBe(2);
    expect(await works(fresh.accessToken)).toBe(true);
    expect(await connectionsOf(person)).toMatchObject([{ status: 'active', generation: 2 }]);
    expect((await eventsOf(person)).map(({ action }) => action)).not.toContain('connection.needs_reconnect');
  });

  test('UF-28: a reconnect wins over it, and the refresh token that lost is revoked', async () => {
    sandbox.set({ rotateRefreshTokens: true });
    const person = await addPerson(sandbox);
    const connection = await addConnection(sandbox, person, EXPIRED);
    sandbox.set({ tokenFault: 'slow', slowMs: 600, tokenFaultCount: 1 });
    const refreshing = freshAccessToken(connection);
    await until(() => refreshes() === 1);
    expect(await connect(person)).toEqual({ connected: connection.id });
    const fresh = await refreshing;
    expect(await connectionsOf(person)).toMatchObject([{ status: 'active', generation: 2 }]);
    expect(await works(fresh.accessToken)).toBe(true);
    // One for the grant that the reconnect replaced, one for the token that the late refresh brought.
    await until(
      () => sandbox.log.count((entry) => setting.isRevocation(entry) && entry.status === 200) === 2,
    );
    expect(await setting.isLive(sandbox, await storedRefreshToken(person, connection.id))).toBe(true);
  });

  test('OC-17: a disconnect is final: the refresh writes nothing, and what it brought is revoked', async () => {
    sandbox.set({ rotateRefreshTokens: true });
    const person = await addPerson(sandbox);
    const connection = await addConnection(sandbox, person, EXPIRED);
    sandbox.set({ tokenFault: 'slow', slowMs: 600, tokenFaultCount: 1 });
    const refreshing = failureOf(freshAccessToken(connection));
    await until(() => refreshes() === 1);
    await pool().query('DELETE FROM connections WHERE id = $1', [connection.id]);
    expect(await refreshing).toBe('needs_reconnect');
    expect(await connectionsOf(person)).toEqual([]);
    expect(sandbox.revokeAll({ email: person.email })).toBe(0);
  });
});

describe('TV-06: a stored token that the vault can’t open', () => {
  test('fails for that connection only, typed, and is not overwritten', async () => {
    const person = await addPerson(sandbox);
    const broken = await addConnection(sandbox, person);
    const whole = await addConnection(sandbox, person);
    // TV-03: the other row's ciphertext does not open here.
    await pool().query(
      `UPDATE connections SET access_token = (SELECT access_token FROM connections WHERE id = $2),
         refresh_token = (SELECT refresh_token FROM connections WHERE id = $2) WHERE id = $1`,
      [broken.id, whole.id],
    );
    const before = await connectionsOf(person);
    expect(await failureOf(freshAccessToken(broken))).toBe('transient');
    expect(await failureOf(freshAccessToken(broken, { force: 1 }))).toBe('transient');
    expect(await connectionsOf(person)).toEqual(
      before.map((row) => (row.id === broken.id ? { ...row, ...restingNow } : row)),
    );
    expect(refreshes()).toBe(0);
    expect((await freshAccessToken(whole)).accessToken).toBe(whole.accessToken);
  });

  test('TV-04: an access token in the refresh token’s column does not open, and nothing is sent', async () => {
    const person = await addPerson(sandbox);
    const connection = await addConnection(sandbox, person, EXPIRED);
    await pool().query('UPDATE connections SET refresh_token = access_token WHERE id = $1', [connection.id]);
    expect(await failureOf(freshAccessToken(connection))).toBe('transient');
    expect(refreshes()).toBe(0);
  });
});
