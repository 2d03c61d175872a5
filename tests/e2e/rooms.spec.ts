// The admin's rooms in a browser: people found, sorted and offboarded; the audit filtered, followed and exported; charts that agree
// with it; health that says what is broken; a secret rotated without disconnecting anybody. axe finds nothing in any of them.
import { expect, test, type Browser, type Page } from '@playwright/test';
import { disconnect } from '@/lib/asana/connections';
import { searchAudit } from '@/lib/audit/records';
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
import { enter, expectAccessible } from '../support/room';

const ADMIN = 'admin@aurora.example';
const PEOPLE = 60;

let portal: Portal;
let aurora: PortalOrganization;
/** Agent tokens by e-mail. */
const tokens = new Map<string, string>();

test.beforeAll(async () => {
  test.setTimeout(180_000);
  portal = await startPortal({}, process.env[POSTGRES_URL]);
  aurora = await addOrganization('Aurora', ADMIN, portal.sandbox);
  await transaction((tx) =>
    createGroup(tx, aurora.actor, { name: 'Readers', tools: ['get_me', 'search_tasks'], members: [] }),
  );
  await transaction((tx) => createGroup(tx, aurora.actor, { name: 'Nobody yet', tools: [], members: [] }));
  for (const name of ['ana', 'ben', 'cleo']) {
    const email = `${name}@example.com`;
    const memberId = await addPerson(aurora, email, { name: name.toUpperCase(), groups: ['readers'] });
    await addConnection(portal, aurora.id, memberId, email);
    const person = { ...aurora.actor, memberId, memberEmail: email };
    const { token } = await transaction((tx) => mintAgentToken(tx, person, { name: `Agent of ${name}` }));
    tokens.set(email, token);
  }
  await addPerson(aurora, 'auditor@aurora.example', { name: 'Auditor', role: 'auditor' });
  // They never sign in: without a password no hash has to be made for each of them.
  for (let n = 1; n <= PEOPLE; n++)
    await addPerson(aurora, `person-${String(n).padStart(2, '0')}@example.com`, {
      name: `Person ${String(n).padStart(2, '0')}`,
      password: undefined,
    });
});
test.afterAll(() => portal?.stop());

// Reading outcomes and pages of a busy machine takes its time.
test.describe.configure({ timeout: 120_000 });

test('people are searched, filtered, sorted and paged on the server, and the address holds it', async ({
  browser,
}) => {
  const page = await signedIn(browser, ADMIN);
  await page.goto(`${portal.origin}/admin/people`);
  await expect(page.getByText(/^1–50 of 65 people$/)).toBeVisible();
  await expectAccessible(page);

  await page.getByRole('link', { name: 'Next' }).click();
  await expect(page).toHaveURL(/offset=50/);
  await expect(page.getByText('51–65 of 65 people')).toBeVisible();

  await page.getByLabel('Search people').fill('person-1');
  await expect(page).toHaveURL(/search=person-1/);
  await expect(page.getByText('1–10 of 10 people')).toBeVisible();
  await expect(page).not.toHaveURL(/offset/);
  await page.reload();
  await expect(rows(page)).toHaveCount(10);

  await page.getByRole('link', { name: 'Person', exact: true }).click();
  await expect(page).toHaveURL(/direction=desc/);
  await expect(rows(page).first()).toContainText('Person 19');
  await expect(page.getByRole('columnheader', { name: 'Person' })).toHaveAttribute('aria-sort', 'descending');

  await page.getByRole('button', { name: 'Clear' }).click();
  await page.getByLabel('Group').selectOption('readers');
  await expect(page.getByText('1–3 of 3 people')).toBeVisible();
  await expect(rows(page).filter({ hasText: 'ana@example.com' })).toContainText('Connected');
  await page.getByLabel('Role').selectOption('admin');
  await expect(page.getByText('Nobody matches')).toBeVisible();
  await expectAccessible(page);
});

