// The audit proves itself in a browser: an admin verifies, signs, takes the proof away and sets what is kept; an auditor reads what was
// kept and may change nothing; and the file that was taken away verifies without this server. axe finds nothing on the way.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, type Page } from '@playwright/test';
import { transaction } from '@/lib/db';
import { createGroup } from '@/lib/people/groups';
import { mintAgentToken } from '@/lib/tokens/agent-tokens';
import { POSTGRES_URL } from '../support/browser';
import { callOf, post } from '../support/gate';
import { addConnection, addOrganization, addPerson, startPortal, type Portal } from '../support/portal';
import { enter, takePictures } from '../support/room';

let portal: Portal;
let token: string;
let folder: string;

test.beforeAll(async () => {
  test.setTimeout(180_000);
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-proof-'));
  portal = await startPortal({}, process.env[POSTGRES_URL]);
  const aurora = await addOrganization('Aurora', 'admin@aurora.example', portal.sandbox);
  await addPerson(aurora, 'auditor@aurora.example', { name: 'Auditor', role: 'auditor' });
  const memberId = await addPerson(aurora, 'ana@example.com', { name: 'Ana' });
  await addConnection(portal, aurora.id, memberId, 'ana@example.com');
  await transaction((tx) =>
    createGroup(tx, aurora.actor, { name: 'Readers', tools: ['search_tasks'], members: ['ana@example.com'] }),
  );
  const ana = { ...aurora.actor, memberId, memberEmail: 'ana@example.com' };
  ({ token } = await transaction((tx) => mintAgentToken(tx, ana, { name: 'Agent of Ana' })));
});
test.afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await portal?.stop();
});

const search = (text: string) =>
  post({ url: `${portal.origin}/mcp` }, token, callOf('search_tasks', { text }));

async function download(page: Page, name: string, file: string): Promise<string> {
  const [saved] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name }).click(),
  ]);
  const path = join(folder, file);
  await saved.saveAs(path);
  return path;
}

test('the chain is verified, signed and taken away, and the file verifies without the server', async ({
  browser,
}) => {
  test.setTimeout(120_000);
  await search('before');
  const page = await enter(browser, portal, 'admin@aurora.example');
  await page.goto(`${portal.origin}/admin/audit`);
  await page.getByRole('link', { name: 'Proof' }).click();
  await expect(page).toHaveURL(/\/admin\/audit\/proof$/);
  await page.getByRole('button', { name: 'Sign one now' }).click();
  await expect(page.getByText('Checkpoint signed')).toBeVisible();
  await expect(page.getByRole('table', { name: 'Newest checkpoints' }).getByRole('row')).not.toHaveCount(1);
  await page.getByRole('button', { name: 'Verify the chain' }).click();
  await expect(page.getByText('Every record is as it was written')).toBeVisible();
  await takePictures(page, 'proof/verified');

  const file = await download(page, 'Export all records', 'audit.jsonl');
  const keys = await download(page, 'Download public keys', 'keys.json');
  const checkpoints = await download(page, 'Download all', 'checkpoints.json');
  const verifier = await download(page, 'Download the verifier', 'gatehouse-verify.mjs');
  const verify = (what: string) =>
    execFileSync(process.execPath, [verifier, what, '--key', keys, '--checkpoints', checkpoints], {
      ...{ encoding: 'utf8', cwd: folder, stdio: 'pipe' },
    });
  expect(verify(file)).toMatch(/^As written: .*a key that you gave/);
  const forged = join(folder, 'forged.jsonl');
  writeFileSync(forged, readFileSync(file, 'utf8').replace('ana@example.com', 'eve@example.com'));
  expect(() => verify(forged)).toThrow();

  await page.getByRole('button', { name: 'Change the key' }).click();
  await expect(page.getByRole('alertdialog')).toContainText('private half of the present key is destroyed');
  await page.getByRole('alertdialog').getByRole('button', { name: 'Change the key' }).click();
  await expect(page.getByText('A new key signs')).toBeVisible();
  await expect(page.getByText('retired', { exact: true })).toBeVisible();
  await takePictures(page, 'proof/two-keys');
  await page.close();
});

