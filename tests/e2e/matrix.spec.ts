// Tools × groups, explain and requests in a browser: what an admin ticks is reviewed, saved, taken back and never lost.
import { expect, test, type Browser, type Page } from '@playwright/test';
import { transaction } from '@/lib/db';
import { createGroup } from '@/lib/people/groups';
import { mintAgentToken } from '@/lib/tokens/agent-tokens';
import { POSTGRES_URL } from '../support/browser';
import {
  addOrganization,
  addPerson,
  signIn as apiSignIn,
  startPortal,
  type Portal,
  type PortalOrganization,
} from '../support/portal';
import { enter, expectAccessible } from '../support/room';

const ADMIN = 'admin@example.com';
const OTHER = 'other-admin@example.com';
const GROUPS = ['Sales', 'Support', 'Everyone'];

let portal: Portal;
let organization: PortalOrganization;
let benId = '';

// Many pages and audits of them: on a busy machine each takes its time.
test.describe.configure({ timeout: 240_000 });

test.beforeAll(async () => {
  test.setTimeout(120_000);
  portal = await startPortal({}, process.env[POSTGRES_URL]);
  organization = await addOrganization('Aurora', ADMIN, portal.sandbox);
  await addPerson(organization, OTHER, { name: 'Olga', role: 'admin' });
  for (const name of GROUPS)
    await transaction((tx) => createGroup(tx, organization.actor, { name, tools: ['get_me'], members: [] }));
  benId = await addPerson(organization, 'ben@example.com', { name: 'Ben', groups: ['everyone', 'sales'] });
  await addPerson(organization, 'ana@example.com', { name: 'Ana', groups: ['support'] });
});
test.afterAll(() => portal?.stop());

test('thirty ticks say whom they reach, are saved together, and are taken back together', async ({
  browser,
}) => {
  const page = await signedIn(browser, ADMIN);
  await openMatrix(page);
  const before = await toolsByGroup();
  const names = ['get_task', 'get_tasks', 'get_user', 'get_users', 'get_teams', 'get_project'];
  names.push('get_projects', 'create_tasks', 'add_comment', 'delete_task');
  for (const name of names) for (const group of GROUPS) await cell(page, name, group).click();
  const bar = page.getByRole('region', { name: 'Unsaved changes' });
  await expect(bar).toContainText('30 changes in 3 groups');
  await expect(cell(page, 'delete_task', 'Sales')).toHaveAccessibleName(
    'delete_task, Sales, allowed, pending',
  );
  await reservesItsRoom(page);
  await expectAccessible(page);

  await bar.getByRole('button', { name: 'Review and save' }).click();
  const dialog = page.getByRole('dialog', { name: 'Review and save' });
  await expect(dialog).toContainText('2 people gain tools');
  await expect(dialog).toContainText('Gives delete_task to 2 people, no agent active this week. Ana and Ben');
  await expect(dialog).toContainText('can change or delete what exists');
  await expectAccessible(page);
  await dialog.getByRole('tab', { name: 'By group' }).click();
  await expect(dialog.getByText('Support')).toBeVisible();
  expect(await toolsByGroup()).toEqual(before);

  await dialog.getByRole('button', { name: 'Save 30 changes' }).click();
  await expect(page.getByText('Saved 30 changes in 3 groups')).toBeVisible();
  for (const tools of Object.values(await toolsByGroup()))
    expect(tools).toEqual(expect.arrayContaining(names));

  await page.getByRole('button', { name: 'Undo', exact: true }).click();
  await expect(page.getByText('Taken back')).toBeVisible();
  expect(await toolsByGroup()).toEqual(before);
  await expect(cell(page, 'delete_task', 'Sales')).not.toBeChecked();
});

test('two admins at once lose nothing: who saves second sees both changes, and saves both', async ({
  browser,
}) => {
  const [mine, theirs] = [await signedIn(browser, ADMIN), await signedIn(browser, OTHER)];
  await Promise.all([openMatrix(mine), openMatrix(theirs)]);
  await cell(mine, 'get_portfolio', 'Sales').click();
  await cell(mine, 'get_portfolio', 'Support').click();
  await cell(theirs, 'get_task_stories', 'Sales').click();
  await save(theirs, 1);

  await mine.keyboard.press('Control+s');
  await mine.getByRole('button', { name: 'Save 2 changes' }).click();
  const merge = mine.getByRole('dialog', { name: 'Somebody else saved first' });
  const row = (name: string) => merge.getByRole('row').filter({ hasText: name });
  await expect(merge.getByRole('heading', { name: `Sales changed by ${OTHER}` })).toBeVisible();
  await expect(row('get_portfolio')).toContainText('addedunchangedallowed');
  await expect(row('get_task_stories')).toContainText('unchangedaddedallowed');
  await expectAccessible(mine);
  await merge.getByRole('button', { name: 'Continue with the result' }).click();
  await mine.getByRole('button', { name: 'Save 2 changes' }).click();
  await expect(mine.getByText('Saved 2 changes in 2 groups')).toBeVisible();
  const { sales, support } = await toolsByGroup();
  expect(sales).toEqual(expect.arrayContaining(['get_portfolio', 'get_task_stories']));
  expect(support).toContain('get_portfolio');
});

