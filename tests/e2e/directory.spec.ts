// The Directory room in a browser: an admin connects the company's directory and maps a group, a person whom it brings signs in through
// the company and gets the group, and is out when it says so. Wide and narrow, light and dark; axe finds nothing.
import { expect, test, type Page } from '@playwright/test';
import { transaction } from '@/lib/db';
import { createGroup } from '@/lib/people/groups';
import { startCompany, type Company } from '../directory/company';
import { patchOf, USER } from '../directory/scim';
import { POSTGRES_URL } from '../support/browser';
import {
  addOrganization,
  freePort,
  script,
  startPortal,
  type Portal,
  type PortalOrganization,
} from '../support/portal';
import { enter, openPage, takePictures } from '../support/room';

const ADMIN = 'admin@aurora.example';
const BO = 'bo@aurora.example';
const SECRET = 'a-secret-of-the-company-s-client';

let portal: Portal;
let company: Company;
let aurora: PortalOrganization;

test.describe.configure({ timeout: 400_000, mode: 'serial' });
test.beforeAll(async () => {
  test.setTimeout(180_000);
  const port = await freePort();
  portal = await startPortal(
    {
      OIDC_ISSUER: `http://127.0.0.1:${port}`,
      OIDC_CLIENT_ID: 'gatehouse',
      OIDC_CLIENT_SECRET: SECRET,
      OIDC_GROUPS_CLAIM: 'groups',
    },
    process.env[POSTGRES_URL],
  );
  company = await startCompany(`${portal.origin}/api/auth/callback/oidc`, { port, clientSecret: SECRET });
  aurora = await addOrganization('Aurora', ADMIN, portal.sandbox);
});
test.afterAll(async () => {
  await portal?.stop();
  await company?.close();
});

const picture = (page: Page, name: string) => takePictures(page, `directory/${name}`);

test('an admin connects the directory; whom it brings signs in through the company, in the mapped group, until it says otherwise', async ({
  browser,
}) => {
  const page = await enter(browser, portal, ADMIN);
  await page.getByRole('link', { name: 'Directory' }).first().click();
  await expect(page.getByRole('heading', { level: 1, name: 'Directory' })).toBeVisible();
  await expect(page.getByText(`${portal.origin}/api/auth/callback/oidc`)).toBeVisible();
  await expect(page.getByText('No directory is connected')).toBeVisible();
  await expect(page.getByRole('link', { name: 'Make a group first' })).toBeVisible();
  expect(await page.content()).not.toContain(SECRET);
  await picture(page, 'empty');

  await transaction((tx) =>
    createGroup(tx, aurora.actor, { name: 'Design', tools: ['get_me'], members: [] }),
  );
  await page.getByRole('button', { name: 'New directory token' }).click();
  await page.getByLabel('Name').fill('Okta');
  await page.getByRole('button', { name: 'Create token' }).click();
  await expect(page.getByText('it is shown only once')).toBeVisible();
  const token = (await page.getByText(/^ghd_/).textContent())!;
  await picture(page, 'token');
  await page.getByRole('button', { name: 'I have copied it' }).click();

  await page.reload();
  await page.getByRole('button', { name: 'Add a group' }).click();
  await page.getByLabel('Name at the company').fill('ACME Designers');
  await page.getByLabel('Group here').selectOption('Design');
  await picture(page, 'map');
  await page.getByRole('button', { name: 'Add group' }).click();
  await expect(page.getByText('Group of the company added')).toBeVisible();

  const directory = script(portal, token);
  const made = await directory.call('POST', '/scim/v2/Users', {
    body: { schemas: [USER], userName: BO, displayName: 'Bo', externalId: '00u7', active: true },
  });
  expect(made.status).toBe(201);
  const { id } = JSON.parse(made.text) as { id: string };

  const bo = await openPage(browser);
  await bo.goto(`${portal.origin}/sign-in`);
  await picture(bo, 'sign-in');
  company.person = { sub: 's-bo', email: BO, email_verified: false, groups: ['ACME Designers'] };
  await bo.getByRole('button', { name: 'Sign in with your company' }).click();
  await expect(bo.getByText('does not vouch for your e-mail address')).toBeVisible();
  await picture(bo, 'refused');
  company.person = { ...company.person, email_verified: true };
  await bo.goto(`${portal.origin}/sign-in?next=/activity`);
  // Another account at the company: that browser's cookies there are of the refused attempt.
  await bo.context().clearCookies({ domain: '127.0.0.1' });
  await bo.getByRole('button', { name: 'Sign in with your company' }).click();
  await expect(bo).toHaveURL(`${portal.origin}/activity`);

  await page.goto(`${portal.origin}/admin/directory`);
  await expect(page.getByRole('row', { name: /ACME Designers/ })).toContainText('1');
  await expect(page.getByRole('row', { name: /Okta/ })).toBeVisible();
  await expect(page.getByText('1 person comes from it.')).toBeVisible();
  await picture(page, 'connected');
  await page.goto(`${portal.origin}/admin/people/${encodeURIComponent(BO)}`);
  await expect(page.getByRole('region', { name: 'Account at the company' })).toContainText('s-bo');
  await picture(page, 'person');

  const out = await directory.call('PATCH', `/scim/v2/Users/${id}`, {
    body: patchOf({ op: 'replace', value: { active: false } }),
  });
  expect(out.status).toBe(200);
  await bo.reload();
  await expect(bo).toHaveURL(/\/sign-in/);
  await bo.getByRole('button', { name: 'Sign in with your company' }).click();
  await expect(bo.getByText('You have no account here yet')).toBeVisible();

  await page.goto(`${portal.origin}/admin/directory`);
  await page.getByRole('button', { name: 'Let go of ACME Designers' }).click();
  await expect(page.getByRole('alertdialog')).toContainText('no longer decides who is in Design');
  await page.getByRole('button', { name: 'Let go', exact: true }).last().click();
  await expect(page.getByText('Group of the company let go')).toBeVisible();
  await page.getByRole('button', { name: 'End Okta' }).click();
  await expect(page.getByRole('alertdialog')).toContainText('refused from its next request');
  await picture(page, 'end');
  await page.getByRole('button', { name: 'End token' }).click();
  await expect(page.getByText('Directory token ended')).toBeVisible();
  expect((await directory.call('GET', '/scim/v2/Users')).status).toBe(401);
  await page.close();
  await bo.close();
});