test('arguments are kept from the switch on, and an auditor reads them, who may change nothing else', async ({
  browser,
}) => {
  test.setTimeout(120_000);
  const admin = await enter(browser, portal, 'admin@aurora.example');
  await admin.goto(`${portal.origin}/admin/audit/proof`);
  await admin.getByRole('switch', { name: 'Keep the arguments of calls' }).click();
  await expect(admin.getByRole('alertdialog')).toContainText('People may have to be told');
  await admin.getByRole('alertdialog').getByRole('button', { name: 'Keep arguments' }).click();
  await expect(admin.getByRole('switch', { name: /Kept since/ })).toBeChecked();
  await search('the plan');

  const auditor = await enter(browser, portal, 'auditor@aurora.example');
  await auditor.goto(`${portal.origin}/admin/audit/proof`);
  await expect(auditor.getByRole('switch', { name: /Kept since/ })).toBeDisabled();
  await expect(auditor.getByRole('button', { name: /Change the key|Send the audit|Save/ })).toHaveCount(0);
  await takePictures(auditor, 'proof/auditor');
  await auditor.goto(`${portal.origin}/admin/audit?tool=search_tasks`);
  await auditor.getByRole('table').getByRole('row').nth(1).getByRole('link').first().click();
  await auditor.getByRole('button', { name: 'Read the arguments' }).click();
  await expect(auditor.getByRole('region', { name: 'kept arguments' })).toContainText('the plan');
  await takePictures(auditor, 'proof/kept-arguments');
  const here = auditor.url();

  await admin.goto(here);
  await expect(admin.getByRole('heading', { name: 'Place in the chain' })).toBeVisible();
  await expect(admin.getByRole('button', { name: 'Read the arguments' })).toHaveCount(0);
  await admin.goto(`${portal.origin}/admin/audit?kind=event`);
  await expect(admin.getByText('Read the kept arguments of a call').first()).toBeVisible();
  await auditor.close();
  await admin.close();
});

test('the audit is sent elsewhere until it is stopped, and shorter keeping asks first', async ({
  browser,
}) => {
  test.setTimeout(120_000);
  const page = await enter(browser, portal, 'admin@aurora.example');
  await page.goto(`${portal.origin}/admin/audit/proof`);
  await page.getByLabel('Address').fill('https://syslog.example.com');
  await page.getByRole('button', { name: 'Send the audit there' }).click();
  await expect(page.getByText(/must begin with tls/)).toBeVisible();
  // Nothing listens there.
  await page.getByLabel('Address').fill('tcp://127.0.0.1:9');
  await page.getByText('Everything that is kept').click();
  await page.getByRole('button', { name: 'Send the audit there' }).click();
  await expect(page.getByRole('button', { name: 'Stop sending' })).toBeVisible();
  await expect(async () => {
    await page.reload();
    await expect(page.getByText('The sink does not take records')).toBeVisible({ timeout: 1_000 });
  }).toPass({ timeout: 20_000 });
  await takePictures(page, 'proof/sink-away');
  await page.goto(`${portal.origin}/admin/health`);
  await expect(page.getByText(/can’t be reached/).first()).toBeVisible();
  await takePictures(page, 'proof/health');
  await page.goto(`${portal.origin}/admin/audit/proof`);
  await page.getByRole('button', { name: 'Stop sending' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Stop sending' }).click();
  await expect(page.getByText('The audit is sent nowhere else.')).toBeVisible();

  await page.getByLabel('Records, months').fill('24');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(page.getByRole('alertdialog')).toContainText('older than 24 months');
  await page.getByRole('button', { name: 'Save and delete' }).click();
  await expect(page.getByText('Saved')).toBeVisible();
  await page.reload();
  await expect(page.getByLabel('Records, months')).toHaveValue('24');
  await page.close();
});