test('a conflict of intents is asked, and an undo that came too late says so', async ({ browser }) => {
  const [mine, theirs] = [await signedIn(browser, ADMIN), await signedIn(browser, OTHER)];
  await Promise.all([openMatrix(mine), openMatrix(theirs)]);
  await cell(mine, 'create_tasks', 'Support').click();
  await preset(mine, 'Support', 'Read-only');
  await cell(theirs, 'delete_task', 'Support').click();
  await save(theirs, 1);

  await mine.keyboard.press('Control+s');
  await mine.getByRole('button', { name: /^Save \d+ changes$/ }).click();
  const merge = mine.getByRole('dialog', { name: 'Somebody else saved first' });
  await expect(merge).toContainText('You made this group “Read-only”, which leaves delete_task out');
  await expect(merge.getByRole('button', { name: '1 conflict to decide' })).toBeDisabled();
  await merge.getByRole('radio', { name: /^Not allowed/ }).check();
  await merge.getByRole('button', { name: 'Continue with the result' }).click();
  await mine.getByRole('button', { name: /^Save \d+ changes$/ }).click();
  await expect(mine.getByText(/^Saved \d+ changes in 1 group$/)).toBeVisible();
  const { support } = await toolsByGroup();
  expect(support).not.toContain('delete_task');
  expect(support).toContain('search_tasks');

  await theirs.getByRole('button', { name: 'Undo the last save' }).click();
  await expect(theirs.getByText('Not undone')).toBeVisible();
  expect((await toolsByGroup()).support).toEqual(support);
});

test('the keyboard alone finds a tool, ticks it, opens its arguments and saves', async ({ browser }) => {
  const page = await signedIn(browser, ADMIN);
  await openMatrix(page);
  await page.getByRole('heading', { name: 'Tools', level: 1 }).waitFor();
  await page.keyboard.press('/');
  await expect(page.getByRole('searchbox', { name: 'Search tools' })).toBeFocused();
  await page.keyboard.type('create_project_status_update');
  await expect(page).toHaveURL(/\?q=create_project_status_update$/);
  await expect(page.getByRole('row').filter({ hasText: 'get_tasks' })).toBeHidden();
  for (let n = 0; n < 6 && !(await inGrid(page)); n += 1) await page.keyboard.press('Tab');
  await page.keyboard.press('Control+Home');
  await page.keyboard.press('ArrowDown');
  await expect(cell(page, 'create_project_status_update', 'Everyone')).toBeFocused();
  await page.keyboard.press('Space');
  await expect(cell(page, 'create_project_status_update', 'Everyone')).toHaveAccessibleName(
    'create_project_status_update, Everyone, allowed, pending',
  );
  await page.keyboard.press('Space');
  await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('Space');
  await expect(page.getByRole('region', { name: 'Unsaved changes' })).toContainText('2 changes in 2 groups');
  await page.keyboard.press('Shift+Space');
  await expect(page.getByRole('region', { name: 'Unsaved changes' })).toContainText('3 changes in 3 groups');
  await page.keyboard.press('Enter');
  await expect(page.getByText('html_text').first()).toBeVisible();
  await expectAccessible(page);
  await page.keyboard.press('Control+s');
  await expect(page.getByRole('dialog', { name: 'Review and save' })).toBeVisible();
  await page.keyboard.press('Control+s');
  await expect(page.getByText('Saved 3 changes in 3 groups')).toBeVisible();
  for (const tools of Object.values(await toolsByGroup()))
    expect(tools).toContain('create_project_status_update');
});

test('a preview is never completed unasked: the tool behind its button is offered, with what it can do', async ({
  browser,
}) => {
  const page = await signedIn(browser, ADMIN);
  await openMatrix(page);
  await cell(page, 'create_task_preview_v4', 'Sales').click();
  await expect(cell(page, 'create_task_preview_v4', 'Sales')).toHaveAccessibleName(
    'create_task_preview_v4, Sales, allowed, pending, without create_task_confirm',
  );
  await expect(cell(page, 'create_task_confirm', 'Sales')).not.toBeChecked();
  await expect(
    page.getByText(/Its button calls create_task_confirm, which Sales does not have/),
  ).toContainText('it creates tasks');
  await page.getByRole('button', { name: 'Tick create_task_confirm too' }).click();
  await expect(cell(page, 'create_task_confirm', 'Sales')).toBeChecked();
});

