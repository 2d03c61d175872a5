// What was disconnected here ends at Asana too, sooner or later, and its secrets do not outlive that.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { disconnect, endMemberConnections, listConnections } from '@/lib/asana/connections';
import {
  attemptRevocation,
  listRevocations,
  queueRevocation,
  startRevocationWorker,
} from '@/lib/asana/revoke';
import { saveAsanaApp } from '@/lib/asana/asana-app';
import { freshAccessToken } from '@/lib/asana/refresh';
import { pool, transaction } from '@/lib/db';
import type { Sandbox } from '@/lib/sandbox/start-sandbox';
import { placeOf, sealSecret } from '@/lib/vault/vault';
import * as setting from './setting';
import { addConnection, addPerson, connectionsOf, eventsOf, isLive, isRevocation, until } from './setting';

const SCRIPT = fileURLToPath(new URL('revoke-process.ts', import.meta.url));
let sandbox: Sandbox;
let variables: Record<string, string>;
let close: () => Promise<void>;
beforeAll(async () => ({ sandbox, variables, close } = await setting.startSetting()));
afterAll(() => close());
beforeEach(async () => {
  sandbox.reset();
  await pool().query('DELETE FROM revocations');
});

const revocations = async () =>
  (
    await pool().query<{
      id: string;
      confirmed_at: Date | null;
      client_secret: string;
      refresh_token: string;
      attempts: number;
      wait: number;
      member_email: string;
    }>(
      `SELECT *, extract(epoch FROM next_attempt_at - now())::float8 AS wait FROM revocations ORDER BY created_at`,
    )
  ).rows;
const makeDue = () =>
  pool().query('UPDATE revocations SET next_attempt_at = now() WHERE confirmed_at IS NULL');

