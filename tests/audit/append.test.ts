// The audit can be added to and never changed, and a change without its record does not happen.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { saveAsanaApp } from '@/lib/asana/asana-app';
import { appendEvent, uuidv7 } from '@/lib/audit/append';
import { layChain } from '@/lib/audit/chain';
import { recordOutcomes, recordSystemCall } from '@/lib/audit/system-call';
import { applyListing, updateTool } from '@/lib/catalogue/catalogue';
import { recordedTools } from '@/lib/catalogue/recorded-tools';
import type { ToolDefinition } from '@/lib/catalogue/classify';
import { pool, transaction } from '@/lib/db';
import { createGroup, deleteGroup, replaceGroup } from '@/lib/people/groups';
import { acceptInvite, invite } from '@/lib/people/invites';
import { addMember, removeMember, updateMember } from '@/lib/people/members';
import { createOrganization, updateOrganization } from '@/lib/people/organizations';
import { signIn } from '@/lib/people/sign-in';
import { mintAgentToken, revokeAgentToken } from '@/lib/tokens/agent-tokens';
import { createApiKey, deleteApiKey } from '@/lib/tokens/api-keys';
import { addOrganization, addPerson, openLib, PASSWORD, type PortalOrganization } from '../support/portal';
import { dumpDatabase } from '../support/dump';

let lib: Awaited<ReturnType<typeof openLib>>;
let organization: PortalOrganization;

beforeAll(async () => {
  lib = await openLib();
  organization = await addOrganization('Aurora', 'admin@aurora.example');
});
afterAll(() => lib.close());

