// Policy tests, replay and the policy as a file in a browser: an admin writes down what must not be, sees in the matrix and in the group what a
// draft would have done to real calls, is refused where it breaks a test, and plans and applies a file.
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test, type Page } from '@playwright/test';
import { db, transaction } from '@/lib/db';
import { createGroup } from '@/lib/people/groups';
import { mintAgentToken } from '@/lib/tokens/agent-tokens';
import { POSTGRES_URL } from '../support/browser';
import { callOf, post } from '../support/gate';
import {
  addConnection,
  addOrganization,
  addPerson,
  startPortal,
  type Portal,
  type PortalOrganization,
} from '../support/portal';
import { enter, expectAccessible, takePictures } from '../support/room';

const ADMIN = 'admin@aurora.example';

let portal: Portal;
let aurora: PortalOrganization;
let bobsToken = '';

test.beforeAll(async () => {
  test.setTimeout(180_000);
  portal = await startPortal({}, process.env[POSTGRES_URL]);
  aurora = await addOrganization('Aurora', ADMIN, portal.sandbox);
  const tools = ['get_me', 'get_user', 'create_tasks'];
  await transaction((tx) => createGroup(tx, aurora.actor, { name: 'Interns', tools, members: [] }));
  await transaction((tx) => createGroup(tx, aurora.actor, { name: 'Leads', tools, members: [] }));
  const memberId = await addPerson(aurora, 'ben@example.com', { name: 'Ben', groups: ['interns'] });
  await addConnection(portal, aurora.id, memberId, 'ben@example.com');
  const ben = { ...aurora.actor, memberId, memberEmail: 'ben@example.com' };
  ({ token: bobsToken } = await transaction((tx) => mintAgentToken(tx, ben, { name: 'Agent' })));
  const gate = { url: `${portal.origin}/mcp` };
  for (const tool of ['get_me', 'get_me', 'get_user', 'delete_task'])
    await post(gate, bobsToken, callOf(tool, {}));
});
test.afterAll(() => portal?.stop());

test.describe.configure({ timeout: 300_000, mode: 'serial' });

const look = (page: Page, name: string) => takePictures(page, `config/${name}`);

test('an admin writes down what must not be, and a save that would break it is refused in words', async ({
  browser,
}) => {
  const page = await enter(browser, portal, ADMIN);
  await page.goto(`${portal.origin}/admin/policy-tests`);
  await expect(page.getByText('No policy tests yet')).toBeVisible();
  await look(page, 'tests-empty');
  await page.getByRole('button', { name: 'New test' }).click();
  const dialog = page.getByRole('dialog', { name: 'New policy test' });
  await dialog.getByLabel('Tool').fill('delete_task');
  await dialog.getByRole('button', { name: 'Add test' }).click();
  await expect(dialog.getByText('Tick at least one group.')).toBeVisible();
  await dialog.getByLabel('Interns').check();
  await dialog.getByLabel('Because').fill('Interns delete nothing');
  await expectAccessible(page);
  await dialog.getByRole('button', { name: 'Add test' }).click();
  await expect(page.getByText('Test added; it passes')).toBeVisible();
  await page.getByRole('button', { name: 'New test' }).click();
  await dialog.getByText('One person').click();
  await dialog.getByLabel('E-mail address').fill('ben@example.com');
  await dialog.getByLabel('Verdict').selectOption('may call');
  await dialog.getByLabel('Tool').fill('get_task');
  await dialog.getByRole('button', { name: 'Add test' }).click();
  await expect(page.getByText('Test added; it fails now')).toBeVisible();
  await expect(page.getByText('1 test of 2 fails now.')).toBeVisible();
  await look(page, 'tests');
  await page.close();
});

