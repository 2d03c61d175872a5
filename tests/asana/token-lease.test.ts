// The lease on a connection's tokens: one holder at a time by the database's clock, and whoever lost it changes nothing.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  endRests,
  giveUpLease,
  isOrphan,
  markNeedsReconnect,
  openAccessToken,
  readTokenRow,
  storeTokens,
  takeLease,
  type Lease,
} from '@/lib/asana/token-lease';
import { pool, transaction } from '@/lib/db';
import type { Sandbox } from '@/lib/sandbox/start-sandbox';
import * as setting from './setting';
import { addConnection, addPerson, connectionsOf, eventsOf } from './setting';

let sandbox: Sandbox;
let close: () => Promise<void>;
beforeAll(async () => ({ sandbox, close } = await setting.startSetting()));
afterAll(() => close());

const tokens = (accessToken: string, refreshToken: string | null = null) => ({
  ...{ accessToken, refreshToken },
  expiresAt: new Date(Date.now() + 3_600_000),
});
const holder = () => crypto.randomUUID();

async function connected() {
  const person = await addPerson(sandbox);
  const { organizationId, id } = await addConnection(sandbox, person);
  const row = (await readTokenRow(organizationId, id))!;
  return { person, row, read: async () => (await readTokenRow(organizationId, id))! };
}

/** A lease that ran out, and its successor's. */
async function lateAndNext(): Promise<Awaited<ReturnType<typeof connected>> & { late: Lease; next: Lease }> {
  const all = await connected();
  const late = (await takeLease(all.row, holder(), -1))!;
  const next = (await takeLease(all.row, holder(), 60_000))!;
  return { ...all, late, next };
}

test('of many who want it at once one gets it', async () => {
  const { row } = await connected();
  const leases = await Promise.all(Array.from({ length: 6 }, () => takeLease(row, holder(), 60_000)));
  expect(leases.filter(Boolean)).toHaveLength(1);
});

test('it is free again when it is given back, or when it has run out', async () => {
  const { row } = await connected();
  const first = (await takeLease(row, holder(), 60_000))!;
  expect(await takeLease(row, holder(), 60_000)).toBeNull();
  expect(await giveUpLease(first, 0)).toBe(0);
  expect(await takeLease(row, holder(), -1)).not.toBeNull();
  expect(await takeLease(row, holder(), 60_000)).not.toBeNull();
});

test('after the second failure on end nobody gets it for a time that doubles to a minute, in any process, or for what Asana asked', async () => {
  const { row } = await connected();
  const fail = async (askedMs = 0) => giveUpLease((await takeLease(row, holder(), 60_000))!, askedMs);
  const past = () => pool().query('UPDATE connections SET refresh_after = now() WHERE id = $1', [row.id]);
  expect([await fail(), await fail()]).toEqual([0, 0]);
  for (const mostMs of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
    const restMs = await fail();
    expect(restMs).toBeLessThanOrEqual(mostMs);
    expect(restMs).toBeGreaterThan(mostMs * 0.7);
    expect(await takeLease(row, holder(), 60_000)).toBeNull();
    expect((await readTokenRow(row.organizationId, row.id))!.restMs).toBeGreaterThan(0);
    await past();
  }
  expect(await fail(300_000)).toBeGreaterThan(299_000);
  expect(await takeLease(row, holder(), 60_000)).toBeNull();
  await transaction((tx) => endRests(tx, row.organizationId));
  const again = (await takeLease(row, holder(), 60_000))!;
  expect(await giveUpLease(again, 0)).toBe(0);
});

test('nobody gets it for an older generation, for a connection that needs a reconnect, or in another organization', async () => {
  const { row } = await connected();
  const stranger = await addPerson(sandbox);
  expect(await takeLease({ ...row, generation: row.generation - 1 }, holder(), 60_000)).toBeNull();
  expect(await takeLease({ ...row, organizationId: stranger.organizationId }, holder(), 60_000)).toBeNull();
  await pool().query(`UPDATE connections SET status = 'needs_reconnect' WHERE id = $1`, [row.id]);
  expect(await takeLease(row, holder(), 60_000)).toBeNull();
  await pool().query(`UPDATE connections SET status = 'active' WHERE id = $1`, [row.id]);
  expect(await takeLease(row, holder(), 60_000)).not.toBeNull();
});

