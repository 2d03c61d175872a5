// Rules on arguments in a browser: an admin sets them on the group's page, with names that Asana says; an agent is refused outside and let
// through inside; the audit and the explanation say why; lifted, nothing is restricted. Wide and narrow, light and dark; axe finds nothing.
import { expect, test, type Page } from '@playwright/test';
import { transaction } from '@/lib/db';
import { createGroup } from '@/lib/people/groups';
import { mintAgentToken } from '@/lib/tokens/agent-tokens';
import { SEED } from '@/lib/sandbox/world-seed';
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
import { enter, takePictures } from '../support/room';

const ADMIN = 'admin@aurora.example';
const ANA = 'ana@aurora.example';

let portal: Portal;
let aurora: PortalOrganization;
let token: string;

test.describe.configure({ timeout: 300_000 });
test.beforeAll(async () => {
  test.setTimeout(180_000);
  portal = await startPortal({}, process.env[POSTGRES_URL]);
  aurora = await addOrganization('Aurora', ADMIN, portal.sandbox);
  await addConnection(portal, aurora.id, aurora.actor.memberId!, 'admin@example.com');
  const memberId = await addPerson(aurora, ANA, { name: 'Ana' });
  await addConnection(portal, aurora.id, memberId, 'ana@example.com');
  const tools = ['get_project', 'get_task', 'search_tasks', 'update_tasks'];
  await transaction((tx) => createGroup(tx, aurora.actor, { name: 'Website desk', tools, members: [ANA] }));
  const person = { ...aurora.actor, memberId, memberEmail: ANA };
  ({ token } = await transaction((tx) => mintAgentToken(tx, person, { name: 'Agent of Ana' })));
});
test.afterAll(() => portal?.stop());

const getProject = async (project_id: string) =>
  (await post({ url: `${portal.origin}/mcp` }, token, callOf('get_project', { project_id }))).body;

const picture = (page: Page, name: string) => takePictures(page, `argument-rules/${name}`);

test('an admin narrows a group to a project, an agent feels it at the next call, and both can read why', async ({
  browser,
}) => {
  const page = await enter(browser, portal, ADMIN);
  await page.goto(`${portal.origin}/admin/groups/website-desk`);
  const rules = page.getByRole('region', { name: 'Rules on arguments' });
  await expect(rules).toBeVisible();
  expect((await getProject(SEED.onboarding)).error).toBeUndefined();

  const place = rules.getByLabel('Gid or link');
  await place.fill('the website project');
  await rules.getByRole('button', { name: 'Add' }).click();
  await expect(rules.getByText(/holds no gid of a project/)).toBeVisible();
  await place.fill(`https://app.asana.com/1/${SEED.works}/project/${SEED.relaunch}/list/7`);
  await place.press('Enter');
  await expect(rules.getByRole('list', { name: 'Places' })).toContainText('Website relaunch');
  await rules.getByLabel('Kind of place').selectOption('Section');
  await place.fill('1200000000000403');
  await rules.getByRole('button', { name: 'Add' }).click();
  await expect(rules.getByRole('list', { name: 'Places' })).toContainText('1200000000000403');
  await rules.getByLabel(/At most this many items/).fill('many');
  await expect(rules.getByText(/A whole number from 1/)).toBeVisible();
  // What is not understood is not left out in silence.
  await page.getByRole('button', { name: 'Save changes' }).click();
  await expect(rules.getByLabel(/At most this many items/)).toBeFocused();
  await expect(page.getByText('Group saved')).toHaveCount(0);
  await rules.getByLabel(/At most this many items/).fill('5');
  await rules.getByText('No moves out of a project').click();
  await rules.getByLabel(/Only people of the company/).fill('example.com');
  await expect(page.getByText(/changes the rules on arguments/)).toBeVisible();
  await rules.getByText('What these rules can and can\u2019t do').click();
  await picture(page, 'form');
  await page.getByRole('button', { name: 'Save changes' }).click();
  await expect(page.getByText('Group saved')).toBeVisible();

  const refused = await getProject(SEED.onboarding);
  expect(refused.error!.message).toMatch(/Website desk.*Website relaunch/);
  expect((await getProject(SEED.relaunch)).error).toBeUndefined();

  await page.reload();
  await expect(rules.getByRole('list', { name: 'Places' })).toContainText('Website relaunch');
  await expect(rules.getByLabel(/At most this many items/)).toHaveValue('5');

  await page.goto(`${portal.origin}/admin/explain?tool=get_project&member=${encodeURIComponent(ANA)}`);
  await expect(page.getByText(/must keep to its rules on arguments/).first()).toBeVisible();
  await picture(page, 'explain');
  await page.goto(`${portal.origin}/admin/audit?decision=deny`);
  await expect(page.getByText(/A rule on arguments/).first()).toBeVisible();
  await page
    .getByRole('link', { name: /get_project/ })
    .first()
    .click();
  await expect(page.getByText(/website-desk allows only inside these projects/)).toBeVisible();
  await expect(page.getByRole('link', { name: 'Look at the rules of Website desk' })).toBeVisible();
  await picture(page, 'record');

  await page.goto(`${portal.origin}/admin/groups/website-desk`);
  await rules.getByRole('button', { name: 'Remove project Website relaunch' }).click();
  await rules.getByRole('button', { name: /Remove section/ }).click();
  await page.getByRole('button', { name: 'Save changes' }).click();
  await expect(page.getByText('Group saved')).toBeVisible();
  expect((await getProject(SEED.onboarding)).error).toBeUndefined();
  await page.close();
});