test('a group says what its draft would have done to past calls, and is not saved where a test would fail', async ({
  browser,
}) => {
  const page = await enter(browser, portal, ADMIN);
  await page.goto(`${portal.origin}/admin/groups/interns`);
  const box = page.getByRole('checkbox', { name: /^delete_task/ });
  await box.check();
  await page.getByRole('button', { name: 'Replay past calls' }).click();
  const replay = page.getByRole('region', { name: 'Replay' });
  await expect(replay).toContainText('It would have let through 1 call of 1 person that is refused now.');
  await expect(replay).toContainText('1 policy test would fail');
  await look(page, 'group-replay');
  await page.getByRole('button', { name: 'Save changes' }).click();
  await expect(
    page.getByText('“Somebody in interns alone may not call delete_task” (Interns delete nothing)').last(),
  ).toBeVisible();
  await expect(page.getByText('Nothing was saved: a policy test fails.')).toBeVisible();
  expect(await db().groupTool.count({ where: { organizationId: aurora.id, toolName: 'delete_task' } })).toBe(
    0,
  );
  await page.close();
});

test('the matrix says what its draft would have done to the calls of the last days, and leads to them', async ({
  browser,
}) => {
  const page = await enter(browser, portal, ADMIN);
  await page.goto(`${portal.origin}/admin/tools`);
  await page.getByRole('checkbox', { name: /^get_me, Interns,/ }).click();
  await page.getByRole('button', { name: 'Review and save' }).click();
  const dialog = page.getByRole('dialog', { name: 'Review and save' });
  const replay = dialog.getByRole('region', { name: 'Replay' });
  await expect(replay).toContainText('It would have refused 2 calls of 1 person that are let through now.');
  await expect(replay).toContainText('4 calls looked at.');
  await replay.getByText('Show them').click();
  await look(page, 'matrix-replay');
  const shown = page.waitForEvent('popup');
  await replay.getByRole('link', { name: /2 calls of ben@example.com with get_me/ }).click();
  const audit = await shown;
  await expect(audit.getByRole('table')).toContainText('get_me');
  await expect(audit.getByRole('table')).not.toContainText('get_user');
  await audit.close();
  await page.close();
});

test('a file is downloaded, planned in words, refused where a test fails, and applied', async ({
  browser,
}, info) => {
  const page = await enter(browser, portal, ADMIN);
  await page.goto(`${portal.origin}/admin/policy-tests`);
  const downloading = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download' }).click();
  const path = info.outputPath('gatehouse.json');
  await (await downloading).saveAs(path);
  const file = JSON.parse(readFileSync(path, 'utf8')) as { groups: { tools: string[] }[]; tests: unknown[] };
  expect(file.groups).toHaveLength(2);
  const choose = async (content: unknown) => {
    writeFileSync(path, JSON.stringify(content));
    await page.getByLabel('Policy file').setInputFiles(path);
  };
  const dialog = page.getByRole('dialog', { name: 'What gatehouse.json would change' });
  const [interns, leads] = file.groups;
  await choose({ ...file, groups: [{ ...interns, tools: ['get_me', 'delete_task'] }, leads] });
  await expect(dialog).toContainText('Group interns: gets delete_task; loses create_tasks, get_user.');
  await expect(dialog).toContainText('so this can’t be applied');
  await expect(dialog.getByRole('button', { name: 'Apply 1 change' })).toBeDisabled();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await choose({
    ...file,
    tools: { blocked: ['create_project'] },
    groups: [{ ...interns, tools: ['get_me', 'get_task'] }, leads],
  });
  await expect(dialog).toContainText('Tool create_project is blocked for everybody.');
  await expect(dialog.getByRole('region', { name: 'Replay' })).toContainText('refused 1 call of 1 person');
  await look(page, 'plan');
  await dialog.getByRole('button', { name: 'Apply 2 changes' }).click();
  await expect(page.getByText('Policy applied')).toBeVisible();
  await expect(page.getByText('All 2 pass. No save may break one.')).toBeVisible();
  await page.getByLabel('Policy file').setInputFiles({
    ...{ name: 'gatehouse.json', mimeType: 'application/json', buffer: Buffer.from('{') },
  });
  await expect(page.getByText('gatehouse.json is not JSON')).toBeVisible();
  await page.close();
});
