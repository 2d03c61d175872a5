// Undo in browsers: an admin has a group keep what was there before, an agent changes and deletes, its person reads what would come back, is
// warned of what somebody changed since, and puts it back; an admin does so from the audit. Wide and narrow, light and dark; axe finds nothing.
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
  const tools = ['get_task', 'update_tasks', 'delete_task', 'create_tasks'];
  ({ portal, token } = await startWebsiteDesk(tools, process.env[POSTGRES_URL]));
});
test.afterAll(() => portal?.stop());

const agent = async (tool: string, args: Record<string, unknown>) => {
  const { body } = await post({ url: `${portal.origin}/mcp` }, token, callOf(tool, args));
  expect(body.result.isError ?? false).toBe(false);
};
const task = (gid: string) => portal.sandbox.world.tasks.get(gid);

const picture = (page: Page, name: string) => takePictures(page, `undo/${name}`);

test('what an agent changed or deleted is put back by its person and by an admin, who read first what that does', async ({
  browser,
}) => {
  const admin = await enter(browser, portal, ADMIN);
  await admin.goto(`${portal.origin}/admin/groups/website-desk`);
  const form = admin.getByRole('region', { name: 'Write safety' });
  await form.getByLabel('Keep what was there before (days)').fill('91');
  await expect(form.getByText(/A whole number from 1 to 90/)).toBeVisible();
  await form.getByLabel('Keep what was there before (days)').fill('14');
  await form.getByText('How this works').click();
  await expect(admin.getByText('keeps what was there before a change for 14 days')).toBeVisible();
  await picture(admin, 'form');
  await admin.getByRole('button', { name: 'Save changes' }).click();
  await expect(admin.getByText('Group saved')).toBeVisible();

  await agent('update_tasks', {
    tasks: [
      {
        task: SEED.pressKit,
        name: 'Done by an agent',
        completed: true,
        due_on: null,
        notes: 'Nothing left of it.',
      },
      { task: SEED.homepageCopy, name: 'Done too', assignee: null, custom_fields: { [SEED.effort]: 99 } },
    ],
  });
  task(SEED.pressKit)!.name = 'Somebody changed this since';
  const ana = await enter(browser, portal, ANA);
  await ana.goto(`${portal.origin}/activity`);
  await ana.getByRole('link', { name: 'Undo update_tasks' }).click();
  await expect(ana.getByRole('heading', { name: 'update_tasks' })).toBeVisible();
  await picture(ana, 'kept');
  await ana.getByRole('button', { name: 'See what would be put back' }).click();
  await expect(ana.getByText('Changed since the call')).toBeVisible();
  await expect(ana.getByText('Somebody changed this since')).toBeVisible();
  await picture(ana, 'preview');
  await ana.getByRole('button', { name: 'Put back 2 tasks' }).click();
  await expect(ana.getByRole('alertdialog')).toContainText(
    '1 part that was changed after the call is overwritten',
  );
  await picture(ana, 'question');
  await ana.getByRole('button', { name: 'Overwrite and put back' }).click();
  await expect(
    ana.getByRole('list', { name: 'What came back' }).getByText('Back', { exact: true }),
  ).toHaveCount(2);
  await expect(ana.getByRole('button', { name: 'See what would be put back' })).toHaveCount(0);
  await picture(ana, 'restored');
  expect([task(SEED.pressKit)!.name, task(SEED.homepageCopy)!.customValues.get(SEED.effort)]).toEqual([
    ...['Prepare the press kit', 2],
  ]);

  await agent('delete_task', { task: SEED.homepageCopy });
  await admin.goto(`${portal.origin}/admin/audit?tool=delete_task`);
  await admin.getByRole('row').filter({ hasText: 'delete_task' }).getByRole('link').first().click();
  await expect(admin.getByRole('heading', { name: 'Undo', exact: true })).toBeVisible();
  await expect(admin.getByText(/can’t undelete/)).toBeVisible();
  await admin.getByRole('button', { name: 'See what would be put back' }).click();
  // With its subtask.
  await expect(admin.getByText('To be created anew')).toHaveCount(2);
  // What it said is Ana's own.
  await expect(admin.getByText('Write the homepage copy')).toHaveCount(0);
  await picture(admin, 'deletion');
  await admin.getByRole('button', { name: 'Put back 2 tasks' }).click();
  await admin.getByRole('alertdialog').getByRole('button', { name: 'Put back' }).click();
  await expect(admin.getByText(/Created anew as/)).toHaveCount(2);
  expect([...portal.sandbox.world.tasks.values()].map(({ name }) => name)).toContain(
    'Write the homepage copy',
  );
  for (const page of [admin, ana]) await page.close();
});