describe('OC-17: a disconnect', () => {
  test('ends the connection here and at Asana, with its event, and leaves no secret behind', async () => {
    const person = await addPerson(sandbox);
    const { id, refreshToken } = await addConnection(sandbox, person);
    expect(await disconnect(person.actor, person.memberId, id)).toEqual({ revocation: 'confirmed' });
    expect(await connectionsOf(person)).toEqual([]);
    expect(await listConnections(person.organizationId, person.memberId)).toEqual([]);
    expect(await isLive(sandbox, refreshToken)).toBe(false);
    expect(await revocations()).toMatchObject([
      { confirmed_at: expect.any(Date), client_secret: '', refresh_token: '', member_email: person.email },
    ]);
    expect((await eventsOf(person)).at(-1)).toMatchObject({
      action: 'connection.disconnected',
      target: `connection:${id}`,
      before: { asanaEmail: person.email },
    });
  });

  test('sends the refresh token: Asana takes no other there', async () => {
    const person = await addPerson(sandbox);
    const { id, refreshToken } = await addConnection(sandbox, person);
    await disconnect(person.actor, person.memberId, id);
    const sent = new URLSearchParams(sandbox.log.entries.find(isRevocation)!.body);
    expect(sent.get('token')).toBe(refreshToken);
  });

  test('of anybody else’s connection, or of none, is not_found and changes nothing; of one’s own it works', async () => {
    const person = await addPerson(sandbox);
    const colleague = await addPerson(sandbox, { organizationId: person.organizationId });
    const stranger = await addPerson(sandbox);
    const { id } = await addConnection(sandbox, person);
    for (const other of [colleague, stranger])
      await expect(disconnect(other.actor, other.memberId, id)).rejects.toMatchObject({ code: 'not_found' });
    // An id of another organization's member below one's own organization does not help either.
    await expect(disconnect(stranger.actor, person.memberId, id)).rejects.toMatchObject({
      code: 'not_found',
    });
    for (const none of [crypto.randomUUID(), '', "x' OR true --"])
      await expect(disconnect(person.actor, person.memberId, none)).rejects.toMatchObject({
        code: 'not_found',
      });
    expect(await connectionsOf(person)).toHaveLength(1);
    expect(sandbox.log.count(isRevocation)).toBe(0);
    expect(await disconnect(person.actor, person.memberId, id)).toEqual({ revocation: 'confirmed' });
  });

  test.each(['500', '503', '429', 'drop-before', 'drop-after', 'redirect', '400'] as const)(
    'while Asana answers with %s is pending at once and confirmed by the worker later',
    async (revokeFault) => {
      sandbox.set({ revokeFault });
      const person = await addPerson(sandbox);
      const { id, refreshToken } = await addConnection(sandbox, person);
      expect(await disconnect(person.actor, person.memberId, id)).toEqual({ revocation: 'pending' });
      expect(await connectionsOf(person)).toEqual([]);
      expect((await revocations())[0]).toMatchObject({ confirmed_at: null, attempts: 1 });
      expect((await revocations())[0]!.refresh_token).toMatch(/^v1\./);
      sandbox.set({ revokeFault: null });
      await makeDue();
      const stop = startRevocationWorker({ intervalMs: 20 });
      await until(async () => (await revocations())[0]!.confirmed_at !== null);
      await stop();
      expect(await isLive(sandbox, refreshToken)).toBe(false);
      expect((await revocations())[0]).toMatchObject({ client_secret: '', refresh_token: '' });
    },
  );

  test('does not keep the person waiting: a hanging Asana is given up after three seconds', async () => {
    sandbox.set({ revokeFault: 'hang', revokeFaultCount: 1 });
    const person = await addPerson(sandbox);
    const { id } = await addConnection(sandbox, person);
    const startedMs = Date.now();
    expect(await disconnect(person.actor, person.memberId, id)).toEqual({ revocation: 'pending' });
    expect(Date.now() - startedMs).toBeLessThan(4_000);
  });

  test('TV-06: works though the vault can’t open the token, and says that it could not be revoked', async () => {
    const person = await addPerson(sandbox);
    const { id } = await addConnection(sandbox, person);
    await pool().query(`UPDATE connections SET refresh_token = 'v1.gone.AAAA' WHERE id = $1`, [id]);
    expect(await disconnect(person.actor, person.memberId, id)).toEqual({ revocation: 'pending' });
    expect(await connectionsOf(person)).toEqual([]);
    expect((await eventsOf(person)).at(-1)).toMatchObject({ after: { revocation: 'impossible' } });
  });
});

test('a member’s list holds that member’s connections only', async () => {
  const person = await addPerson(sandbox);
  const colleague = await addPerson(sandbox, { organizationId: person.organizationId });
  const { id } = await addConnection(sandbox, person);
  await addConnection(sandbox, colleague);
  const listed = await listConnections(person.organizationId, person.memberId);
  expect(listed.map((connection) => connection.id)).toEqual([id]);
  expect(await listConnections(crypto.randomUUID(), person.memberId)).toEqual([]);
});

