// The home, the palette, the first run and the theme, in a browser; the first run with the keyboard alone.
import { mkdirSync } from 'node:fs';
import { expect, test, type Browser, type BrowserContextOptions, type Page } from '@playwright/test';
import { db, transaction } from '@/lib/db';
import { createGroup } from '@/lib/people/groups';
import { mintAgentToken } from '@/lib/tokens/agent-tokens';
import { POSTGRES_URL } from '../support/browser';
import {
  addConnection,
  addOrganization,
  addPerson,
  PASSWORD,
  startPortal,
  type Portal,
  type PortalOrganization,
} from '../support/portal';
import { enter, expectAccessible, focus, openPage, press, typeInto, withClient } from '../support/room';

const PICTURES = 'test-results/home';
const TOOLS = ['get_me', 'get_task', 'search_tasks', 'create_tasks', 'add_comment', 'delete_task'];

let portal: Portal;
let aurora: PortalOrganization;
test.beforeAll(async () => {
  test.setTimeout(180_000);
  portal = await startPortal({}, process.env[POSTGRES_URL]);
  mkdirSync(PICTURES, { recursive: true });
});
test.afterAll(() => portal?.stop());

// Runs first: afterwards there is an organization.
test('with the keyboard alone: from set-up to the first call, which turns the waiting line green', async ({
  browser,
}) => {
  test.setTimeout(240_000);
  const page = await still(browser, { permissions: ['clipboard-read', 'clipboard-write'] });
  const { keyboard } = page;
  const [app] = portal.sandbox.apps;

  await test.step('set-up: a wrong code leads back to its field and says where the right one stands', async () => {
    await page.goto(portal.origin);
    await expect(page).toHaveURL(/\/setup$/);
    await expectAccessible(page);
    await typeInto(page, 'Set-up code', '0000-0000-0000-0000');
    await typeInto(page, 'Organization', 'Example Works');
    await typeInto(page, 'Your name', 'Ana');
    await typeInto(page, 'E-mail', 'ana@example.com');
    await typeInto(page, 'Password', PASSWORD);
    await keyboard.press('Enter');
    await expect(page.getByText(/set-up code is wrong.*log/)).toBeVisible();
    await expect(page.getByLabel('Set-up code')).toBeFocused();
    await keyboard.press('ControlOrMeta+a');
    await keyboard.type(/one-time code ([0-9a-f-]{19})/.exec(portal.output())![1]!);
    await keyboard.press('Enter');
    await expect(page.getByRole('heading', { level: 1, name: 'Welcome to Gatehouse' })).toBeVisible();
    await expect(page.getByText('1 of 8 done')).toBeVisible();
    await expectAccessible(page);
  });

  await test.step('the next step leads to the Asana app', async () => {
    await press(page, 'link', 'Open Asana app');
    await expect(page).toHaveURL(/\/admin\/asana$/);
    await typeInto(page, 'Client id', app!.clientId);
    await typeInto(page, 'Client secret', app!.clientSecret);
    await keyboard.press('Enter');
    await expect(page.getByText('Asana app saved')).toBeVisible();
  });

  await test.step('syncing needs a connection, so that is what the step offers first', async () => {
    await goHome(page);
    await expect(page.getByText('2 of 8 done')).toBeVisible();
    await press(page, 'link', 'Connect Asana');
    // Asana's own page, which the sandbox plays.
    await expect(page.getByRole('button', { name: 'Allow' })).toBeVisible();
    await focus(page, 'radio', /ana@example\.com/);
    await keyboard.press('Space');
    await focus(page, 'radio', 'Example Works');
    await keyboard.press('Space');
    await press(page, 'button', 'Allow');
    await expect(page).toHaveURL(/\/connections\?connected=/);
    await runCommand(page, 'sync tools');
    await expect(page.getByText('Compared with Asana')).toBeVisible();
    await expect(page).toHaveURL(/\/admin\/tools/);
  });

  await test.step('the first group, with the admin in it', async () => {
    await goHome(page);
    await expect(page.getByText('4 of 8 done')).toBeVisible();
    await press(page, 'link', 'New group');
    await typeInto(page, 'Name', 'Readers');
    await keyboard.press('Enter');
    await expect(page).toHaveURL(/\/admin\/groups\/readers$/);
    await focus(page, 'checkbox', /Ana/);
    await keyboard.press('Space');
    await press(page, 'button', 'Save changes');
    await expect(page.getByText('Group saved')).toBeVisible();
  });

  await test.step('an invite', async () => {
    await runCommand(page, 'invite a person');
    await typeInto(page, 'E-mail', 'ben@example.com');
    await typeInto(page, 'Name', 'Ben');
    await keyboard.press('Enter');
    await expect(page.getByText(/\/invite#ghi_/)).toBeVisible();
    await press(page, 'button', 'I have copied it');
  });

  await test.step('the endpoint is copied, and the last line begins to wait', async () => {
    await goHome(page);
    await expect(page.getByText('6 of 8 done')).toBeVisible();
    await press(page, 'button', 'Copy endpoint');
    await expect(page.getByText('7 of 8 done')).toBeVisible();
    await expect(page.getByText('Waiting for the first call…')).toBeVisible();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(`${portal.origin}/mcp`);
    await expectAccessible(page);
    await page.screenshot({ path: `${PICTURES}/first-run-waiting.png`, fullPage: true });
  });

  let token = '';
  await test.step('an agent token', async () => {
    await runCommand(page, 'new agent token');
    await typeInto(page, 'Name', 'Weekly report');
    await keyboard.press('Enter');
    token = (await page
      .getByText(/^gth_[A-Za-z0-9]{44}$/)
      .first()
      .textContent())!.trim();
    await press(page, 'button', 'I have copied it');
  });

  await test.step('a real client calls, and the line says by itself what was called by whom', async () => {
    await goHome(page);
    await expect(page.getByText('Waiting for the first call…')).toBeVisible();
    await withClient(portal, token, (client) => client.callTool({ name: 'get_me', arguments: {} }));
    await expect(page.getByText(/was called by ana@example\.com, Agent token “Weekly report”/)).toBeVisible();
    await expect(page.getByText('8 of 8 done')).toBeVisible();
    await expectAccessible(page);
    await page.screenshot({ path: `${PICTURES}/first-run-done.png`, fullPage: true });
  });

  await test.step('what is done can be put away, and stays away', async () => {
    await press(page, 'button', 'Hide');
    await expect(page.getByText('Gatehouse is set up')).toHaveCount(0);
    await page.reload();
    await expect(page.getByRole('heading', { level: 1, name: 'Your agents can reach Asana' })).toBeVisible();
    await expect(page.getByText('Gatehouse is set up')).toHaveCount(0);
  });
  await page.close();
});

test.describe('with people at work', () => {
  test.beforeAll(async () => {
    test.setTimeout(120_000);
    aurora = await addOrganization('Aurora', 'admin@aurora.example', portal.sandbox);
    await addPerson(aurora, 'mia@aurora.example', { name: 'Mia Marten' });
    const members = ['admin@aurora.example', 'mia@aurora.example'];
    await transaction((tx) => createGroup(tx, aurora.actor, { name: 'Night shift', tools: TOOLS, members }));
  });

  test('the palette finds a person, a group, a tool and a page, and goes there', async ({ browser }) => {
    const page = await signedIn(browser, 'admin@aurora.example');
    for (const [text, result, url] of [
      ['marten', /Mia Marten/, /\/admin\/people\/mia%40aurora\.example$/],
      ['night', /Night shift/, /\/admin\/groups\/night-shift$/],
      ['delete_task', /Delete task/, /\/admin\/tools\/delete_task$/],
      ['audit', /^Audit/, /\/admin\/audit$/],
    ] as const) {
      await page.keyboard.press('ControlOrMeta+k');
      await page.keyboard.type(text);
      await expect(page.getByRole('option', { name: result })).toHaveAttribute('aria-selected', 'true');
      await page.keyboard.press('Enter');
      await expect(page).toHaveURL(url);
      await expect(page.getByRole('dialog')).toHaveCount(0);
    }
    await page
      .getByRole('button', { name: /Search or do/ })
      .first()
      .click();
    await page.keyboard.type('no such thing');
    await expect(page.getByText('Nothing here is called “no such thing”.')).toBeVisible();
    await expectAccessible(page);
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toHaveCount(0);
    await page.close();
  });

  test('a member’s palette shows neither rooms nor people that are not theirs', async ({ browser }) => {
    const page = await signedIn(browser, 'mia@aurora.example');
    await page.keyboard.press('ControlOrMeta+k');
    await expect(page.getByRole('option', { name: 'Activity' })).toBeVisible();
    for (const name of ['Groups', 'Audit', 'Invite a person', 'Sync tools with Asana'])
      await expect(page.getByRole('option', { name })).toHaveCount(0);
    await page.keyboard.type('admin');
    await expect(page.getByText('Nothing here is called “admin”.')).toBeVisible();
    await page.close();
  });

  test('g and a key lead to a room, but not while somebody types, nor once they are switched off', async ({
    browser,
  }) => {
    const page = await signedIn(browser, 'admin@aurora.example');
    // The page listens once its script has run, which nothing on it shows.
    await expect(async () => {
      await keys(page, 'g', 'p');
      await expect(page).toHaveURL(/\/admin\/people$/, { timeout: 1_000 });
    }).toPass();
    await page.getByRole('searchbox').first().focus();
    await keys(page, 'g', 't');
    await expect(page.getByRole('searchbox').first()).toHaveValue('gt');
    await expect(page).toHaveURL(/\/admin\/people/);
    await page.goto(`${portal.origin}/connections`);
    await page.keyboard.press('?');
    await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible();
    await expectAccessible(page);
    await page.getByRole('switch').press('Space');
    await page.keyboard.press('Escape');
    await keys(page, 'g', 'h', '?');
    await page.waitForTimeout(500);
    await expect(page).toHaveURL(/\/connections$/);
    await expect(page.getByRole('dialog')).toHaveCount(0);
    await page.close();
  });

  test('a chosen theme is there before any script of the app, on plain pages too', async ({ browser }) => {
    const page = await signedIn(browser, 'mia@aurora.example', { colorScheme: 'light' });
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await background();
    await runCommand(page, 'theme dark');
    await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
    const dark = await background();
    expect(dark).not.toBe(light);
    await page.route('**/_next/**/*.js', (route) => route.abort());
    await page.goto(`${portal.origin}/connections`);
    expect(await background()).toBe(dark);
    await page.goto(`${portal.origin}/connect/asana/callback?state=x`);
    await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
    expect(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme)).toBe('dark');
    await expect(page.locator('link[rel=icon]')).toHaveAttribute('href', '/icon.svg');
    await expectAccessible(page);
    await page.close();
  });

  test('a token minted beside a set-up stands in it, and in no later page', async ({ browser }) => {
    await addPerson(aurora, 'kim@aurora.example', { name: 'Kim' });
    const page = await signedIn(browser, 'kim@aurora.example');
    await page.getByRole('tab', { name: 'Cursor' }).click();
    await page.getByRole('radio', { name: 'Agent token' }).check();
    await page.getByRole('button', { name: 'Create a token for Cursor' }).click();
    const code = page.getByRole('region', { name: 'Cursor set-up' });
    await expect(code).toContainText(/Bearer gth_[A-Za-z0-9]{44}"/);
    const token = /gth_[A-Za-z0-9]{44}/.exec((await code.textContent())!)![0];
    const { tools } = await withClient(portal, token, (client) => client.listTools());
    expect(tools).toEqual([]);
    await expectAccessible(page);
    await page.reload();
    expect(await page.content()).not.toContain(token);
    await page.close();
  });

  for (const [state, title, prepare] of [
    ['nothing', 'Connect Asana to begin', () => Promise.resolve()],
    ['connected', 'Ready for your first agent', (id: string) => connected(id)],
    ['needs reconnect', 'Reconnect Asana to go on', (id: string) => connected(id, 'needs_reconnect')],
    ['several', 'One of your connections needs you', several],
    ['all well', 'Your agents can reach Asana', wellUsed],
  ] as const)
    test(`the home of a person with ${state} says what to do, fits, and is accessible`, async ({
      browser,
    }) => {
      test.setTimeout(120_000);
      const email = `${state.replace(' ', '-')}@aurora.example`;
      const id = await addPerson(aurora, email, { name: 'Noa', groups: ['night-shift'] });
      await prepare(id);
      for (const width of [1440, 390])
        for (const colorScheme of ['light', 'dark'] as const) {
          const viewport = { width, height: width > 1000 ? 900 : 844 };
          const page = await signedIn(browser, email, { viewport, colorScheme });
          await expect(page.getByRole('heading', { level: 1, name: title })).toBeVisible();
          const picture = `${PICTURES}/${state.replace(' ', '-')}-${width}-${colorScheme}.png`;
          await page.screenshot({ path: picture, fullPage: true });
          const overflow = await page.evaluate(
            () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
          );
          expect(overflow).toBeLessThanOrEqual(0);
          await expectAccessible(page);
          await page.close();
        }
    });

  test('before the Asana app is registered a member reads who is to act', async ({ browser }) => {
    const borealis = await addOrganization('Borealis', 'admin@borealis.example');
    await addPerson(borealis, 'mia@borealis.example', { name: 'Mia' });
    const page = await signedIn(browser, 'mia@borealis.example');
    await expect(page.getByRole('heading', { level: 1, name: 'Asana is not set up yet' })).toBeVisible();
    await expect(page.getByRole('link', { name: 'Connect Asana' })).toHaveCount(0);
    await expectAccessible(page);
    await page.close();
  });
});

async function connected(memberId: string, status: 'active' | 'needs_reconnect' = 'active'): Promise<string> {
  const id = await addConnection(portal, aurora.id, memberId, 'ana@example.com');
  await db().connection.update({
    where: { id, organizationId: aurora.id },
    data: {
      status,
      ...(status === 'active' ? { workspaceGid: '1100000000000001', workspaceName: 'Example Works' } : {}),
    },
  });
  return id;
}

async function several(memberId: string): Promise<void> {
  await connected(memberId);
  const id = await addConnection(portal, aurora.id, memberId, 'ben@example.com');
  await db().connection.update({
    where: { id, organizationId: aurora.id },
    data: { status: 'needs_reconnect' },
  });
}

async function wellUsed(memberId: string): Promise<void> {
  await connected(memberId);
  const actor = { ...aurora.actor, memberId, memberEmail: 'all-well@aurora.example' };
  const { token } = await transaction((tx) => mintAgentToken(tx, actor, { name: 'Weekly report' }));
  await withClient(portal, token, async (client) => {
    await client.callTool({ name: 'search_tasks', arguments: { text: 'launch' } });
    await client.callTool({ name: 'get_projects', arguments: {} }).catch(() => undefined);
  });
}

const still = (browser: Browser, options: BrowserContextOptions = {}) =>
  openPage(browser, { reducedMotion: 'reduce', ...options });

const signedIn = (browser: Browser, email: string, options: BrowserContextOptions = {}) =>
  enter(browser, portal, email, { reducedMotion: 'reduce', ...options });

/** One key after the other, as fingers do. */
async function keys(page: Page, ...each: string[]): Promise<void> {
  for (const key of each) await page.keyboard.press(key);
}

async function goHome(page: Page): Promise<void> {
  await runCommand(page, 'home');
  await expect(page).toHaveURL(`${portal.origin}/`);
}

/** By the palette, which opens wherever the focus is. */
async function runCommand(page: Page, text: string): Promise<void> {
  await page.keyboard.press('ControlOrMeta+k');
  await expect(page.getByRole('combobox')).toBeFocused();
  await page.keyboard.type(text);
  await expect(page.getByRole('option').first()).toHaveAttribute('aria-selected', 'true');
  await page.keyboard.press('Enter');
}