test('a person’s page shows what they hold, and one of their agent tokens can be ended', async ({
  browser,
}) => {
  const page = await signedIn(browser, ADMIN);
  expect((await call('cleo@example.com', 'get_me')).status).toBe(200);
  await page.goto(`${portal.origin}/admin/people`);
  await page.getByLabel('Search people').fill('cleo');
  await page.getByRole('link', { name: 'CLEO' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('CLEO');
  await expect(page.getByRole('table', { name: 'Asana connections' })).toContainText('Healthy');
  await expect(page.getByRole('link', { name: 'search_tasks', exact: true })).toHaveAttribute(
    'href',
    '/admin/explain?member=cleo%40example.com&tool=search_tasks',
  );
  await expect(page.getByRole('table', { name: 'Latest activity' })).toContainText('get_me');
  await expectAccessible(page);

  await page.getByRole('button', { name: 'End Agent of cleo' }).click();
  await expect(page.getByRole('alertdialog')).toContainText('CLEO');
  await page.getByRole('alertdialog').getByRole('button', { name: 'End token' }).click();
  await expect(page.getByText('No agents yet')).toBeVisible();
  expect((await call('cleo@example.com', 'get_me')).status).toBe(401);
});

test('offboarding shows what will end, asks for the e-mail, and then says what has ended', async ({
  browser,
}) => {
  const page = await signedIn(browser, ADMIN);
  await page.goto(`${portal.origin}/admin/people/cleo@example.com`);
  await page.getByRole('button', { name: 'Offboard' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('1 Asana connection, revoked at Asana too');
  await expect(dialog).toContainText('Readers');
  await expectAccessible(page);
  const confirm = dialog.getByRole('button', { name: 'Offboard person' });
  await dialog.getByLabel(/To confirm, type/).fill('cleo@example.co');
  await expect(confirm).toBeDisabled();
  await dialog.getByLabel(/To confirm, type/).fill('cleo@example.com');
  await confirm.click();
  await expect(dialog).toContainText('Everything here has ended');
  await expect(dialog).toContainText('Asana has confirmed that its authorization is revoked');
  await expectAccessible(page);
  expect(portal.sandbox.log.entries.some(({ path }) => path.endsWith('/oauth_revoke'))).toBe(true);
  await expect(dialog.getByRole('link', { name: 'the receipt' })).toHaveAttribute(
    'href',
    /\/admin\/people\/offboardings\/[0-9a-f-]{36}$/,
  );
  await dialog.getByRole('button', { name: 'Done' }).click();
  await expect(page).toHaveURL(`${portal.origin}/admin/people`);
  await expect(page.getByText('1–50 of 64 people')).toBeVisible();
  await page.goto(`${portal.origin}/admin/people/cleo@example.com`);
  await expect(page.getByText('cleo@example.com is not a member')).toBeVisible();
});

test('the audit’s filters combine, come off as chips, and hold for record, neighbours and export', async ({
  browser,
}) => {
  for (const tool of ['get_me', 'delete_task', 'search_tasks', 'delete_task'])
    await call('ana@example.com', tool);
  await call('ben@example.com', 'delete_task');
  const page = await signedIn(browser, ADMIN);
  await page.goto(`${portal.origin}/admin/audit`);
  await expectAccessible(page);
  // By keyboard alone: a value is found by its name, without first choosing the field.
  await page.getByRole('button', { name: 'Filter', exact: true }).focus();
  await page.keyboard.press('Enter');
  await page.getByPlaceholder('Filter by…').fill('denied');
  await expectAccessible(page);
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/decision=deny/);
  await page.getByRole('button', { name: 'Filter', exact: true }).click();
  await page.getByRole('option', { name: 'Person', exact: true }).click();
  await page.getByPlaceholder('Type or choose').fill('ana@example.com');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/member=ana%40example.com/);
  await page.getByRole('button', { name: 'Time: All time' }).click();
  await page.getByRole('button', { name: 'Last hour' }).click();
  await expect(page).toHaveURL(/range=1h/);
  await expect(rows(page)).toHaveCount(2);
  await expect(rows(page).first()).toContainText('delete_task');
  await expect(
    rows(page)
      .first()
      .getByRole('link', { name: /^Explain/ }),
  ).toHaveAttribute('href', /\/admin\/explain\?record=[0-9a-f-]{36}/);

  const href = await page.getByRole('link', { name: /JSON lines/ }).getAttribute('href');
  const exported = await page.request.get(`${portal.origin}${href}`);
  const lines = (await exported.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.map(({ member, tool, decision }) => [member, tool, decision])).toEqual([
    ['ana@example.com', 'delete_task', 'deny'],
    ['ana@example.com', 'delete_task', 'deny'],
  ]);

  await rows(page).first().getByRole('link').first().click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('delete_task');
  await expect(page.getByText('None of the person’s groups has this tool.').first()).toBeVisible();
  await expect(page.getByText('Agent token “Agent of ana”')).toBeVisible();
  await expectAccessible(page);
  const first = page.url();
  expect(first).toContain(lines[0].id);
  await page.getByRole('link', { name: 'Older record' }).click();
  await expect(page).toHaveURL(new RegExp(lines[1].id));
  // Of all that ana did only the two denied calls match the filter, so that there is nothing older.
  await expect(page.getByRole('link', { name: 'Older record' })).toHaveCount(0);
  await page.getByRole('link', { name: 'Newer record' }).click();
  await expect(page).toHaveURL(first);

  await page.getByRole('main').getByRole('link', { name: 'Audit', exact: true }).click();
  await page.getByRole('button', { name: 'Remove the filter Person: ana@example.com' }).click();
  await expect(page).not.toHaveURL(/member=/);
  await expect(rows(page)).toHaveCount(3);
  await page.getByRole('button', { name: 'Verify' }).click();
  await expect(page.getByText('Every record is as it was written')).toBeVisible();
});

test('a changed group reads as what was added and what was removed', async ({ browser }) => {
  const page = await signedIn(browser, ADMIN);
  await page.request.put(`${portal.origin}/api/v1/groups/nobody-yet`, {
    headers: { origin: portal.origin },
    data: { name: 'Nobody yet', tools: ['get_me', 'get_task'], members: [] },
  });
  await page.request.put(`${portal.origin}/api/v1/groups/nobody-yet`, {
    headers: { origin: portal.origin },
    data: { name: 'Somebody', tools: ['get_task', 'add_comment'], members: ['ben@example.com'] },
  });
  const { records } = await searchAudit(aurora.id, { kind: 'event' }, { limit: 1 });
  await page.goto(`${portal.origin}/admin/audit/${records[0]!.id}`);
  const changes = page.getByRole('region', { name: 'What changed' });
  for (const line of [
    'Removed: get_me',
    'Added: add_comment',
    'Added: ben@example.com',
    'Removed: Nobody yet',
    'Added: Somebody',
  ])
    await expect(changes.getByRole('listitem').filter({ hasText: line })).toHaveCount(1);
  await expect(changes).toContainText('1 other unchanged');
  await expect(changes.getByText('get_task')).toHaveCount(0);
  await expectAccessible(page);
});

test('live, new rows come by themselves; scrolled down they wait behind a button and nothing moves', async ({
  browser,
}) => {
  const page = await signedIn(browser, ADMIN);
  await page.goto(`${portal.origin}/admin/audit?member=ben@example.com&method=tools/call`);
  await page.getByRole('switch', { name: 'Live' }).check();
  await expect(page).toHaveURL(/live=1/);
  const before = await rows(page).count();
  await call('ben@example.com', 'search_tasks');
  await expect(rows(page)).toHaveCount(before + 1);
  await expect(rows(page).first()).toContainText('search_tasks');
  // Its outcome, recorded a moment later, comes too.
  await expect(rows(page).first()).toContainText('OK');

  for (let n = 0; n < 25; n++) await call('ben@example.com', 'get_me');
  await expect(rows(page)).toHaveCount(before + 26);
  await page.evaluate(() => window.scrollTo(0, 600));
  const read = rows(page).nth(15);
  const place = async () => Math.round((await read.boundingBox())!.y);
  const [text, y] = [await read.innerText(), await place()];
  await call('ben@example.com', 'delete_task');
  await call('ben@example.com', 'delete_task');
  const button = page.getByRole('button', { name: '2 new' });
  await expect(button).toBeVisible();
  expect([await read.innerText(), await place()]).toEqual([text, y]);
  await expectAccessible(page);
  await button.press('Enter');
  await expect(rows(page).first()).toContainText('delete_task');
  await expect(button).toHaveCount(0);
  // The focus is on the first row, from where the keyboard goes on.
  await page.keyboard.press('ArrowDown');
  await expect(rows(page).nth(1).getByRole('link').first()).toBeFocused();
});

test('charts count what the audit lists', async ({ browser }) => {
  for (const tool of ['get_me', 'search_tasks', 'delete_task']) await call('ana@example.com', tool);
  await call('ben@example.com', 'delete_task');
  const page = await signedIn(browser, ADMIN);
  await expect(async () => {
    await page.goto(`${portal.origin}/admin/audit/charts?range=1d`);
    // The sums follow the records within a second or two.
    const { records } = await searchAudit(aurora.id, { kind: 'call' }, { limit: 500 });
    expect(await total(page, 'Calls')).toBe(records.length);
    expect(await total(page, 'Denied')).toBe(records.filter(({ decision }) => decision === 'deny').length);
    expect(await total(page, 'Failed')).toBe(
      records.filter(({ outcome }) => outcome !== undefined && outcome !== 'ok').length,
    );
  }).toPass({ timeout: 15_000 });
  const failed = page.locator('dl > div').filter({ has: page.getByText('Failed', { exact: true }) });
  await expect(failed.getByRole('link')).toHaveAttribute('href', /[?&]outcome=failed(&|$)/);
  await expect(page.getByRole('img', { name: /^Calls per hour over 1 day: \d+ calls/ })).toBeVisible();
  await expectAccessible(page);
  // A bar stands in the picture, and everything fits the window.
  await expect(
    page
      .getByRole('img', { name: /^Calls per hour/ })
      .locator('[style*="height"]')
      .first(),
  ).toBeInViewport();
  expect(
    await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth),
  ).toBeLessThanOrEqual(0);

  await page.getByText('The same as a table').click();
  const table = page.getByRole('region', { name: 'Calls over time, as a table' });
  await expect(table.getByRole('row')).toHaveCount(25);
  const sums = await table
    .locator('tbody tr')
    .evaluateAll((lines) =>
      lines.reduce((sum, line) => sum + Number(line.querySelector('td')!.textContent!.replace(/,/g, '')), 0),
    );
  expect(sums).toBe(await total(page, 'Calls'));

  const bar = page.getByRole('link', { name: /^delete_task/ });
  const counted = Number(/(\d+) calls/.exec((await bar.textContent())!)![1]);
  await bar.click();
  await expect(page).toHaveURL(/tool=delete_task/);
  await expect(rows(page)).toHaveCount(counted);
});

test('the secret is rotated with everybody connected, and health says so as long as the old one stands here', async ({
  browser,
}) => {
  const page = await signedIn(browser, ADMIN);
  const connections = await db().connection.findMany({
    where: { organizationId: aurora.id },
    select: { id: true },
  });
  await page.goto(`${portal.origin}/admin/asana`);
  await expect(page.getByText('Asana accepts the client id and the secret.')).toBeVisible();
  await expectAccessible(page);

  // The admin presses Reset at Asana, and the hour of everybody's access runs out.
  const [app] = portal.sandbox.apps;
  app!.clientSecret = 'the-secret-after-the-reset';
  portal.sandbox.expireAccessTokensNow();
  expect((await call('ben@example.com', 'get_me')).text).not.toContain('ben@example.com');
  await page.goto(`${portal.origin}/admin/health`);
  await expect(line(page, 'Refreshes')).toContainText('copy the present secret');
  await expectAccessible(page);

  await page.goto(`${portal.origin}/admin/asana`);
  await page.getByRole('button', { name: 'Replace the secret' }).click();
  await expectAccessible(page);
  await page.getByLabel('New client secret').fill('the-secret-after-the-reset');
  await page.getByRole('button', { name: 'Save the new secret' }).click();
  await expect(page.getByText('Secret replaced')).toBeVisible();
  await expect(page.getByText('Asana accepts the client id and the secret.')).toBeVisible();
  expect(await page.content()).not.toContain('the-secret-after-the-reset');
  expect((await call('ben@example.com', 'get_me')).text).toContain('ben@example.com');
  expect(
    await db().connection.findMany({ where: { organizationId: aurora.id }, select: { id: true } }),
  ).toEqual(connections);
});

test('another app is not saved before an admin has seen how many people it disconnects', async ({
  browser,
}) => {
  const page = await signedIn(browser, ADMIN);
  await page.goto(`${portal.origin}/admin/asana`);
  await page.getByRole('button', { name: 'Use another app' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Client id').fill('1299999999999999');
  await dialog.getByLabel('Client secret').fill('another-secret');
  await dialog.getByRole('button', { name: 'Save' }).click();
  const connected = await db().connection.findMany({
    where: { organizationId: aurora.id },
    distinct: ['memberId'],
  });
  await expect(dialog).toContainText(`${connected.length} people are connected through the present app`);
  await expectAccessible(page);
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  expect((await db().asanaApp.findUniqueOrThrow({ where: { organizationId: aurora.id } })).clientId).toBe(
    portal.sandbox.apps[0]!.clientId,
  );
});

test('an auditor reads records and charts, and is offered nothing that only an admin may do', async ({
  browser,
}) => {
  await call('ben@example.com', 'delete_task');
  const page = await signedIn(browser, 'auditor@aurora.example');
  await page.goto(`${portal.origin}/admin/audit?member=ben@example.com`);
  await expect(rows(page).first()).toContainText('ben@example.com');
  await expectAccessible(page);
  await rows(page).first().getByRole('link').first().click();
  await expect(page.getByRole('heading', { name: 'Who and when' })).toBeVisible();
  // The person's page is an admin's.
  await expect(page.locator('a[href^="/admin/people"]')).toHaveCount(0);
  await expect(async () => {
    // The sums follow the records within a second or two.
    await page.goto(`${portal.origin}/admin/audit/charts`);
    await expect(page.getByRole('heading', { name: 'Busiest tools' })).toBeVisible({ timeout: 1_000 });
  }).toPass({ timeout: 15_000 });
  await expectAccessible(page);
  for (const room of ['people', 'people/ben@example.com', 'health', 'asana', 'organization'])
    expect((await page.goto(`${portal.origin}/admin/${room}`))?.status(), room).toBe(404);
});

test('health is calm while all is well, and its red line says what to do when Asana is away', async ({
  browser,
}) => {
  const page = await signedIn(browser, ADMIN);
  await page.goto(`${portal.origin}/admin/health`);
  await expect(line(page, 'Endpoint')).toContainText('Asana’s MCP server answers.');
  await expect(line(page, 'Endpoint')).toContainText('in order');
  await expectAccessible(page);
  await portal.sandbox.close();
  // It looks again by itself; nobody presses anything.
  await expect(line(page, 'Endpoint')).toContainText('needs attention', { timeout: 25_000 });
  await expect(line(page, 'Endpoint')).toContainText('Check this machine’s way out and ASANA_MCP_URL.');
  await expectAccessible(page);
});

test('the organization’s settings are accessible, with limits of one’s own', async ({ browser }) => {
  const page = await signedIn(browser, ADMIN);
  await page.goto(`${portal.origin}/admin/organization`);
  await page.getByRole('radio', { name: /^Other numbers/ }).check();
  await page.getByLabel('Calls a minute', { exact: true }).fill('900');
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Save settings' }).click();
  await expect(page.getByText('Settings saved')).toBeVisible();
  await page.reload();
  await expect(page.getByLabel('Calls a minute', { exact: true })).toHaveValue('900');
});

const rows = (page: Page) => page.locator('tbody').first().getByRole('row');
const line = (page: Page, name: string) =>
  page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: new RegExp(`^${name}`) }) });

