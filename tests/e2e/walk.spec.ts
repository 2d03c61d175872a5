// The walk through the main job, in a browser and with real MCP clients: from the first run to an agent's refused call.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, test, type Page } from '@playwright/test';
import { POSTGRES_URL } from '../support/browser';
import { PASSWORD, startPortal, type Portal } from '../support/portal';
import { expectAccessible, fillSignIn, openPage, withClient } from '../support/room';

let portal: Portal;
test.beforeAll(async () => {
  test.setTimeout(120_000);
  portal = await startPortal({}, process.env[POSTGRES_URL]);
});
test.afterAll(() => portal?.stop());

const ADMIN = 'admin@example.com';

test('from set-up to the first call, and from an unticked tool to a refused one', async ({ browser }) => {
  test.setTimeout(240_000);
  const admin = await openPage(browser);
  let inviteUrl = '';

  await test.step('the first run is guarded by the code from the log', async () => {
    await admin.goto(portal.origin);
    await expect(admin).toHaveURL(/\/setup$/);
    await expectAccessible(admin);
    await fill(admin, {
      'Set-up code': '0000-0000-0000-0000',
      Organization: 'Example Works',
      'Your name': 'Admin',
      'E-mail': ADMIN,
    });
    await admin.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await admin.getByRole('button', { name: 'Create organization' }).click();
    await expect(admin.getByText(/set-up code is wrong/i)).toBeVisible();
    const code = /one-time code ([0-9a-f-]{19})/.exec(portal.output())?.[1];
    await admin.getByLabel('Set-up code').fill(code!);
    await admin.getByRole('button', { name: 'Create organization' }).click();
    await expect(admin).toHaveURL(`${portal.origin}/`);
    await expectAccessible(admin);
  });

  await test.step('the admin registers the Asana app, and the checks say that it is good', async () => {
    await admin.goto(`${portal.origin}/admin/asana`);
    await expect(admin.getByText(`${portal.origin}/connect/asana/callback`).first()).toBeVisible();
    const [app] = portal.sandbox.apps;
    await fill(admin, { 'Client id': app!.clientId, 'Client secret': app!.clientSecret });
    await admin.getByRole('button', { name: 'Register app' }).click();
    await expect(admin.getByText('Asana app saved')).toBeVisible();
    await admin.getByRole('button', { name: /check/i }).first().click();
    await expect(admin.getByText('Asana accepts the client id and the secret.')).toBeVisible();
    expect(await admin.content()).not.toContain(app!.clientSecret);
    await expectAccessible(admin);
  });

  await test.step('the admin makes a group with tools and invites a person into it', async () => {
    await admin.goto(`${portal.origin}/admin/groups`);
    await admin.getByRole('button', { name: 'New group' }).first().click();
    await admin.getByLabel('Name', { exact: true }).fill('Readers');
    await admin.getByRole('radio', { name: /^None/ }).check();
    await admin.getByRole('button', { name: 'Create group' }).click();
    await expect(admin).toHaveURL(/\/admin\/groups\/readers$/);
    for (const tool of ['get_me', 'search_tasks']) await tick(admin, tool);
    await admin.getByRole('button', { name: 'Save changes' }).click();
    await expect(admin.getByText('Group saved')).toBeVisible();
    await expectAccessible(admin);

    await admin.goto(`${portal.origin}/admin/people`);
    await admin.getByRole('button', { name: 'Invite', exact: true }).click();
    await fill(admin, { 'E-mail': 'ben@example.com' });
    await admin.getByLabel('Name', { exact: true }).fill('Ben');
    await admin.getByRole('checkbox', { name: 'Readers' }).check();
    await admin.getByRole('button', { name: 'Create invite' }).click();
    inviteUrl = (await admin.getByText(/\/invite#ghi_/).textContent())!.trim();
    await admin.getByRole('button', { name: 'I have copied it' }).click();
    await expectAccessible(admin);
  });

  const ben = await openPage(browser);
  let token = '';

  await test.step('the person sets a password, signs in and connects Asana', async () => {
    await ben.goto(inviteUrl);
    await expectAccessible(ben);
    await ben.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await ben
      .getByRole('button', { name: /password/i })
      .last()
      .click();
    await expect(ben).toHaveURL(/\/(sign-in)?$/);
    if (ben.url().endsWith('/sign-in')) await fillSignIn(ben, 'ben@example.com');
    await expect(ben).toHaveURL(`${portal.origin}/`);
    await expectAccessible(ben);
    await ben.goto(`${portal.origin}/connections`);
    await ben.getByRole('link', { name: 'Connect Asana' }).click();
    await ben.getByRole('radio', { name: /ben@example\.com/ }).check();
    await ben.getByRole('radio', { name: 'Example Works', exact: true }).check();
    await ben.getByRole('button', { name: 'Allow' }).click();
    await expect(ben).toHaveURL(/\/connections\?connected=/);
    await expect(ben.getByText('Connected', { exact: true }).first()).toBeVisible();
    await expect(ben.getByText('Example Works').first()).toBeVisible();
    await expectAccessible(ben);
  });

  await test.step('the person mints an agent token, shown once', async () => {
    await ben.goto(`${portal.origin}/tokens`);
    await ben
      .getByRole('button', { name: /new token|create token/i })
      .first()
      .click();
    await ben.getByLabel('Name', { exact: true }).fill('Weekly report');
    await ben.getByRole('button', { name: 'Create token' }).last().click();
    token = (await ben
      .getByText(/^gth_[A-Za-z0-9]{44}$/)
      .first()
      .textContent())!.trim();
    await ben.getByRole('button', { name: 'I have copied it' }).click();
    await ben.reload();
    expect(await ben.content()).not.toContain(token);
    await expectAccessible(ben);
  });

  await test.step('the official SDK client sees exactly the ticked tools and calls one', async () => {
    await withClient(portal, token, async (client) => {
      const { tools } = await client.listTools();
      expect(tools.map(({ name }) => name).sort()).toEqual(['get_me', 'search_tasks']);
      const me = await client.callTool({ name: 'get_me', arguments: {} });
      expect(JSON.stringify(me)).toContain('ben@example.com');
    });
  });

  await test.step('MCP’s own Inspector lists and calls', async () => {
    const listed = await inspector(token, ['--method', 'tools/list']);
    expect(listed.result.tools.map(({ name }: { name: string }) => name).sort()).toEqual([
      'get_me',
      'search_tasks',
    ]);
    const called = await inspector(token, ['--method', 'tools/call', '--tool-name', 'get_me']);
    expect(JSON.stringify(called)).toContain('ben@example.com');
  });

  await test.step('a tool that the admin ticks is there at the next list, without a restart', async () => {
    await withClient(portal, token, async (client) => {
      await setTool(admin, 'add_comment', true);
      const { tools } = await client.listTools();
      expect(tools.map(({ name }) => name)).toContain('add_comment');
    });
  });

  await test.step('a tool that the admin unticks is refused at the next call, and Asana sees no byte of it', async () => {
    await withClient(portal, token, async (client) => {
      await client.callTool({ name: 'get_me', arguments: {} });
      await setTool(admin, 'get_me', false);
      portal.sandbox.log.clear();
      await expect(client.callTool({ name: 'get_me', arguments: {} })).rejects.toThrow(
        'Unknown tool: get_me',
      );
      expect(portal.sandbox.log.entries.filter(({ rpc }) => rpc?.method === 'tools/call')).toEqual([]);
    });
  });

  await test.step('the audit shows who called what, and why it was refused', async () => {
    await admin.goto(`${portal.origin}/admin/audit?tool=get_me`);
    const rows = admin.getByRole('row').filter({ hasText: 'get_me' });
    await expect(rows.filter({ hasText: 'Denied' }).first()).toContainText('ben@example.com');
    await expect(rows.filter({ hasText: 'Allowed' }).first()).toContainText('ben@example.com');
    await expectAccessible(admin);
  });

  await test.step('revoking the token and disconnecting end both at once', async () => {
    await ben.goto(`${portal.origin}/tokens`);
    await ben
      .getByRole('button', { name: /revoke/i })
      .first()
      .click();
    await ben
      .getByRole('alertdialog')
      .getByRole('button', { name: /revoke/i })
      .click();
    await expect(ben.getByRole('alertdialog')).toHaveCount(0);
    await expect(
      withClient(portal, token, (client) => client.listTools().then(() => undefined)),
    ).rejects.toThrow(/was revoked/);

    await ben.goto(`${portal.origin}/connections`);
    await ben
      .getByRole('button', { name: /disconnect/i })
      .first()
      .click();
    await ben
      .getByRole('alertdialog')
      .getByRole('button', { name: /disconnect/i })
      .click();
    await expect(ben.getByText(/confirmed/i).first()).toBeVisible();
    await expectAccessible(ben);
  });

  await test.step('a removed member’s session and token are refused by the next request', async () => {
    await admin.goto(`${portal.origin}/admin/people`);
    const row = admin.getByRole('row').filter({ hasText: 'ben@example.com' });
    await row.getByRole('button').last().click();
    await admin.getByRole('menuitem', { name: 'Offboard' }).click();
    const dialog = admin.getByRole('dialog');
    await dialog.getByLabel(/To confirm, type/).fill('ben@example.com');
    await dialog.getByRole('button', { name: 'Offboard person' }).click();
    await expect(dialog).toContainText('Everything here has ended');
    await dialog.getByRole('button', { name: 'Done' }).click();
    // While the dialog is open the rows behind it are hidden, which must not be taken for the removal.
    await expect(dialog).toHaveCount(0);
    await expect(row).toHaveCount(0);
    await ben.goto(`${portal.origin}/tokens`);
    await expect(ben).toHaveURL(/\/sign-in/);
  });
});

async function fill(page: Page, values: Record<string, string>): Promise<void> {
  for (const [label, value] of Object.entries(values))
    await page.getByLabel(label, { exact: true }).fill(value);
}

async function tick(page: Page, tool: string, on = true): Promise<void> {
  await page.getByRole('checkbox', { name: new RegExp(`^${tool}\\b`) }).setChecked(on);
}

async function setTool(page: Page, tool: string, on: boolean): Promise<void> {
  await page.goto(`${portal.origin}/admin/groups/readers`);
  await tick(page, tool, on);
  await page.getByRole('button', { name: 'Save changes' }).click();
  await expect(page.getByText('Group saved')).toBeVisible();
}

/** MCP's Inspector in its command-line form, from tests/clients. */
async function inspector(token: string, args: string[]): Promise<any> {
  const cli = 'tests/clients/node_modules/.bin/mcp-inspector';
  expect(existsSync(cli), 'tests/clients is not installed').toBe(true);
  const { stdout } = await promisify(execFile)(
    cli,
    [
      '--cli',
      `${portal.origin}/mcp`,
      '--transport',
      'http',
      ...args,
      '--header',
      `Authorization: Bearer ${token}`,
      '--format',
      'json',
    ],
    { timeout: 60_000, maxBuffer: 16 * 1024 * 1024 },
  );
  return JSON.parse(stdout);
}
