// Consent in a browser, with the keyboard alone: an MCP client sends a person to /oauth/authorize, they sign in, read who asks, and
// allow or deny; the client gets a code that works, or the refusal. Wide and narrow, light and dark; axe finds nothing.
import { mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test, type Page } from '@playwright/test';
import { transaction } from '@/lib/db';
import { blockClient } from '@/lib/oauth/clients';
import { listGrants } from '@/lib/oauth/grants';
import { saveRedirectRule } from '@/lib/oauth/redirect-rules';
import { createGroup } from '@/lib/people/groups';
import { authorizeUrl, newClient, redemption, token, verifier } from '../oauth/setting';
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
import {
  enter,
  expectAccessible,
  expectToFit,
  focus,
  openPage,
  press,
  typeInto,
  withClient,
} from '../support/room';

const PICTURES = 'test-results/consent';
const ADMIN = 'admin@aurora.example';
const ANA = 'ana@aurora.example';
const NEWCOMER = 'newcomer@aurora.example';
const TOOLS = ['get_me', 'search_tasks', 'delete_task'];

let portal: Portal;
let aurora: PortalOrganization;
let anaId: string;
/** The client's end of the redirect, a program on the person's computer. */
let callback: Server;
let redirectUri: string;

test.describe.configure({ timeout: 120_000 });

test.beforeAll(async () => {
  mkdirSync(PICTURES, { recursive: true });
  portal = await startPortal({}, process.env[POSTGRES_URL]);
  aurora = await addOrganization('Aurora', ADMIN, portal.sandbox);
  anaId = await addPerson(aurora, ANA, { name: 'Ana' });
  await addPerson(aurora, NEWCOMER, { name: 'Newcomer' });
  await transaction((tx) => createGroup(tx, aurora.actor, { name: 'Readers', tools: TOOLS, members: [ANA] }));
  for (const account of ['ana@example.com', 'ben@example.com'])
    await addConnection(portal, aurora.id, anaId, account);
  callback = createServer((_request, response) =>
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>Client</title><h1>Back</h1>'),
  );
  await new Promise<void>((resolve) => {
    callback.listen(0, '127.0.0.1', resolve);
  });
  redirectUri = `http://127.0.0.1:${(callback.address() as AddressInfo).port}/callback`;
});
test.afterAll(async () => {
  await portal?.stop();
  callback?.closeAllConnections();
  callback?.close();
});

for (const width of [1440, 390])
  for (const theme of ['light', 'dark'] as const)
    test(`at ${width} px, ${theme}, with the keyboard alone: sign in, deny, then allow another account of Asana`, async ({
      browser,
    }) => {
      const page = await openPage(browser, {
        ...{ viewport: { width, height: width > 1000 ? 900 : 844 }, colorScheme: theme },
        reducedMotion: 'reduce',
      });
      const variant = `${width}-${theme}`;
      const clientId = await register('Example editor');
      const code = verifier();
      const url = authorizeUrl(portal, clientId, code, { redirect_uri: redirectUri });

      await page.goto(url);
      await expect(page).toHaveURL(/\/sign-in\?next=/);
      await expectWell(page, `sign-in-${variant}`);
      await typeInto(page, 'E-mail', ANA);
      await typeInto(page, 'Password', PASSWORD);
      await page.keyboard.press('Enter');

      await expect(page.getByRole('heading', { level: 1, name: 'Allow Example editor?' })).toBeVisible();
      await expect(page.getByText(redirectUri)).toBeVisible();
      await expect(page.getByText('A program on your computer')).toBeVisible();
      await expect(page.getByText(/^3 tools/)).toBeVisible();
      await expectWell(page, `consent-${variant}`);
      await press(page, 'button', 'Deny');
      expect(await answerOf(page)).toMatchObject({ error: 'access_denied', state: 'the-state' });
      expect(await grantsOf(clientId)).toEqual([]);

      // Signed in already: the question comes at once.
      await page.goto(url);
      await focus(page, 'radio', /ana@example\.com/);
      await page.keyboard.press('ArrowDown');
      await expect(page.getByRole('radio', { name: /ben@example\.com/ })).toBeChecked();
      await press(page, 'button', 'Allow');
      const answer = await answerOf(page);
      expect(answer).toMatchObject({ code: expect.any(String), state: 'the-state', iss: portal.origin });
      const { status, body } = await token(
        portal,
        redemption(clientId, answer.code!, code, { redirect_uri: redirectUri }),
      );
      expect([status, body.token_type]).toEqual([200, 'Bearer']);
      await withClient(portal, body.access_token, async (client) => {
        const { tools } = await client.listTools();
        expect(tools.map(({ name }) => name).toSorted()).toEqual(TOOLS.toSorted());
        const me = await client.callTool({ name: 'get_me', arguments: {} });
        expect(JSON.stringify(me)).toContain('ben@example.com');
      });
      expect(await grantsOf(clientId)).toHaveLength(1);
      await page.close();
    });

