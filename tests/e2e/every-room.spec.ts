// Every room and every entrance, as everybody who may enter it, wide and narrow, light and dark, with long names in it: it fits, axe
// finds nothing, nothing fails in the browser, and a picture is left in test-results/rooms to be looked at. The list comes from the
// role matrix, so no page is forgotten.
import { mkdirSync } from 'node:fs';
import { expect, test, type Page } from '@playwright/test';
import { layChain } from '@/lib/audit/chain';
import { searchAudit } from '@/lib/audit/records';
import { pool, transaction } from '@/lib/db';
import { offboard } from '@/lib/offboarding/offboard';
import { createGroup } from '@/lib/people/groups';
import { invite } from '@/lib/people/invites';
import { requestTool } from '@/lib/people/tool-requests';
import { mintAgentToken } from '@/lib/tokens/agent-tokens';
import { keepBundle } from '@/lib/undo/keep';
import { PAGES, type CallerName } from '../api/matrix';
import { POSTGRES_URL } from '../support/browser';
import { callOf, post } from '../support/gate';
import {
  addApiKey,
  addConnection,
  addOrganization,
  addPerson,
  startPortal,
  type Portal,
} from '../support/portal';
import { enter, expectAccessible, expectToFit, openPage } from '../support/room';

const ROLES = ['nobody', 'admin', 'auditor', 'member'] as const satisfies readonly CallerName[];
const VARIANTS = [1440, 390].flatMap((width) =>
  (['light', 'dark'] as const).map((theme) => ({ width, theme, name: `${width}-${theme}` })),
);
type Variant = (typeof VARIANTS)[number];
const PICTURES = 'test-results/rooms';
const LONG = 'Customer experience and partner operations of the northern regions, reports only';

/** What no page of the matrix is, but people meet: an answer of Asana that failed, a consent that is over, a wrong address. */
const DEAD_ENDS: readonly [path: string, status: number][] = [
  ['/connect/asana/callback?error=access_denied&state=none', 400],
  ['/authorize/an-authorization-that-is-over', 404],
  ['/nothing/of/this/name', 404],
];

let portal: Portal;
/** What a page's path stands for, where it leaves something open. */
const shown: Record<string, string[]> = {};

test.beforeAll(async () => {
  test.setTimeout(120_000);
  portal = await startPortal({}, process.env[POSTGRES_URL]);
  mkdirSync(PICTURES, { recursive: true });
});
test.afterAll(() => portal?.stop());

// Runs first: afterwards there is an organization.
for (const variant of VARIANTS)
  test(`set-up at ${variant.width} px, ${variant.theme}: fits and is accessible`, async ({ browser }) => {
    const page = await openPage(browser, lookOf(variant));
    await look(page, '/setup', `nobody-${variant.name}`);
    await page.close();
  });

test.describe('with people at work', () => {
  test.beforeAll(async () => {
    test.setTimeout(120_000);
    await furnish();
  });

  for (const role of ROLES)
    for (const variant of VARIANTS)
      test(`${role} at ${variant.width} px, ${variant.theme}: every room fits and is accessible`, async ({
        browser,
      }) => {
        test.setTimeout(300_000);
        const page =
          role === 'nobody'
            ? await openPage(browser, lookOf(variant))
            : await enter(browser, portal, `${role}@aurora.example`, lookOf(variant));
        for (const path of roomsOf(role))
          await test.step(path, () => look(page, path, `${role}-${variant.name}`));
        if (role === 'member')
          for (const [path, status] of DEAD_ENDS)
            await test.step(path, () => look(page, path, `${role}-${variant.name}`, status));
        await page.close();
      });
});

/** The paths that this role may see; a consent is walked by its own test. */
function roomsOf(role: (typeof ROLES)[number]): string[] {
  return Object.entries(PAGES)
    .filter(([path, { own }]) => own[role] === 200 && (path !== '/invite' || role === 'nobody'))
    .flatMap(([path]) => shown[path] ?? [path]);
}

const lookOf = ({ width, theme }: Variant) => ({
  ...{ viewport: { width, height: width > 1000 ? 900 : 844 }, colorScheme: theme },
  reducedMotion: 'reduce' as const,
});

async function look(page: Page, path: string, variant: string, status = 200): Promise<void> {
  const answer = await page.goto(`${portal.origin}${path}`);
  expect(answer?.status(), path).toBe(status);
  await expect(page.locator('h1')).toBeVisible();
  await page.waitForLoadState('networkidle', { timeout: 3_000 }).catch(() => undefined); // a room that polls is never idle
  const name =
    path
      .split('#', 1)[0]!
      .slice(1)
      .replaceAll(/[^a-z]+/gi, '-')
      .slice(0, 30) || 'home';
  await page.screenshot({ path: `${PICTURES}/${name}-${variant}.png`, fullPage: true });
  await expectToFit(page);
  await expectAccessible(page);
}

