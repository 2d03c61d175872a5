// Only the allowed account in the allowed workspace is connected; a grant that is not kept does not live on at Asana.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { beginConnect, finishConnect } from '@/lib/asana/connect';
import { listConnections } from '@/lib/asana/connections';
import { pool } from '@/lib/db';
import type { Sandbox } from '@/lib/sandbox/start-sandbox';
import { openSecret, placeOf } from '@/lib/vault/vault';
import * as setting from './setting';
import {
  addPerson,
  approve,
  connect,
  connectionsOf,
  eventsOf,
  isLive,
  isRevocation,
  STUDIO,
  WORKS,
} from './setting';

let sandbox: Sandbox;
let close: () => Promise<void>;
beforeAll(async () => ({ sandbox, close } = await setting.startSetting()));
afterAll(() => close());
beforeEach(() => sandbox.reset());

const idOf = (result: object) => (result as { connected: string }).connected;
const revoked = () => sandbox.log.count((entry) => isRevocation(entry) && entry.status === 200);

async function refreshTokenOf(person: setting.Person, id: string): Promise<string> {
  const row = (await connectionsOf(person)).find((each) => each.id === id)!;
  return openSecret(placeOf(person.organizationId, 'connections', 'refresh_token', id), row.refresh_token);
}

async function pending(person: setting.Person): Promise<number> {
  const { rowCount } = await pool().query(
    'SELECT 1 FROM revocations WHERE organization_id = $1 AND confirmed_at IS NULL',
    [person.organizationId],
  );
  return rowCount ?? 0;
}

describe('OC-06: the Asana account', () => {
  test('of somebody else is refused with 403, nothing is saved, and the grant is revoked at once', async () => {
    const person = await addPerson(sandbox);
    const result = await connect(person, { user: 'ben@example.com' });
    expect(result).toMatchObject({ status: 403, code: 'account_differs' });
    expect((result as { explanation: string }).explanation).toContain('ben@example.com');
    expect(await connectionsOf(person)).toEqual([]);
    expect(revoked()).toBe(1);
    // Not one grant of that person is left to revoke.
    expect(sandbox.revokeAll({ email: 'ben@example.com' })).toBe(0);
    expect(await pending(person)).toBe(0);
    expect(await eventsOf(person)).toContainEqual(
      expect.objectContaining({
        action: 'connection.refused',
        after: { reason: 'account_differs', asanaEmail: 'ben@example.com', workspace: WORKS.gid },
      }),
    );
    expect(await connect(person)).toHaveProperty('connected');
  });

  test('is compared without case, and taken from get_me where the token answer names none', async () => {
    sandbox.set({ omitDataEmail: true });
    const person = await addPerson(sandbox);
    for (const user of sandbox.world.users.values())
      if (user.email === person.email) Object.assign(user, { email: person.email.toUpperCase() });
    expect(await connect(person)).toHaveProperty('connected');
    expect((await connectionsOf(person))[0]!.asana_email).toBe(person.email);
  });

  test('that Asana does not name at all is refused under same, and taken under any', async () => {
    sandbox.set({ omitDataEmail: true, mcpFault: '500' });
    const strict = await addPerson(sandbox);
    expect(await connect(strict)).toMatchObject({ status: 403, code: 'account_unknown' });
    expect(revoked()).toBe(1);
    const open = await addPerson(sandbox, { asanaEmail: 'any' });
    expect(await connect(open)).toHaveProperty('connected');
    expect(await listConnections(open.organizationId, open.memberId)).toMatchObject([
      { asanaEmail: '', workspace: null },
    ]);
  });

  test('may be any of the listed ones, and no other', async () => {
    const person = await addPerson(sandbox, { asanaEmail: 'listed', asanaEmails: ['cleo@example.com'] });
    expect(await connect(person)).toMatchObject({ status: 403, code: 'account_differs' });
    expect(await connect(person, { user: 'cleo@example.com' })).toHaveProperty('connected');
  });

  test('is held against the rule as it is when the connect ends, not when it began', async () => {
    const person = await addPerson(sandbox, { asanaEmail: 'any' });
    const params = await approve((await beginConnect(person)).location, 'ben@example.com');
    await pool().query(`UPDATE organizations SET asana_email = 'same' WHERE id = $1`, [
      person.organizationId,
    ]);
    expect(await finishConnect({ ...person, params })).toMatchObject({
      status: 403,
      code: 'account_differs',
    });
  });
});

