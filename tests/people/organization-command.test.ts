// `npm run organization`: a further organization beside the others, and a link that lets its admin in.
import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pool } from '@/lib/db';
import { childEnv } from '@/lib/env';
import { acceptInvite } from '@/lib/people/invites';
import { signIn } from '@/lib/people/sign-in';
import { addOrganization, openLib, PASSWORD } from '../support/portal';

let lib: Awaited<ReturnType<typeof openLib>>;

beforeAll(async () => {
  lib = await openLib({ GATEHOUSE_URL: 'https://gatehouse.example.com' });
  await addOrganization('Aurora', 'admin@aurora.example');
});
afterAll(() => lib.close());

/** Runs the command as npm does, on the test's database; everything it wrote, and how it ended. */
async function run(...args: string[]): Promise<{ code: number | null; output: string }> {
  const env = childEnv({ ...lib.variables, NODE_ENV: 'production' });
  const child = spawn(process.execPath, ['--import', 'tsx', 'scripts/organization.ts', ...args], { env });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, output };
}

const organizations = async () => (await pool().query('SELECT name FROM organizations ORDER BY name')).rows;

describe('npm run organization -- create', { timeout: 60_000 }, () => {
  test('makes an organization of its own and prints the one link that lets its admin in', async () => {
    const { code, output } = await run('create', '--name', 'Borealis', '--admin', 'Bea@Borealis.example');
    expect([code, output]).toEqual([0, expect.stringContaining('Created the organization "Borealis"')]);
    const link = /https:\/\/gatehouse\.example\.com\/invite#(ghi_[0-9A-Za-z]{44})\n/.exec(output)?.[1];
    await acceptInvite(link!, PASSWORD);
    const bea = await signIn({ email: 'bea@borealis.example', password: PASSWORD, address: '192.0.2.1' });
    const { rows } = await pool().query(
      `SELECT o.name, m.role, (SELECT count(*)::int FROM tools t WHERE t.organization_id = o.id) AS tools
       FROM members m JOIN organizations o ON o.id = m.organization_id WHERE m.id = $1`,
      [bea!.id],
    );
    expect(rows).toEqual([{ name: 'Borealis', role: 'admin', tools: 39 }]);
    expect(await organizations()).toEqual([{ name: 'Aurora' }, { name: 'Borealis' }]);
    const audit = await pool().query(
      'SELECT action, credential_kind, credential_name FROM audit_records WHERE organization_id = $1 ORDER BY at',
      [bea!.organizationId],
    );
    const command = { credential_kind: 'system', credential_name: 'npm run organization' };
    expect(audit.rows.slice(0, 2)).toEqual([
      { ...command, action: 'organization.created' },
      { ...command, action: 'member.invited' },
    ]);
  });

  test('makes nothing for an address that somebody has, or for what is no address', async () => {
    const before = await organizations();
    const results = await Promise.all([
      run('create', '--name', 'Third', '--admin', 'ADMIN@aurora.example'),
      run('create', '--name', 'Third', '--admin', 'not an address'),
    ]);
    expect(results.map(({ code }) => code)).toEqual([1, 2]);
    expect(results[0]!.output).toContain('Somebody has this e-mail address already.');
    expect(results[1]!.output).toContain('"not an address" is not an e-mail address.');
    expect(results[1]!.output).toContain('npm run organization -- create');
    for (const { output } of results) expect(output).not.toMatch(/\bat .*:\d+:\d+/);
    expect(await organizations()).toEqual(before);
  });
});
