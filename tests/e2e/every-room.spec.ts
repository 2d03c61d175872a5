// Every room, as everybody who may enter it, wide and narrow, light and dark: it fits, axe finds nothing, nothing fails in the
// browser, and a picture is left in test-results/rooms to be looked at. The list comes from the role matrix, so no page is forgotten.
import { mkdirSync } from 'node:fs';
import AxeBuilder from '@axe-core/playwright';
import { expect, test, type Browser, type Page } from '@playwright/test';
import { layChain } from '@/lib/audit/chain';
import { searchAudit } from '@/lib/audit/records';
import { transaction } from '@/lib/db';
import { createGroup } from '@/lib/people/groups';
import { mintAgentToken } from '@/lib/tokens/agent-tokens';
import { PAGES, type CallerName } from '../api/matrix';
import { POSTGRES_URL } from '../support/browser';
import { callOf, post } from '../support/gate';
import {
  addConnection,
  addOrganization,
  addPerson,
  PASSWORD,
  startPortal,
  type Portal,
} from '../support/portal';

const ROLES = ['admin', 'auditor', 'member'] as const satisfies readonly CallerName[];
const WIDTHS = [1440, 390];
const THEMES = ['light', 'dark'] as const;
const PICTURES = 'test-results/rooms';

let portal: Portal;
/** What stands for the `[…]` of a page's path. */
const parameters: Record<string, string> = {};

test.beforeAll(async () => {
  test.setTimeout(180_000);
  portal = await startPortal({}, process.env[POSTGRES_URL]);
  mkdirSync(PICTURES, { recursive: true });
  const aurora = await addOrganization('Aurora', 'admin@aurora.example', portal.sandbox);
  const memberId = await addPerson(aurora, 'member@aurora.example');
  await addPerson(aurora, 'auditor@aurora.example', { role: 'auditor' });
  const group = {
    name: 'Sales',
    tools: ['get_me', 'search_tasks', 'create_tasks', 'create_task_preview_v4'],
  };
  const members = ['member@aurora.example', 'admin@aurora.example'];
  await transaction((tx) => createGroup(tx, aurora.actor, { ...group, members }));
  await addConnection(portal, aurora.id, memberId, 'ana@example.com');
  const person = { ...aurora.actor, memberId, memberEmail: 'member@aurora.example' };
  const { token } = await transaction((tx) => mintAgentToken(tx, person, { name: 'Weekly report' }));
  for (const tool of ['get_me', 'search_tasks', 'delete_task'])
    await post({ url: `${portal.origin}/mcp` }, token, callOf(tool));
  await layChain();
  const { records } = await searchAudit(aurora.id, { decision: 'deny' }, { limit: 1 });
  Object.assign(parameters, {
    ...{ '/admin/audit/[id]': records[0]!.id, '/admin/groups/[slug]': 'sales' },
    ...{ '/admin/tools/[name]': 'create_tasks', '/admin/people/[email]': 'member@aurora.example' },
  });
});
test.afterAll(() => portal?.stop());

for (const role of ROLES)
  for (const width of WIDTHS)
    for (const theme of THEMES)
      test(`${role} at ${width} px, ${theme}: every room fits and is accessible`, async ({ browser }) => {
        test.setTimeout(300_000);
        const page = await enter(browser, role, { width, theme });
        for (const path of roomsOf(role))
          await test.step(path, () => look(page, path, `${role}-${width}-${theme}`));
        await page.close();
      });

/** The paths that this role may see; what needs an invitation or another first step is walked by the other tests. */
function roomsOf(role: (typeof ROLES)[number]): string[] {
  return Object.entries(PAGES)
    .filter(([path, { own }]) => own[role] === 200 && path !== '/invite' && !path.startsWith('/authorize'))
    .map(([path]) =>
      path.includes('[') ? path.replace(/\[.+\]/, encodeURIComponent(parameters[path]!)) : path,
    );
}

async function enter(
  browser: Browser,
  role: string,
  { width, theme }: { width: number; theme: 'light' | 'dark' },
): Promise<Page> {
  const context = await browser.newContext({
    ...{ viewport: { width, height: width > 1000 ? 900 : 844 }, colorScheme: theme, reducedMotion: 'reduce' },
  });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(`${page.url()}: ${error.message}`));
  page.on('close', () => expect(faults).toEqual([]));
  await page.goto(`${portal.origin}/sign-in`);
  await page.locator('input[name=email]').fill(`${role}@aurora.example`);
  await page.locator('input[name=password]').fill(PASSWORD);
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(`${portal.origin}/`);
  return page;
}

async function look(page: Page, path: string, variant: string): Promise<void> {
  const answer = await page.goto(`${portal.origin}${path}`);
  expect(answer?.status(), path).toBe(200);
  await expect(page.locator('h1')).toBeVisible();
  await page.waitForLoadState('networkidle', { timeout: 3_000 }).catch(() => undefined); // a room that polls is never idle
  const name =
    path === '/'
      ? 'home'
      : path
          .slice(1)
          .replaceAll(/[^a-z]+/gi, '-')
          .slice(0, 30);
  await page.screenshot({ path: `${PICTURES}/${name}-${variant}.png`, fullPage: true });
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect(overflow, `${path} is wider than the window`).toBeLessThanOrEqual(0);
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'])
    .analyze();
  expect(
    violations.map(({ id, nodes }) => `${path} ${id}: ${nodes.map(({ html }) => html).join(' | ')}`),
  ).toEqual([]);
}
