// A person's browser before the portal: a page whose script faults fail the test, sign-in, axe, the keyboard alone, and an MCP client.
import AxeBuilder from '@axe-core/playwright';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { expect, type Browser, type BrowserContextOptions, type Page } from '@playwright/test';
import { PASSWORD, type Portal } from './portal';

type Where = Pick<Portal, 'origin'>;

/** A page in a context of its own. Closing it fails the test if a script threw on any page it showed. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<Page> {
  const page = await (await browser.newContext(options)).newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(`${page.url()}: ${error.message}`));
  page.on('close', () => expect(faults).toEqual([]));
  return page;
}

/** Fills in the sign-in form that the page shows, with `PASSWORD`. */
export async function fillSignIn(page: Page, email: string): Promise<void> {
  await page.locator('input[name=email]').fill(email);
  await page.locator('input[name=password]').fill(PASSWORD);
  await page.keyboard.press('Enter');
}

/** A page on which this person has signed in and sees the home. */
export async function enter(
  browser: Browser,
  portal: Where,
  email: string,
  options: BrowserContextOptions = {},
): Promise<Page> {
  const page = await openPage(browser, options);
  await page.goto(`${portal.origin}/sign-in`);
  await fillSignIn(page, email);
  await expect(page).toHaveURL(`${portal.origin}/`);
  await expect(page.locator('h1')).toBeVisible();
  return page;
}

/** Nothing that axe finds at WCAG 2.2 A and AA. */
export async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'])
    .analyze();
  expect(
    violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`),
    page.url(),
  ).toEqual([]);
}

/** Nothing is wider than the window. */
export async function expectToFit(page: Page): Promise<void> {
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect(overflow, `${page.url()} is wider than the window`).toBeLessThanOrEqual(0);
}

/**
 * Pictures of the whole page in test-results/<name>-<width>-<theme>.png, wide and narrow, light and dark, to be looked at; in each of
 * them it fits and axe finds nothing.
 */
export async function takePictures(page: Page, name: string): Promise<void> {
  const before = page.viewportSize();
  for (const colorScheme of ['light', 'dark'] as const)
    for (const width of [1440, 390]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      await expectToFit(page);
      await expectAccessible(page);
      await page.screenshot({ path: `test-results/${name}-${width}-${colorScheme}.png`, fullPage: true });
    }
  await page.emulateMedia({ colorScheme: null });
  if (before) await page.setViewportSize(before);
}

/** Tabs on until the control of this role and name has the focus. */
export async function focus(
  page: Page,
  role: 'button' | 'checkbox' | 'link' | 'radio',
  name: string | RegExp,
): Promise<void> {
  const exact = typeof name === 'string';
  const wanted = page.getByRole(role, { name, exact }).first();
  await expect(wanted).toBeVisible();
  for (let tabs = 0; tabs < 150; tabs += 1) {
    if (await wanted.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab never reached the ${role} ${name}`);
}

/** Tabs to a control and presses Enter. */
export async function press(page: Page, role: 'button' | 'link', name: string): Promise<void> {
  await focus(page, role, name);
  await page.keyboard.press('Enter');
}

/** Tabs to the field of this label and types. */
export async function typeInto(page: Page, label: string, text: string): Promise<void> {
  const field = page.getByLabel(label, { exact: true });
  await expect(field).toBeVisible();
  for (let tabs = 0; !(await field.evaluate((element) => element === document.activeElement)); tabs += 1) {
    if (tabs === 150) throw new Error(`Tab never reached the field ${label}`);
    await page.keyboard.press('Tab');
  }
  await page.keyboard.type(text);
}

/** The official SDK's client with this bearer, for as long as `work` takes. */
export async function withClient<T>(
  portal: Where,
  bearer: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({ name: 'room', version: '1' });
  const headers = { authorization: `Bearer ${bearer}` };
  await client.connect(
    new StreamableHTTPClientTransport(new URL(`${portal.origin}/mcp`), { requestInit: { headers } }),
  );
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}
