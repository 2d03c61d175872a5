// `npm run bench:pages`: how long a person waits for each room, and what an export costs, at a Gatehouse that is running. It signs in
// as an admin, opens every room in Chromium, and prints a table; the database of `npm run seed:large` is what the promise is about.
//
//   GATEHOUSE_DATA=data/large npm start                                    # in one shell
//   BENCH_PASSWORD=… npm run bench:pages -- --url http://localhost:3000    # in another
import { parseArgs } from 'node:util';
import { chromium, type Page } from '@playwright/test';
import { findChromium } from '../../scripts/chromium.mjs';

const { values: given } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://localhost:3000' },
    email: { type: 'string', default: 'admin@example.com' },
    rounds: { type: 'string', default: '3' },
    exports: { type: 'boolean', default: false },
  },
});
const password = process.env.BENCH_PASSWORD;
if (!password) throw new Error('Set BENCH_PASSWORD to what the seed printed.');
const rounds = Math.min(20, Math.max(1, Math.trunc(Number(given.rounds)) || 3));

const browser = await chromium.launch({ executablePath: findChromium(), args: ['--no-sandbox'] });
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
await page.goto(`${given.url}/sign-in`);
await page.locator('input[name=email]').fill(given.email);
await page.locator('input[name=password]').fill(password);
await page.keyboard.press('Enter');
await page.waitForURL(`${given.url}/`);

/** The path of the first link inside `main` that begins so: a group, a person, a record of this very database. */
async function firstLink(room: string, prefix: string): Promise<string> {
  await page.goto(given.url + room);
  const link = page.locator(`main a[href^="${prefix}"]`).first();
  await link.waitFor();
  return (await link.getAttribute('href'))!;
}
const record = await firstLink('/admin/audit?decision=deny', '/admin/audit/');
const person = await firstLink('/admin/people', '/admin/people/');
const email = decodeURIComponent(person.split(/[/?]/)[3]!);

const rooms: [name: string, path: string][] = [
  ['home', '/'],
  ['connections', '/connections'],
  ['my tokens', '/tokens'],
  ['my activity', '/activity'],
  ['explain (mine)', '/explain'],
  ['Asana app', '/admin/asana'],
  ['tools × groups', '/admin/tools'],
  ['one tool', '/admin/tools/delete_task'],
  ['groups', '/admin/groups'],
  ['people', '/admin/people'],
  ['people, searched', '/admin/people?search=.17'],
  ['people, admins', '/admin/people?role=admin'],
  ['people, sorted, page 20', '/admin/people?sort=lastCall&offset=950'],
  ['one person', person],
  ['requests', '/admin/requests'],
  ['explain', `/admin/explain?member=${encodeURIComponent(email)}&tool=delete_task`],
  ['clients', '/admin/clients'],
  ['audit', '/admin/audit'],
  ['audit, denied', '/admin/audit?decision=deny'],
  ['audit, one person', `/admin/audit?member=${encodeURIComponent(email)}`],
  [
    'audit, person + tool + denied',
    `/admin/audit?member=${encodeURIComponent(email)}&tool=delete_task&decision=deny`,
  ],
  ['audit, outcome unknown', '/admin/audit?outcome=unknown'],
  ['audit, person + outcome unknown', `/admin/audit?member=${encodeURIComponent(email)}&outcome=unknown`],
  ['audit, last 90 days', '/admin/audit?range=90d'],
  ['one record', record],
  ['charts, 24 hours', '/admin/audit/charts?range=24h'],
  ['charts, 90 days', '/admin/audit/charts?range=90d'],
  ['health', '/admin/health'],
  ['organization', '/admin/organization'],
];

interface View {
  firstByteMs: number;
  /** The largest thing painted: what a person takes for "it is here". */
  viewMs: number;
  loadedMs: number;
}

async function view(page: Page, path: string): Promise<View> {
  const answer = await page.goto(given.url + path, { waitUntil: 'load' });
  if (answer?.status() !== 200) throw new Error(`${path} answered ${answer?.status()}`);
  await page.locator('h1').first().waitFor();
  return page.evaluate(
    () =>
      new Promise<View>((resolve) => {
        const [navigation] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
        new PerformanceObserver((list) => {
          resolve({
            firstByteMs: navigation!.responseStart,
            viewMs: list.getEntries().at(-1)!.startTime,
            loadedMs: navigation!.loadEventEnd,
          });
        }).observe({ type: 'largest-contentful-paint', buffered: true });
      }),
  );
}

const median = (values: number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;
const whole = (ms: number) => String(Math.round(ms)).padStart(5);

console.log('| room | first byte ms | first view ms | worst ms | loaded ms |\n|---|---|---|---|---|');
let worst = 0;
for (const [name, path] of rooms) {
  const views: View[] = [];
  for (let round = 0; round < rounds; round += 1) views.push(await view(page, path));
  const slowest = Math.max(...views.map(({ viewMs }) => viewMs));
  worst = Math.max(worst, slowest);
  const columns = [
    median(views.map(({ firstByteMs }) => firstByteMs)),
    median(views.map(({ viewMs }) => viewMs)),
    slowest,
    median(views.map(({ loadedMs }) => loadedMs)),
  ];
  console.log(`| ${name} | ${columns.map(whole).join(' | ')} |`);
}
console.log(`\nworst first view: ${Math.round(worst)} ms`);

// Typed into the page as a person does: from the last key to the filtered rows.
await page.goto(`${given.url}/admin/people`);
await page.locator('main table tbody tr').first().waitFor();
for (const text of ['.17', '.42']) {
  const startedMs = performance.now();
  await page.getByLabel('Search people').fill(text);
  await page.waitForFunction(
    (wanted) =>
      [...document.querySelectorAll('main table tbody tr')].every((row) => row.textContent!.includes(wanted)),
    text,
  );
  console.log(`people, "${text}" typed until filtered: ${Math.round(performance.now() - startedMs)} ms`);
}

const residentMiB = async () => {
  const metrics = await (await fetch(`${given.url}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\S+)/m.exec(metrics)?.[1] ?? 0) / 1024 / 1024;
};

if (given.exports)
  for (const format of ['jsonl', 'csv']) {
    const cookie = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
    const startedMs = performance.now();
    const answer = await fetch(`${given.url}/api/v1/audit/export?format=${format}`, { headers: { cookie } });
    if (!answer.ok) throw new Error(`the export answered ${answer.status}: ${await answer.text()}`);
    let bytes = 0;
    let firstMs = 0;
    let sampledMs = 0;
    const rss = [await residentMiB()];
    for await (const chunk of answer.body!) {
      firstMs ||= performance.now() - startedMs;
      bytes += chunk.length;
      if (performance.now() - sampledMs > 5_000) {
        sampledMs = performance.now();
        rss.push(await residentMiB());
      }
    }
    const seconds = (performance.now() - startedMs) / 1000;
    console.log(
      `export ${format}: first byte ${Math.round(firstMs)} ms, ${(bytes / 1e6).toFixed(0)} MB in ${seconds.toFixed(0)} s; ` +
        `resident MiB every 5 s: ${rss.map(Math.round).join(' ')}`,
    );
  }
await browser.close();
