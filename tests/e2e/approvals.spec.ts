// Approvals in browsers: an admin has a tool wait, an agent's call is held, its approver sees it come while looking, reads it in Asana's words
// and approves; the same call goes through once; another is declined and the agent hears why. Wide and narrow, light and dark; axe finds nothing.
import { expect, test, type Page } from '@playwright/test';
import { transaction } from '@/lib/db';
import { createGroup } from '@/lib/people/groups';
import { SEED } from '@/lib/sandbox/world-seed';
import { startWebsiteDesk } from '../support/aurora';
import { POSTGRES_URL } from '../support/browser';
import { callOf, post } from '../support/gate';
import { addPerson, type Portal, type PortalOrganization } from '../support/portal';
import { enter, takePictures } from '../support/room';

const ADMIN = 'admin@aurora.example';
const ANA = 'ana@aurora.example';
const LEA = 'lea@aurora.example';

let portal: Portal;
let aurora: PortalOrganization;
let token: string;

test.describe.configure({ timeout: 300_000 });
test.beforeAll(async () => {
  test.setTimeout(180_000);
  const tools = ['get_task', 'search_tasks', 'update_tasks', 'add_comment'];
  ({ portal, organization: aurora, token } = await startWebsiteDesk(tools, process.env[POSTGRES_URL]));
  await addPerson(aurora, LEA, { name: 'Lea' });
  await transaction((tx) => createGroup(tx, aurora.actor, { name: 'Leads', tools: [], members: [LEA] }));
});
test.afterAll(() => portal?.stop());

const finish = async (name: string) => {
  const tasks = [{ task: SEED.pressKit, name, completed: true }];
  const { body } = await post({ url: `${portal.origin}/mcp` }, token, callOf('update_tasks', { tasks }));
  return body.result as { isError?: boolean; content: { text: string }[] };
};

const picture = (page: Page, name: string) => takePictures(page, `approvals/${name}`);

test('an admin has a tool wait, the approver decides on what comes, and the agent feels both answers', async ({
  browser,
}) => {
  const admin = await enter(browser, portal, ADMIN);
  await admin.goto(`${portal.origin}/admin/groups/website-desk`);
  const form = admin.getByRole('region', { name: 'Approvals' });
  await form.getByText('update_tasks').click();
  await expect(form.getByText('Choose who approves; until then nothing can be saved.')).toBeVisible();
  await expect(admin.getByRole('button', { name: 'Save changes' })).toBeDisabled();
  await form.getByLabel('Who approves').selectOption('One person');
  await form.getByLabel('E-mail address of the person').fill('nobody@aurora.example');
  await expect(form.getByText('Nobody in the organization has this address.')).toBeVisible();
  await form.getByLabel('Who approves').selectOption('A member of Leads');
  await form.getByText('How a call waits').click();
  await expect(admin.getByText('update_tasks waits for the group leads')).toBeVisible();
  await picture(admin, 'form');
  await admin.getByRole('button', { name: 'Save changes' }).click();
  await expect(admin.getByText('Group saved')).toBeVisible();

  const lea = await enter(browser, portal, LEA);
  await lea.getByRole('link', { name: 'Approvals' }).first().click();
  await expect(lea.getByText('Nothing waits for you')).toBeVisible();
  await picture(lea, 'empty');
  const held = await finish('Press kit');
  expect(held.isError).toBe(true);
  expect(held.content[0]!.text).toContain('a member of Leads');
  // It comes by itself.
  await expect(lea.getByText('Prepare the press kit')).toBeVisible();
  await expect(lea.getByText('Agent of Ana').first()).toBeVisible();
  await lea.getByText('Exactly as the agent sent it').click();
  await picture(lea, 'inbox');
  await lea.getByRole('button', { name: 'Approve this call' }).click();
  await expect(lea.getByText('Approved, not made yet')).toBeVisible();
  expect((await finish('Press kit')).isError ?? false).toBe(false);
  expect((await finish('Press kit')).content[0]!.text).toContain('let through once');

  const ana = await enter(browser, portal, ANA);
  await finish('Press kit, again');
  await ana.goto(`${portal.origin}/approvals`);
  await expect(ana.getByRole('heading', { name: 'Your agents wait' })).toBeVisible();
  await expect(ana.getByRole('button', { name: 'Approve this call' })).toHaveCount(0);
  await lea.getByRole('button', { name: 'Decline' }).click();
  await lea.getByLabel('Answer').fill('Not before the launch.');
  await picture(lea, 'decline');
  await lea.getByRole('dialog').getByRole('button', { name: 'Decline' }).click();
  await expect(lea.getByRole('cell', { name: 'Not before the launch.' })).toBeVisible();
  expect((await finish('Press kit, again')).content[0]!.text).toContain('Not before the launch.');
  await expect(ana.getByText('Your agents wait')).toHaveCount(0);
  await picture(ana, 'history');

  await admin.goto(`${portal.origin}/admin/audit?decision=deny`);
  await expect(admin.getByText(/until a person approves it/).first()).toBeVisible();
  for (const page of [admin, lea, ana]) await page.close();
});