describe('a record', () => {
  test('AU-10: can be inserted, and by no statement changed or removed, whichever role connects', async () => {
    const { id } = organization;
    const call = await recordSystemCall({
      ...{ organizationId: id, memberId: organization.actor.memberId!, memberEmail: organization.adminEmail },
      ...{ connectionId: null, workspaceGid: null, purpose: 'test', method: 'tools/list' },
    });
    await layChain();
    const before = (await dumpDatabase()).audit;
    const statements = [
      `UPDATE audit_records SET reason = 'x' WHERE id = '${call}'`,
      `UPDATE audit_records SET reason = 'x' WHERE false`,
      `DELETE FROM audit_records WHERE id = '${call}'`,
      'TRUNCATE audit_records',
      'TRUNCATE audit_records, audit_chain, organizations CASCADE',
      `INSERT INTO audit_records (id, organization_id, kind) VALUES ('${call}', '${id}', 'event')
         ON CONFLICT (id) DO UPDATE SET reason = 'x'`,
      `MERGE INTO audit_records r USING (SELECT 1) s ON r.id = '${call}' WHEN MATCHED THEN DELETE`,
      `WITH gone AS (DELETE FROM audit_records RETURNING 1) SELECT count(*) FROM gone`,
      `UPDATE audit_chain SET hash = '\\x00'`,
      'DELETE FROM audit_chain',
      'TRUNCATE audit_chain',
    ];
    for (const statement of statements)
      await expect(pool().query(statement), statement).rejects.toMatchObject({
        code: '42501',
        message: expect.stringContaining('insert-only'),
      });
    expect((await dumpDatabase()).audit).toBe(before);
    expect(before).toContain(call);
  });

  test('DB-05: of a call has at most one outcome, and the first one stays', async () => {
    const callId = await recordSystemCall({
      ...{
        organizationId: organization.id,
        memberId: organization.actor.memberId!,
        memberEmail: 'a@b.example',
      },
      ...{ connectionId: null, workspaceGid: null, purpose: 'test', method: 'tools/call' },
    });
    const outcome = { organizationId: organization.id, callId, latencyMs: 1.5 };
    await recordOutcomes([{ ...outcome, outcome: 'upstream_error' }]);
    await recordOutcomes([{ ...outcome, outcome: 'ok' }]);
    const { rows } = await pool().query('SELECT outcome FROM audit_records WHERE call_id = $1', [callId]);
    expect(rows).toEqual([{ outcome: 'upstream_error' }]);
  });

  test('whose change fails is not kept', async () => {
    const before = await dumpDatabase();
    const failing = transaction(async (tx) => {
      await appendEvent(tx, organization.actor, { action: 'group.created', target: 'group:never' });
      throw new Error('the change failed');
    });
    await expect(failing).rejects.toThrow('the change failed');
    expect(await dumpDatabase()).toEqual(before);
  });

  test('has an id that begins with its time (RFC 9562 §5.7)', () => {
    const id = uuidv7(0x0123456789ab);
    expect(id).toMatch(/^01234567-89ab-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(uuidv7(0x0123456789ab)).not.toBe(id);
  });
});

describe('a change whose record can’t be written', () => {
  test('DB-04: is undone, whatever the change was', async () => {
    const { actor } = organization;
    const person = { ...actor, memberId: await addPerson(organization, 'ana@aurora.example') };
    await addPerson(organization, 'ben@aurora.example');
    const { groupId, keyId, tokenId, link } = await transaction(async (tx) => {
      const content = { name: 'Sales', tools: ['get_me'], members: ['ana@aurora.example'] };
      await createGroup(tx, actor, content);
      const ben = await tx.member.findFirstOrThrow({
        where: { organizationId: actor.organizationId, email: 'ben@aurora.example' },
      });
      return {
        groupId: 'sales',
        keyId: (await createApiKey(tx, actor, { name: 'key', role: 'admin' })).id,
        tokenId: (await mintAgentToken(tx, person, { name: 'agent' })).id,
        link: await invite(tx, actor, { id: ben.id, email: ben.email }),
      };
    });
    const listed = [...(recordedTools() as unknown as ToolDefinition[]), { name: 'new_tool' }];
    const changes: Record<string, () => Promise<unknown>> = {
      createGroup: () =>
        transaction((tx) => createGroup(tx, actor, { name: 'Other', tools: ['get_me'], members: [] })),
      replaceGroup: () =>
        transaction((tx) =>
          replaceGroup(tx, actor, groupId, { name: 'S', tools: ['get_task'], members: [] }, null),
        ),
      deleteGroup: () => transaction((tx) => deleteGroup(tx, actor, groupId)),
      addMember: () =>
        transaction((tx) => addMember(tx, actor, { email: 'c@aurora.example', name: 'C', role: 'admin' })),
      updateMember: () =>
        transaction((tx) =>
          updateMember(tx, actor, 'ana@aurora.example', { role: 'auditor', groups: [], password: PASSWORD }),
        ),
      removeMember: () => transaction((tx) => removeMember(tx, actor, 'ana@aurora.example')),
      invite: () =>
        transaction((tx) => invite(tx, actor, { id: person.memberId, email: 'ana@aurora.example' })),
      acceptInvite: () => acceptInvite(link.split('#')[1]!, 'another long password'),
      updateOrganization: () => transaction((tx) => updateOrganization(tx, actor, { driftPolicy: 'warn' })),
      createOrganization: () =>
        transaction((tx) =>
          createOrganization(tx, {
            ...{ name: 'New', admin: { email: 'new@new.example', name: 'New' }, credentialName: 'test' },
          }),
        ),
      updateTool: () => transaction((tx) => updateTool(tx, actor, 'get_me', { blocked: true })),
      applyListing: () => transaction((tx) => applyListing(tx, actor, listed)),
      saveAsanaApp: () =>
        transaction((tx) => saveAsanaApp(tx, actor, { clientId: '1', clientSecret: 'secret' })),
      mintAgentToken: () => transaction((tx) => mintAgentToken(tx, person, { name: 'second' })),
      revokeAgentToken: () => transaction((tx) => revokeAgentToken(tx, person, tokenId)),
      createApiKey: () => transaction((tx) => createApiKey(tx, actor, { name: 'second', role: 'admin' })),
      deleteApiKey: () => transaction((tx) => deleteApiKey(tx, actor, keyId)),
      signIn: () => signIn({ email: 'ana@aurora.example', password: PASSWORD, address: '192.0.2.1' }),
    };
    await pool().query(`CREATE FUNCTION no_events() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'no room for records'; END $$`);
    await pool().query(
      'CREATE TRIGGER no_events BEFORE INSERT ON audit_records EXECUTE FUNCTION no_events()',
    );
    const before = await dumpDatabase();
    for (const [name, change] of Object.entries(changes)) {
      await expect(change(), name).rejects.toThrow('no room for records');
      expect(await dumpDatabase(), name).toEqual(before);
    }
    await pool().query('DROP TRIGGER no_events ON audit_records');
    // The twins: with room for the record each of them goes through, in an order in which nothing is missing.
    const { removeMember: last, deleteGroup: end, ...others } = changes;
    for (const change of [...Object.values(others), end!, last!]) await change();
    expect(await dumpDatabase()).not.toEqual(before);
  });
});
