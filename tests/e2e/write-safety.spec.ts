// Write safety in browsers: an admin gives a group a budget and a window for repeats, an agent spends it, its person and the admin see it on
// their pages, and the admin lets it write again. Wide and narrow, light and dark; axe finds nothing.
import { expect, test, type Page } from '@playwright/test';
import { SEED } from '@/lib/sandbox/world-seed';
import { startWebsiteDesk } from '../support/aurora';
import { POSTGRES_URL } from '../support/browser';
import { callOf, post } from '../support/gate';
import { type Portal } from '../support/portal';
import { enter, takePictures } from '../support/room';

const ADMIN = 'admin@aurora.example';
const ANA = 'ana@aurora.example';

let portal: Portal;
let token: string;

test.describe.configure({ timeout: 300_000 });
test.beforeAll(async () => {
  test.setTimeout(180_000);
  const tools = ['get_task', 'update_tasks', 'add_comment'];
  ({ portal, token } = await startWebsiteDesk(tools, process.env[POSTGRES_URL]));
});
test.afterAll(() => portal?.stop());

const write = async (text: string) => {
  const args = { task_id: SEED.pressKit, text };
  const { body } = await post({ url: `${portal.origin}/mcp` }, token, callOf('add_comment', args));
  return body.result as { isError?: boolean; content: { text: string }[] };
};

const picture = (page: Page, name: string) => takePictures(page, `write-safety/${name}`);

test('an admin sets it, an agent spends its budget, and both people see what that means', async ({
  browser,
}) => {
  const admin = await enter(browser, portal, ADMIN);
  await admin.goto(`${portal.origin}/admin/groups/website-desk`);
  const form = admin.getByRole('region', { name: 'Write safety' });
  await form.getByLabel('Writes a day').fill('many');
  await expect(form.getByText('A whole number from 1 to 100,000, or nothing to leave it off.')).toBeVisible();
  await form.getByLabel('Writes a day').fill('1');
  await form.getByLabel('Answer repeats for').fill('600');
  await form.getByText('How this works').click();
  await expect(admin.getByText('Each agent of a person may write at most 1 call a day.')).toBeVisible();
  await picture(admin, 'form');
  await admin.getByRole('button', { name: 'Save changes' }).click();
  await expect(admin.getByText('Group saved')).toBeVisible();
  await admin.reload();
  await expect(form.getByLabel('Writes a day')).toHaveValue('1');

  expect((await write('On it.')).isError ?? false).toBe(false);
  expect((await write('On it.')).content[0]!.text).toMatch(/^Done already/);
  expect((await write('And more.')).isError).toBe(true);

  const ana = await enter(browser, portal, ANA);
  await expect(ana.getByText('One of your agents may only read today')).toBeVisible();
  await picture(ana, 'home-of-a-member');
  await ana.getByRole('link', { name: 'Agents', exact: true }).first().click();
  await expect(ana.getByText('has spent its budget of 1 write for today')).toBeVisible();

  await admin.goto(portal.origin);
  await expect(admin.getByText('1 agent may only read today')).toBeVisible();
  await picture(admin, 'home-of-an-admin');
  await admin.getByRole('link', { name: 'See whose, and let them write again' }).click();
  const list = admin.getByRole('region', { name: 'Agents that only read today' });
  await expect(list.getByText('1 write spent')).toBeVisible();
  await expect(admin.getByText('agent that may only read today')).toBeAttached();
  await picture(admin, 'people');
  await list.getByRole('button', { name: 'Let Agent of Ana of Ana write again' }).click();
  await expect(admin.getByRole('dialog')).toBeVisible();
  await picture(admin, 'lift');
  await admin.getByRole('dialog').getByRole('button', { name: 'Let it write' }).click();
  await expect(list).toHaveCount(0);
  expect((await write('And more.')).isError ?? false).toBe(false);
  await ana.goto(portal.origin);
  await expect(ana.getByText('may only read today')).toHaveCount(0);

  await admin.goto(`${portal.origin}/admin/audit?reason=duplicate_write`);
  await expect(admin.getByText(/answered from the first and not sent again/).first()).toBeVisible();
  await admin.getByRole('rowheader').getByRole('link').first().click();
  await admin.getByRole('link', { name: 'The first call' }).click();
  await expect(admin.getByText('Allowed: a group has the tool, and nothing forbids it.')).toBeVisible();
  for (const page of [admin, ana]) await page.close();
});