test('ticks that were not saved are warned about, and wait in the tab', async ({ browser }) => {
  const page = await signedIn(browser, ADMIN);
  await openMatrix(page);
  await cell(page, 'get_agent', 'Sales').click();
  await page.getByRole('link', { name: 'Groups', exact: true }).click();
  const warning = page.getByRole('alertdialog', { name: 'Leave without saving?' });
  await expect(warning).toContainText('1 change in 1 group');
  await expectAccessible(page);
  await warning.getByRole('button', { name: 'Leave' }).click();
  await expect(page).toHaveURL(/\/admin\/groups$/);
  await page.goto(`${portal.origin}/admin/tools`);
  await expect(page.getByText('kept from before you left this page')).toBeVisible();
  await page.getByRole('button', { name: 'Discard' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Discard' }).click();
  await expect(cell(page, 'get_agent', 'Sales')).not.toBeChecked();
  await expect(page.getByRole('region', { name: 'Unsaved changes' })).toHaveCount(0);
});

test('on a phone it is one group at a time, with the same draft and the same review', async ({ browser }) => {
  const page = await signedIn(browser, ADMIN, { width: 390, height: 844 });
  await page.goto(`${portal.origin}/admin/tools`);
  await expect(page.getByRole('grid')).toHaveCount(0);
  await page.getByLabel('Group', { exact: true }).selectOption('support');
  await page.getByRole('checkbox', { name: /^create_project_from_template/ }).check();
  await page.getByLabel('Group', { exact: true }).selectOption('sales');
  await page.getByRole('checkbox', { name: /^create_project_from_template/ }).check();
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Review and save' }).click();
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Save 2 changes' }).click();
  await expect(page.getByText('Saved 2 changes in 2 groups')).toBeVisible();
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true);
  const { sales, support } = await toolsByGroup();
  for (const tools of [sales, support]) expect(tools).toContain('create_project_from_template');
});

test('from a refused call to its explanation, to a request, to its acceptance, to an allowed call', async ({
  browser,
}) => {
  const { token } = await transaction((tx) =>
    mintAgentToken(
      tx,
      { ...organization.actor, memberId: benId, memberEmail: 'ben@example.com' },
      { name: 'Report' },
    ),
  );
  expect(await callTool(token, 'search_objects')).toContain('Unknown tool: search_objects');

  const admin = await signedIn(browser, ADMIN);
  const api = await apiSignIn(portal, ADMIN);
  const { records } = (await api.call('GET', '/api/v1/audit?decision=deny&tool=search_objects')).body;
  await admin.goto(`${portal.origin}/admin/audit/${records[0].id}`);
  await admin
    .getByRole('main')
    .getByRole('link', { name: /explain/i })
    .first()
    .click();
  await expect(admin).toHaveURL(/\/admin\/explain\?record=/);
  await admin.goto(`${portal.origin}/admin/explain?record=${records[0].id}`);
  await expect(admin.getByText('Ben may not use search_objects')).toBeVisible();
  await expect(admin.getByRole('listitem').filter({ hasText: 'Given by a group' })).toContainText('failed');
  await expectAccessible(admin);

  const ben = await signedIn(browser, 'ben@example.com');
  await ben.goto(`${portal.origin}/explain`);
  await ben.getByRole('link', { name: 'search_objects' }).first().click();
  await expect(ben.getByText('You may not use search_objects')).toBeVisible();
  await ben.getByLabel('What do you need it for?').fill('The weekly report looks projects up.');
  await ben.getByRole('button', { name: 'Ask for this tool' }).click();
  await expect(ben.getByText('You have asked for it')).toBeVisible();
  await expectAccessible(ben);

  await admin.goto(`${portal.origin}/admin/requests`);
  const request = admin.getByRole('listitem').filter({ hasText: 'The weekly report looks projects up.' });
  await expect(request).toContainText('ben@example.com');
  await expectAccessible(admin);
  await request.getByRole('button', { name: 'Accept' }).click();
  const dialog = admin.getByRole('dialog', { name: 'Give search_objects to Ben' });
  await dialog.getByRole('radio', { name: /^Everyone/ }).check();
  await expect(dialog).toContainText('Everyone gets search_objects. Nobody else is in Everyone.');
  await expect(dialog).toContainText('Ticking it gives search_objects to 1 person now');
  await expectAccessible(admin);
  await dialog.getByRole('button', { name: 'Accept' }).click();
  await expect(admin.getByRole('row').filter({ hasText: 'search_objects' })).toContainText('Accepted');
  await expectAccessible(admin);

  expect(await callTool(token, 'search_objects')).not.toContain('Unknown tool');
  await ben.goto(`${portal.origin}/explain?tool=search_objects`);
  await expect(ben.getByText('You may use search_objects.')).toBeVisible();
  await expect(ben.getByRole('listitem').filter({ hasText: 'weekly report' })).toContainText('Accepted');
  await expectAccessible(ben);
  await admin.goto(`${portal.origin}/admin/explain?record=${records[0].id}`);
  await expect(admin.getByText('it would be decided the other way now')).toBeVisible();
});

test('a declined request carries its answer, and an open one can be withdrawn', async ({ browser }) => {
  const ben = await signedIn(browser, 'ben@example.com');
  const ask = async (tool: string) => {
    await ben.goto(`${portal.origin}/explain?tool=${tool}`);
    await ben.getByLabel('What do you need it for?').fill(`For ${tool} in the report.`);
    await ben.getByRole('button', { name: 'Ask for this tool' }).click();
    await expect(ben.getByText('You have asked for it')).toBeVisible();
  };
  await ask('update_project');
  await ask('update_tasks');
  await ben
    .getByRole('listitem')
    .filter({ hasText: 'For update_tasks' })
    .getByRole('button', { name: 'Withdraw' })
    .click();
  await expect(ben.getByRole('listitem').filter({ hasText: 'For update_tasks' })).toContainText('Withdrawn');

  const admin = await signedIn(browser, ADMIN);
  await admin.goto(`${portal.origin}/admin/requests`);
  const request = admin.getByRole('listitem').filter({ hasText: 'For update_project' });
  await request.getByRole('button', { name: 'Decline' }).click();
  await admin.getByLabel('Answer').fill('Reports only read.');
  await expectAccessible(admin);
  await admin.getByRole('dialog').getByRole('button', { name: 'Decline' }).click();
  await expect(admin.getByRole('row').filter({ hasText: 'update_project' })).toContainText(
    'Reports only read.',
  );
  await ben.goto(`${portal.origin}/explain`);
  await expect(ben.getByRole('listitem').filter({ hasText: 'For update_project' })).toContainText(
    'Answer: Reports only read.',
  );
});

test('a link from elsewhere leads to the cell, and what is asked wrongly is answered in words', async ({
  browser,
}) => {
  const page = await signedIn(browser, ADMIN);
  await page.goto(`${portal.origin}/admin/tools?tool=delete_task&group=support`);
  await expect(cell(page, 'delete_task', 'Support')).toBeFocused();
  for (const [path, text] of [
    ['/admin/explain', 'Pick a person and a tool'],
    ['/admin/explain?tool=get_me&member=nobody@example.com', 'Nothing to explain'],
    ['/admin/explain?record=x', 'The question is not complete'],
    ['/admin/tools?q=zzz', 'No tool matches'],
  ] as const) {
    await page.goto(portal.origin + path);
    await expect(page.getByText(text).first()).toBeVisible();
    await expectAccessible(page);
  }
});

const cell = (page: Page, tool: string, group: string) =>
  page.getByRole('checkbox', { name: new RegExp(`^${tool}, ${group},`) });

async function openMatrix(page: Page): Promise<void> {
  await page.goto(`${portal.origin}/admin/tools`);
  // The Tab stop is set by the browser's own code: from then on a click counts.
  await expect(page.locator('[role=grid] [tabindex="0"]')).toHaveCount(1);
}

async function save(page: Page, changes: number): Promise<void> {
  await page.getByRole('button', { name: 'Review and save' }).click();
  await page.getByRole('button', { name: new RegExp(`^Save ${changes} changes?$`) }).click();
  await expect(page.getByText(new RegExp(`^Saved ${changes} change`))).toBeVisible();
}

async function preset(page: Page, group: string, title: string): Promise<void> {
  await page
    .getByRole('columnheader', { name: new RegExp(`^${group}`) })
    .getByRole('button')
    .click();
  await page.getByRole('menuitem', { name: new RegExp(`^${title}`) }).click();
}

const inGrid = (page: Page) => page.evaluate(() => Boolean(document.activeElement?.closest('[role=grid]')));

/** The bar of unsaved changes begins below the matrix. */
async function reservesItsRoom(page: Page): Promise<void> {
  const bar = await page.getByRole('region', { name: 'Unsaved changes' }).boundingBox();
  const matrix = await page.locator('.matrix').boundingBox();
  expect(bar!.y).toBeGreaterThanOrEqual(matrix!.y + matrix!.height);
}

async function toolsByGroup(): Promise<Record<string, string[]>> {
  const api = await apiSignIn(portal, ADMIN);
  const { groups } = (await api.call('GET', '/api/v1/groups')).body;
  return Object.fromEntries(
    groups.map(({ slug, tools }: { slug: string; tools: string[] }) => [slug, tools.toSorted()]),
  );
}

async function callTool(token: string, name: string): Promise<string> {
  const response = await fetch(`${portal.origin}/mcp`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } }),
  });
  return response.text();
}

const signedIn = (browser: Browser, email: string, viewport = { width: 1440, height: 900 }) =>
  enter(browser, portal, email, { viewport });