async function total(page: Page, name: string): Promise<number> {
  const value = page.locator('dl > div').filter({ has: page.getByText(name, { exact: true }) });
  // The number itself; its share of all calls stands behind it.
  const text = await value.locator('dd').evaluate((element) => element.firstChild?.textContent ?? '');
  return Number(text.replace(/,/g, ''));
}

/** One call of a person's agent. */
const call = (email: string, tool: string) =>
  post(
    { url: `${portal.origin}/mcp` },
    tokens.get(email)!,
    callOf(tool, tool === 'search_tasks' ? { text: 'a' } : {}),
  );

// Nothing slides, so that places can be compared.
const signedIn = (browser: Browser, email: string) =>
  enter(browser, portal, email, { reducedMotion: 'reduce' });

test('a person’s page says whether Asana has confirmed the connections that ended, and waits to be told', async ({
  browser,
}) => {
  const email = 'dora@example.com';
  const memberId = await addPerson(aurora, email, { name: 'Dora', groups: ['readers'] });
  const actor = { ...aurora.actor, memberId, memberEmail: email };
  for (const fault of [null, '503'] as const) {
    const id = await addConnection(portal, aurora.id, memberId, 'ana@example.com');
    portal.sandbox.set({ revokeFault: fault });
    await disconnect(actor, memberId, id);
  }
  const page = await enter(browser, portal, ADMIN);
  await page.goto(`${portal.origin}/admin/people/${email}`);
  const ended = page.getByRole('table', { name: 'Ended authorizations' });
  await expect(ended.getByRole('row')).toHaveCount(3);
  await expect(ended).toContainText('Waiting');
  await expect(ended).toContainText('Confirmed');
  portal.sandbox.set({ revokeFault: null });
  await expectAccessible(page);
  // The twin: who never ended one is not told of any.
  await page.goto(`${portal.origin}/admin/people/auditor@aurora.example`);
  await expect(page.locator('h1')).toHaveText('Auditor');
  await expect(page.getByText('Connections ended lately')).toHaveCount(0);
  await page.close();
});
