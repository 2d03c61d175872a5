// The lease on a connection's tokens: one holder at a time by the database's clock, and whoever lost it changes nothing.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  isOrphan,
  markNeedsReconnect,
  openAccessToken,
  readTokenRow,
  releaseLease,
  storeTokens,
  takeLease,
  type Lease,
} from '@/lib/asana/token-lease';
import { pool } from '@/lib/db';
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
  await releaseLease(first);
  expect(await takeLease(row, holder(), -1)).not.toBeNull();
  expect(await takeLease(row, holder(), 60_000)).not.toBeNull();
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

  test('cannot end the successor’s lease', async () => {
    const { row, late, next } = await lateAndNext();
    await releaseLease(late);
    expect(await takeLease(row, holder(), 60_000)).toBeNull();
    await releaseLease(next);
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
  test('when the connection is gone, or newer tokens without it are stored', async () => {
    const { row, late, next } = await lateAndNext();
    expect(await isOrphan(late, 'rotated')).toBe(false); // the successor may be getting the same one just now
    await storeTokens(next, tokens('next', 'the successor’s'));
    expect(await isOrphan(late, 'rotated')).toBe(true);
    await pool().query('DELETE FROM connections WHERE id = $1', [row.id]);
    expect(await isOrphan(late, 'rotated')).toBe(true);
  });

  test('but not when it is the stored one, or the one that was there before: revoking it would disconnect', async () => {
    const person = await addPerson(sandbox);
    const { organizationId, id, refreshToken } = await addConnection(sandbox, person);
    const row = (await readTokenRow(organizationId, id))!;
    const late = (await takeLease(row, holder(), -1))!;
    const next = (await takeLease(row, holder(), 60_000))!;
    await storeTokens(next, tokens('next', 'rotated'));
    expect(await isOrphan(late, 'rotated')).toBe(false);
    expect(await isOrphan(late, refreshToken)).toBe(false);
    expect(await isOrphan(late, 'another')).toBe(true);
  });
});