/** People, groups, agents, clients, requests and calls, some of them with names that are hard to fit. */
async function furnish(): Promise<void> {
  const aurora = await addOrganization('Aurora', 'admin@aurora.example', portal.sandbox);
  const memberId = await addPerson(aurora, 'member@aurora.example', {
    name: 'Ana-Maximiliane Theodora Wilhelmina',
  });
  const auditorId = await addPerson(aurora, 'auditor@aurora.example', { name: 'Cleo', role: 'auditor' });
  const long = 'a-mailbox.with-a-rather-long-name.for-weekly-reports@subsidiary.aurora.example';
  const invitedId = await addPerson(aurora, long, { name: 'Ben', password: undefined });
  for (const [name, tools, members] of [
    ['Sales', ['get_me', 'search_tasks', 'create_tasks', 'create_task_preview_v4'], ['admin', 'member']],
    [LONG, ['get_me', 'get_task', 'update_tasks', 'delete_project'], ['member']],
    ['Nobody yet', [], []],
  ] as const)
    await transaction((tx) =>
      createGroup(tx, aurora.actor, {
        ...{ name, tools: tools.filter((tool) => portal.sandbox.tools.some((known) => known.name === tool)) },
        members: members.map((who) => `${who}@aurora.example`),
      }),
    );
  const connectionId = await addConnection(portal, aurora.id, memberId, 'ana@example.com');
  const undoId = crypto.randomUUID();
  await keepBundle(
    { organizationId: aurora.id, memberId, connectionId, callId: undoId, days: 14 },
    {
      ...{ tool: 'update_tasks', arguments: { tasks: [{ task: '1', name: 'After' }] } },
      before: [{ kind: 'task', gid: '1', title: LONG, parts: { name: LONG } }],
    },
  );
  const broken = await addConnection(portal, aurora.id, auditorId, 'ben@example.com');
  await pool().query(`UPDATE connections SET status = 'needs_reconnect' WHERE id = $1`, [broken]);
  const person = { ...aurora.actor, memberId, memberEmail: 'member@aurora.example' };
  const { token } = await transaction((tx) => mintAgentToken(tx, person, { name: 'Weekly report' }));
  await transaction((tx) => mintAgentToken(tx, person, { name: LONG, expiresInDays: 3 }));
  await addApiKey(aurora, 'auditor', LONG);
  await transaction((tx) => requestTool(tx, person, { tool: 'delete_task', reason: `${LONG}. `.repeat(3) }));
  await addClients(aurora.id, memberId);
  for (const [tool, given] of [
    ['get_me', {}],
    ['search_tasks', { text: 'launch' }],
    ['search_tasks', { no: 'such argument' }],
    ['delete_task', {}],
  ] as const)
    await post({ url: `${portal.origin}/mcp` }, token, callOf(tool, given));
  const leaver = 'a-person.with-a-rather-long-name.who-leaves@subsidiary.aurora.example';
  await addPerson(aurora, leaver, { name: LONG, password: undefined });
  const receiptId = await offboard(aurora.actor, leaver);
  await layChain();
  const newest = async (filter: Parameters<typeof searchAudit>[1]) =>
    (await searchAudit(aurora.id, filter, { limit: 1 })).records[0]!.id;
  const ofRecord = async (filter: Parameters<typeof searchAudit>[1]) =>
    `/admin/audit/${await newest(filter)}`;
  const link = await transaction((tx) => invite(tx, aurora.actor, { id: invitedId, email: long }));
  Object.assign(shown, {
    '/invite': [link.slice(link.indexOf('/invite'))],
    '/admin/audit/[id]': [await ofRecord({ decision: 'deny' }), await ofRecord({ kind: 'event' })],
    '/activity/undo/[id]': [`/activity/undo/${undoId}`],
    '/admin/groups/[slug]': ['/admin/groups/sales'],
    '/admin/tools/[name]': ['/admin/tools/create_tasks'],
    '/admin/people/offboardings/[id]': [`/admin/people/offboardings/${receiptId}`],
    '/admin/people/[email]': ['/admin/people/member%40aurora.example'],
  });
}

/** Two clients, one of them allowed by the member, and one that was refused for where it sends people back to. */
async function addClients(organizationId: string, memberId: string): Promise<void> {
  const uri =
    'https://reports.subsidiary.example.com/integrations/mcp/authorization/callback/northern-regions';
  for (const [id, name, uris] of [
    ['client-one', 'Example editor', ['http://127.0.0.1:33418/callback']],
    ['client-two', LONG, [uri, 'https://example.com/callback']],
  ] as const) {
    await pool().query(
      `INSERT INTO oauth_clients (id, kind, name, metadata) VALUES ($1, 'registered', $2, $3)`,
      [id, name, { redirect_uris: uris }],
    );
    await pool().query(
      `INSERT INTO grants (id, organization_id, member_id, client_id, client_name, redirect_uri, resource, expires_at, redeemed_at)
       VALUES (gen_random_uuid(), $1, $2, $3, $4, $5, '', now() + interval '90 days', now())`,
      [organizationId, memberId, id, name, uris[0]],
    );
  }
  await pool().query('INSERT INTO refused_registrations (uri, client_name) VALUES ($1, $2)', [uri, LONG]);
}