describe('OC-07: where the organization pins workspaces', () => {
  test('another one is refused with 403 and revoked; the pinned one is connected', async () => {
    const person = await addPerson(sandbox, { pins: [WORKS], workspaces: [STUDIO.gid] });
    expect(await connect(person)).toMatchObject({ status: 403, code: 'workspace_differs' });
    expect(await connectionsOf(person)).toEqual([]);
    expect(revoked()).toBe(1);
    const colleague = await addPerson(sandbox, { organizationId: person.organizationId });
    expect(await connect(colleague)).toHaveProperty('connected');
  });

  test('one that Asana does not name is refused and revoked; without pins it is connected as unknown', async () => {
    sandbox.set({ mcpFault: '503' });
    const person = await addPerson(sandbox, { pins: [WORKS] });
    expect(await connect(person)).toMatchObject({ status: 403, code: 'workspace_unknown' });
    expect(revoked()).toBe(1);
    const unpinned = await addPerson(sandbox);
    expect(await connect(unpinned)).toHaveProperty('connected');
    expect((await connectionsOf(unpinned))[0]!.workspace_gid).toBeNull();
  });

  test('a person of several workspaces is unknown too: Asana does not say which one was authorized', async () => {
    sandbox.set({ workspacesShown: 'all' });
    const person = await addPerson(sandbox, { pins: [WORKS, STUDIO], workspaces: [WORKS.gid, STUDIO.gid] });
    expect(await connect(person)).toMatchObject({ status: 403, code: 'workspace_unknown' });
  });
});

test('a refused grant that Asana does not revoke at once stays queued, with its secrets sealed', async () => {
  sandbox.set({ revokeFault: '500' });
  const person = await addPerson(sandbox);
  expect(await connect(person, { user: 'ben@example.com' })).toMatchObject({ code: 'account_differs' });
  expect(await pending(person)).toBe(1);
  const { rows } = await pool().query('SELECT * FROM revocations WHERE organization_id = $1', [
    person.organizationId,
  ]);
  expect(rows[0].refresh_token).toMatch(/^v1\./);
  expect(rows[0].client_secret).toMatch(/^v1\./);
  expect(rows[0].member_email).toBe(person.email);
});

describe('a reconnect', () => {
  test('by the same account renews the row, and the older refresh token is revoked', async () => {
    const person = await addPerson(sandbox);
    const id = idOf(await connect(person));
    await pool().query(`UPDATE connections SET status = 'needs_reconnect' WHERE id = $1`, [id]);
    const older = await refreshTokenOf(person, id);
    expect(await connect(person, { connectionId: id })).toEqual({ connected: id });
    const rows = await connectionsOf(person);
    expect(rows).toMatchObject([{ id, status: 'active', generation: 2 }]);
    expect(await isLive(sandbox, older)).toBe(false);
    expect(await isLive(sandbox, await refreshTokenOf(person, id))).toBe(true);
    expect(await eventsOf(person)).toContainEqual(
      expect.objectContaining({ action: 'connection.reconnected', target: `connection:${id}` }),
    );
  });

  test('OC-06: by another account is refused with 403, never a silent swap; the connection stays as it was', async () => {
    const person = await addPerson(sandbox, { asanaEmail: 'any' });
    const id = idOf(await connect(person));
    const before = await connectionsOf(person);
    expect(await connect(person, { connectionId: id, user: 'ben@example.com' })).toMatchObject({
      status: 403,
      code: 'account_changed',
    });
    expect(await connectionsOf(person)).toEqual(before);
    expect(revoked()).toBe(1);
    expect(await isLive(sandbox, await refreshTokenOf(person, id))).toBe(true);
  });

  test('OC-07: into another workspace is refused with 403', async () => {
    const person = await addPerson(sandbox);
    const id = idOf(await connect(person));
    const user = [...sandbox.world.users.values()].find(({ email }) => email === person.email)!;
    Object.assign(user, { memberships: [{ workspaceGid: STUDIO.gid, role: 'member' }] });
    expect(await connect(person, { connectionId: id })).toMatchObject({
      status: 403,
      code: 'workspace_changed',
    });
    expect(await connectionsOf(person)).toMatchObject([{ workspace_gid: WORKS.gid, generation: 1 }]);
  });
});

describe('a second connect', () => {
  test('to the same workspace and account renews the first, and revokes its grant', async () => {
    const person = await addPerson(sandbox);
    const id = idOf(await connect(person));
    const older = await refreshTokenOf(person, id);
    expect(await connect(person)).toEqual({ connected: id });
    expect(await connectionsOf(person)).toHaveLength(1);
    expect(await isLive(sandbox, older)).toBe(false);
    expect(await isLive(sandbox, await refreshTokenOf(person, id))).toBe(true);
  });

  test('to another account or workspace adds one, and leaves the first alone', async () => {
    const person = await addPerson(sandbox, { asanaEmail: 'any' });
    const first = idOf(await connect(person));
    const second = idOf(await connect(person, { user: 'ben@example.com' }));
    expect(second).not.toBe(first);
    expect(await connectionsOf(person)).toHaveLength(2);
    expect(revoked()).toBe(0);
  });

  test('OC-12: two tabs at once leave one connection with a live grant; the other grant is revoked', async () => {
    const person = await addPerson(sandbox);
    const tabs = await Promise.all([beginConnect(person), beginConnect(person)]);
    const callbacks = await Promise.all(tabs.map(({ location }) => approve(location, person.email)));
    const results = await Promise.all(callbacks.map((params) => finishConnect({ ...person, params })));
    expect(idOf(results[0]!)).toBe(idOf(results[1]!));
    const [row, ...others] = await connectionsOf(person);
    expect(others).toEqual([]);
    expect(row).toMatchObject({ generation: 2 });
    expect(revoked()).toBe(1);
    expect(await isLive(sandbox, await refreshTokenOf(person, row!.id))).toBe(true);
  });
});