test('an admin ends on the person’s page what the person allowed, and the client’s next call is refused', async ({
  browser,
}) => {
  const clientId = await register('Forgotten editor');
  const bearer = await allowed(await enter(browser, portal, ANA), clientId);
  const listTools = () => withClient(portal, bearer, (client) => client.listTools());
  expect((await listTools()).tools).toHaveLength(TOOLS.length);

  const admin = await enter(browser, portal, ADMIN);
  await admin.goto(`${portal.origin}/admin/people/${encodeURIComponent(ANA)}`);
  await admin.getByRole('button', { name: 'End access of Forgotten editor' }).click();
  const dialog = admin.getByRole('alertdialog');
  await expect(dialog).toContainText('The next call of Forgotten editor as Ana is refused.');
  await expectAccessible(admin);
  await dialog.getByRole('button', { name: 'End access' }).click();
  await expect(admin.getByText('Access ended')).toBeVisible();
  await expect(admin.getByRole('button', { name: 'End access of Forgotten editor' })).toHaveCount(0);
  await expect(listTools()).rejects.toThrow();
  expect(await grantsOf(clientId)).toEqual([]);
  await admin.close();
});

test('a client that borrows a known name is called what it is', async ({ browser }) => {
  const page = await enter(browser, portal, ANA);
  const elsewhere = 'https://editor.example.com/callback';
  await transaction((tx) => saveRedirectRule(tx, aurora.actor, { uris: [elsewhere], allowLoopback: true }));
  const clientId = await register('Claude', elsewhere);
  await page.goto(authorizeUrl(portal, clientId, verifier(), { redirect_uri: elsewhere }));
  await expect(page.getByText('This is not Claude')).toBeVisible();
  await expect(page.getByText('editor.example.com').first()).toBeVisible();
  await expectWell(page, 'imitation');
  await page.close();
});

test('a client that an admin blocked can’t be allowed, only denied', async ({ browser }) => {
  const page = await enter(browser, portal, ANA);
  const clientId = await register('Blocked editor');
  await allowed(page, clientId);
  await transaction((tx) => blockClient(tx, aurora.actor, clientId, true));
  await page.goto(authorize(clientId));
  await expect(page.getByText('Your organization blocks this client')).toBeVisible();
  await expect(
    page.getByRole('heading', { level: 1, name: 'Blocked editor can’t be allowed' }),
  ).toBeVisible();
  await expect(page.getByRole('button', { name: 'Allow' })).toHaveCount(0);
  await expectWell(page, 'blocked');
  await press(page, 'button', 'Deny');
  expect(await answerOf(page)).toMatchObject({ error: 'access_denied' });
  await page.close();
});

test('who has neither tools nor a connection is told so before they decide', async ({ browser }) => {
  const page = await enter(browser, portal, NEWCOMER);
  await page.goto(authorize(await register('Example editor')));
  await expect(page.getByText('No Asana account is connected yet')).toBeVisible();
  await expect(page.getByText('No tools yet: none of your groups has any.')).toBeVisible();
  await expectWell(page, 'newcomer');
  await page.close();
});

const register = (name: string, uri = redirectUri) =>
  newClient(portal, { client_name: name, redirect_uris: [uri] });

const authorize = (clientId: string, codeVerifier = verifier()) =>
  authorizeUrl(portal, clientId, codeVerifier, { redirect_uri: redirectUri });

const grantsOf = async (clientId: string) =>
  (await listGrants(aurora.id, anaId)).filter(({ client }) => client.id === clientId);

/** Allows a client on this page, where somebody is signed in, and exchanges its code; the access token. */
async function allowed(page: Page, clientId: string): Promise<string> {
  const code = verifier();
  await page.goto(authorize(clientId, code));
  await press(page, 'button', 'Allow');
  const answer = await answerOf(page);
  const { body } = await token(
    portal,
    redemption(clientId, answer.code!, code, { redirect_uri: redirectUri }),
  );
  return body.access_token as string;
}

/** What came back to the client, once it did. */
async function answerOf(page: Page): Promise<Record<string, string>> {
  await expect(page.getByRole('heading', { name: 'Back' })).toBeVisible();
  expect(page.url().startsWith(`${redirectUri}?`)).toBe(true);
  return Object.fromEntries(new URL(page.url()).searchParams);
}

/** It fits and is accessible; a picture is left to be looked at. */
async function expectWell(page: Page, name: string): Promise<void> {
  await expect(page.locator('h1')).toBeVisible();
  await page.screenshot({ path: `${PICTURES}/${name}.png`, fullPage: true });
  await expectToFit(page);
  await expectAccessible(page);
}