describe('removing a member', () => {
  test('ends all connections of that person in the caller’s transaction, and nobody else’s', async () => {
    const person = await addPerson(sandbox);
    const colleague = await addPerson(sandbox, { organizationId: person.organizationId });
    const mine = [await addConnection(sandbox, person), await addConnection(sandbox, person)];
    const theirs = await addConnection(sandbox, colleague);
    const ids = await transaction(async (tx) => {
      const queued = await endMemberConnections(tx, colleague.actor, { memberId: person.memberId });
      await tx.member.delete({ where: { organizationId: person.organizationId, id: person.memberId } });
      return queued;
    });
    expect(ids).toHaveLength(2);
    expect(await Promise.all(ids.map(attemptRevocation))).toEqual(['confirmed', 'confirmed']);
    for (const { refreshToken } of mine) expect(await isLive(sandbox, refreshToken)).toBe(false);
    expect(await isLive(sandbox, theirs.refreshToken)).toBe(true);
    expect((await connectionsOf(person)).map(({ id }) => id)).toEqual([theirs.id]);
    const told = (await eventsOf(person)).filter(({ action }) => action === 'connection.disconnected');
    expect(told.map(({ after }) => after.reason)).toEqual(['member_removed', 'member_removed']);
  });

  test('that is rolled back ends nothing and queues nothing', async () => {
    const person = await addPerson(sandbox);
    const { refreshToken } = await addConnection(sandbox, person);
    const failing = transaction(async (tx) => {
      await endMemberConnections(tx, person.actor, { memberId: person.memberId });
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    expect(await connectionsOf(person)).toHaveLength(1);
    expect(await revocations()).toEqual([]);
    expect(await isLive(sandbox, refreshToken)).toBe(true);
  });
});

describe('TV-20: everything of an organization at once', () => {
  const MANY = process.env.FULL === '1' ? 10_000 : 1_000;

  /** So many people with a connection each, beside the one that is there; their tokens mean nothing to the stand-in Asana. */
  async function crowdOf({ organizationId }: setting.Person): Promise<void> {
    const { rows } = await pool().query<{ id: string }>(
      `INSERT INTO members (organization_id, email, name) SELECT $1, 'crowd' || n || '@example.com', 'Crowd'
       FROM generate_series(1, $2) n RETURNING id`,
      [organizationId, MANY - 1],
    );
    const made = rows.map(({ id: memberId }) => ({ id: crypto.randomUUID(), memberId }));
    const sealed = (column: string) =>
      made.map(({ id }) =>
        sealSecret(placeOf(organizationId, 'connections', column, id), `${column} of ${id}`),
      );
    await pool().query(
      `INSERT INTO connections (id, organization_id, member_id, client_id, workspace_gid, workspace_name, asana_email,
         access_token, refresh_token, access_expires_at)
       SELECT id, $1, member_id, $2, '1', 'Example Works', 'crowd@example.com', a, r, now() + interval '1 hour'
       FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::text[]) AS c(id, member_id, a, r)`,
      [
        ...[organizationId, sandbox.apps[0]!.clientId, made.map(({ id }) => id)],
        ...[made.map(({ memberId }) => memberId), sealed('access_token'), sealed('refresh_token')],
      ],
    );
  }

  test(`${MANY} connections end with one commit, each with its event, and each is confirmed at Asana or listed as pending`, async () => {
    const [person, bystander] = [await addPerson(sandbox), await addPerson(sandbox)];
    const [theirs, others] = [await addConnection(sandbox, person), await addConnection(sandbox, bystander)];
    await crowdOf(person);
    const other = { clientId: 'another-app', clientSecret: 'another-secret' };
    const refused = transaction((tx) => saveAsanaApp(tx, person.actor, other));
    await expect(refused).rejects.toMatchObject({ code: 'would_disconnect' });
    expect(await connectionsOf(person)).toHaveLength(MANY);

    await transaction((tx) => saveAsanaApp(tx, person.actor, other, { confirm: true }));
    await expect(freshAccessToken(theirs)).rejects.toMatchObject({ kind: 'needs_reconnect' });
    const count = async (sql: string) =>
      (await pool().query<{ n: number }>(`SELECT count(*)::int AS n FROM ${sql}`, [person.organizationId]))
        .rows[0]!.n;
    expect(await count('connections WHERE organization_id = $1')).toBe(0);
    expect(
      await count(`audit_records WHERE organization_id = $1 AND action = 'connection.disconnected'`),
    ).toBe(MANY);

    sandbox.log.clear();
    await makeDue();
    const stop = startRevocationWorker({ intervalMs: 20 });
    await until(
      async () => (await count('revocations WHERE organization_id = $1 AND confirmed_at IS NOT NULL')) > 50,
    );
    await stop();
    const confirmed = await count('revocations WHERE organization_id = $1 AND confirmed_at IS NOT NULL');
    const pending = await count('revocations WHERE organization_id = $1 AND confirmed_at IS NULL');
    expect(confirmed + pending).toBe(MANY);
    expect(sandbox.log.count(isRevocation)).toBe(confirmed);
    const [row] = await revocations();
    const [shown] = await listRevocations(person.organizationId, row!.member_email);
    expect(shown!.revocation).toBe(row!.confirmed_at ? 'confirmed' : 'pending');
    // The twin: another organization's connection goes on.
    expect((await freshAccessToken(others)).accessToken).toBe(others.accessToken);
  }, 60_000);
});

describe('the queue', () => {
  const queue = async (person: setting.Person, refreshToken: string) => {
    const { clientId, clientSecret } = sandbox.apps[0]!;
    return transaction((tx) =>
      queueRevocation(tx, {
        organizationId: person.organizationId,
        memberEmail: person.email,
        credentials: { clientId, clientSecret },
        refreshToken,
      }),
    );
  };

  test('waits longer after every failure, an hour at most, never twice the same', async () => {
    sandbox.set({ revokeFault: '500' });
    const person = await addPerson(sandbox);
    const id = await queue(person, 'a-token');
    const waits: number[] = [];
    for (let n = 0; n < 14; n += 1) {
      await attemptRevocation(id);
      waits.push((await revocations())[0]!.wait);
    }
    waits.forEach((wait, n) => {
      const full = Math.min(3_600, 5 * 2 ** n);
      expect(wait).toBeGreaterThan(full * 0.5 - 2);
      expect(wait).toBeLessThanOrEqual(full);
    });
    expect(new Set(waits.slice(10).map((wait) => Math.round(wait))).size).toBeGreaterThan(1);
  });

  test('two workers share it: each row is tried by one of them', async () => {
    const person = await addPerson(sandbox);
    sandbox.set({ revokeFault: 'slow', slowMs: 200 });
    const ids: string[] = [];
    for (let n = 0; n < 25; n += 1) ids.push(await queue(person, `token-${n}`));
    await makeDue();
    const stops = [startRevocationWorker({ intervalMs: 10 }), startRevocationWorker({ intervalMs: 10 })];
    await until(async () => (await revocations()).every(({ confirmed_at }) => confirmed_at !== null));
    await Promise.all(stops.map((stop) => stop()));
    expect(sandbox.log.count(isRevocation)).toBe(ids.length);
  });

  test('a row that another worker is just claiming does not hold up the rest', async () => {
    const person = await addPerson(sandbox);
    const [held, free] = [await queue(person, 'a'), await queue(person, 'b')];
    await makeDue();
    const client = await pool().connect();
    await client.query('BEGIN');
    await client.query('SELECT 1 FROM revocations WHERE id = $1 FOR UPDATE', [held]);
    const stop = startRevocationWorker({ intervalMs: 10 });
    await until(async () => (await revocations()).find(({ id }) => id === free)!.confirmed_at !== null);
    expect((await revocations()).find(({ id }) => id === held)).toMatchObject({ confirmed_at: null });
    await client.query('COMMIT');
    client.release();
    await until(async () => (await revocations()).every(({ confirmed_at }) => confirmed_at !== null));
    await stop();
    expect(sandbox.log.count(isRevocation)).toBe(2);
  });

  test('no transaction is open while Asana is asked', async () => {
    const person = await addPerson(sandbox);
    sandbox.set({ revokeFault: 'slow', slowMs: 400 });
    const id = await queue(person, 'a-token');
    const attempt = attemptRevocation(id);
    await until(() => sandbox.log.count(isRevocation) === 1);
    expect(pool().totalCount - pool().idleCount).toBe(0);
    expect(await attempt).toBe('confirmed');
  });

  test('outlives a process that is killed while Asana hangs, and an outage after that, and says how it stands', async () => {
    const person = await addPerson(sandbox);
    const { refreshToken } = await addConnection(sandbox, person);
    const id = await queue(person, refreshToken);
    const shown = () => listRevocations(person.organizationId, person.email);
    expect(await shown()).toMatchObject([{ revocation: 'pending', confirmedAt: null, attempts: 0 }]);
    sandbox.set({ revokeFault: 'hang', revokeFaultCount: 1 });
    const child = fork(SCRIPT, { execArgv: ['--import', 'tsx'] });
    await once(child, 'message');
    child.send({ variables, id });
    await until(() => sandbox.log.count(isRevocation) === 1);
    child.kill('SIGKILL');
    sandbox.set({ revokeFault: '503', revokeFaultCount: 2 });
    const stop = startRevocationWorker({ intervalMs: 10 });
    for (const attempts of [2, 3]) {
      await makeDue();
      await until(async () => (await shown())[0]!.attempts === attempts);
      expect(await shown()).toMatchObject([{ revocation: 'pending' }]);
    }
    await until(() => sandbox.log.count(isRevocation) === 3);
    await makeDue();
    await until(async () => (await shown())[0]!.revocation === 'confirmed');
    await stop();
    expect(await shown()).toEqual([
      {
        ...{ endedAt: expect.any(String), confirmedAt: expect.any(String) },
        revocation: 'confirmed',
        attempts: 4,
      },
    ]);
    expect(await isLive(sandbox, refreshToken)).toBe(false);
    expect(await listRevocations((await addPerson(sandbox)).organizationId, person.email)).toEqual([]);
  });

  test('a row is left to its own first attempt for ten seconds before the worker takes it', async () => {
    const person = await addPerson(sandbox);
    await queue(person, 'a-token');
    const stop = startRevocationWorker({ intervalMs: 10 });
    await new Promise((resolve) => setTimeout(resolve, 150));
    await stop();
    expect(sandbox.log.count(isRevocation)).toBe(0);
    expect((await revocations())[0]!.wait).toBeGreaterThan(8);
  });

  test('a secret reset at Asana does not keep an authorization alive: the present one is tried too', async () => {
    const person = await addPerson(sandbox);
    const { refreshToken } = await addConnection(sandbox, person);
    const id = await queue(person, refreshToken);
    const { clientId } = sandbox.addApp({ ...sandbox.apps[0], clientSecret: 'reset-at-asana' });
    expect(await attemptRevocation(id)).toBe('pending');
    await transaction((tx) => saveAsanaApp(tx, person.actor, { clientId, clientSecret: 'reset-at-asana' }));
    expect(await attemptRevocation(id)).toBe('confirmed');
    expect(await isLive(sandbox, refreshToken)).toBe(false);
  });

  test('confirmed rows are kept a week, pending ones for good', async () => {
    sandbox.set({ revokeFault: '500' });
    const person = await addPerson(sandbox);
    const [old, young, open] = [await queue(person, 'a'), await queue(person, 'b'), await queue(person, 'c')];
    const age = (id: string | undefined, days: number, column: string) =>
      pool().query(`UPDATE revocations SET ${column} = now() - $2 * interval '1 day' WHERE id = $1`, [
        id,
        days,
      ]);
    await age(old, 8, 'confirmed_at');
    await age(young, 6, 'confirmed_at');
    await age(open, 60, 'created_at');
    const stop = startRevocationWorker({ intervalMs: 10 });
    await until(async () => (await revocations()).length === 2);
    await stop();
    expect((await revocations()).map(({ id }) => id).sort()).toEqual([young, open].sort());
  });

  test('TV-06: a row that the vault can’t open does not stop the others', async () => {
    const person = await addPerson(sandbox);
    const [broken, whole] = [await queue(person, 'a'), await queue(person, 'b')];
    await pool().query(`UPDATE revocations SET refresh_token = client_secret WHERE id = $1`, [broken]);
    await makeDue();
    const stop = startRevocationWorker({ intervalMs: 10 });
    await until(async () => (await revocations()).find(({ id }) => id === whole)!.confirmed_at !== null);
    await stop();
    expect((await revocations()).find(({ id }) => id === broken)).toMatchObject({ confirmed_at: null });
  });
});