describe('UF-19: a holder that lost its lease', () => {
  test('stores nothing, while the successor stores and ends its own', async () => {
    const { row, read, late, next } = await lateAndNext();
    expect(await storeTokens(late, tokens('late'))).toBeNull();
    expect(await read()).toEqual(row);
    expect(await storeTokens(next, tokens('next'))).toBe(2);
    expect(openAccessToken(await read())).toBe('next');
    expect(await storeTokens(late, tokens('late'))).toBeNull();
    expect(await storeTokens(next, tokens('next again'))).toBeNull();
    expect(openAccessToken(await read())).toBe('next');
    expect(await takeLease(await read(), holder(), 60_000)).not.toBeNull();
  });

  test('stores what came late where the successor failed or died: after a rotation it is all there is', async () => {
    for (const end of [
      (next: Lease) => giveUpLease(next, 0),
      ({ id }: Lease) => pool().query('UPDATE connections SET lease_until = now() WHERE id = $1', [id]),
    ]) {
      const { read, late, next } = await lateAndNext();
      await end(next);
      expect(await storeTokens(late, tokens('late', 'rotated'))).toBe(2);
      expect(openAccessToken(await read())).toBe('late');
      expect(await storeTokens(next, tokens('next'))).toBeNull();
      expect(await markNeedsReconnect(next)).toBe(false);
    }
  });

  test('makes the connection well again where the successor offered the rotated token and was refused, on record', async () => {
    const { person, read, late, next } = await lateAndNext();
    expect(await markNeedsReconnect(next)).toBe(true);
    expect(await storeTokens(late, tokens('late'))).toBeNull(); // nothing was rotated: Asana meant what it said
    expect((await read()).status).toBe('needs_reconnect');
    expect(await storeTokens(late, tokens('late', 'rotated'))).toBe(2);
    expect(await read()).toMatchObject({ status: 'active', generation: 2 });
    expect((await eventsOf(person)).map(({ action }) => action).slice(-2)).toEqual([
      'connection.needs_reconnect',
      'connection.recovered',
    ]);
  });

  test('cannot end the successor’s lease', async () => {
    const { row, late, next } = await lateAndNext();
    expect(await giveUpLease(late, 60_000)).toBe(0);
    expect(await takeLease(row, holder(), 60_000)).toBeNull();
    await giveUpLease(next, 0);
    expect(await takeLease(row, holder(), 60_000)).not.toBeNull();
  });

  test('cannot disconnect the member; the holder can, on record once', async () => {
    const { person, late, next } = await lateAndNext();
    expect(await markNeedsReconnect(late)).toBe(false);
    expect(await connectionsOf(person)).toMatchObject([{ status: 'active' }]);
    expect(await markNeedsReconnect(next)).toBe(true);
    expect(await markNeedsReconnect(next)).toBe(false);
    expect(await connectionsOf(person)).toMatchObject([{ status: 'needs_reconnect' }]);
    const told = (await eventsOf(person)).filter(({ action }) => action === 'connection.needs_reconnect');
    expect(told).toHaveLength(1);
  });
});

test('a newer generation fences off the holder too, though nobody took its lease', async () => {
  const { row, read } = await connected();
  const lease = (await takeLease(row, holder(), 60_000))!;
  await pool().query('UPDATE connections SET generation = generation + 1 WHERE id = $1', [row.id]);
  expect(await storeTokens(lease, tokens('late'))).toBeNull();
  expect(await markNeedsReconnect(lease)).toBe(false);
  expect((await read()).accessToken).toBe(row.accessToken);
});

describe('a refresh token that could not be stored is an orphan', () => {
  const authorizeAnew = (id: string) =>
    pool().query('UPDATE connections SET authorized_at = now(), generation = generation + 1 WHERE id = $1', [
      id,
    ]);

  test('when the connection is gone, or its member has authorized anew', async () => {
    const { row, late } = await lateAndNext();
    expect(await isOrphan(late, 'rotated')).toBe(false);
    await authorizeAnew(row.id);
    expect(await isOrphan(late, 'rotated')).toBe(true);
    await pool().query('DELETE FROM connections WHERE id = $1', [row.id]);
    expect(await isOrphan(late, 'rotated')).toBe(true);
  });

  test('but not when it lost to another refresh, is stored, or was there before: revoking it could disconnect', async () => {
    const person = await addPerson(sandbox);
    const { organizationId, id, refreshToken } = await addConnection(sandbox, person);
    const row = (await readTokenRow(organizationId, id))!;
    const late = (await takeLease(row, holder(), -1))!;
    const next = (await takeLease(row, holder(), 60_000))!;
    await storeTokens(next, tokens('next', 'rotated'));
    expect(await isOrphan(late, 'another')).toBe(false);
    await authorizeAnew(id);
    expect(await isOrphan(late, 'rotated')).toBe(false);
    expect(await isOrphan(late, refreshToken)).toBe(false);
    expect(await isOrphan(late, 'another')).toBe(true);
  });
});
