// `npm run screenshots`: the three pictures of docs/, taken from a demo of its own, so that anybody can take them again.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Page } from '@playwright/test';
import { findChromium } from './chromium.mjs';

const FOLDER = 'docs';
const LARGEST_BYTES = 150_000;
const START_TIMEOUT_MS = 180_000;
const VIEWPORT = { width: 1200, height: 720 };

/** Starts the demo on an empty data folder; answers its address and the password of everybody. */
async function startDemo(data: string): Promise<{ child: ChildProcess; origin: string; password: string }> {
  const imports = ['--import', './scripts/follow-parent.mjs', '--import', 'tsx'];
  const env = { ...process.env, GATEHOUSE_DATA: data, NEXT_TELEMETRY_DISABLED: '1' };
  const child = spawn(process.execPath, [...imports, 'scripts/demo.ts'], {
    ...{ env, stdio: ['ignore', 'pipe', 'inherit'] },
  });
  let output = '';
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(
      () => reject(new Error(`The demo did not start in time.\n${output}`)),
      START_TIMEOUT_MS,
    );
    child.once('exit', (code) => reject(new Error(`The demo ended with ${code}.\n${output}`)));
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (!output.includes('Press Ctrl+C')) return;
      clearTimeout(late);
      resolve();
    });
  });
  const [, origin, password] =
    /Open (http:\S+) and sign in; the password of everybody is "([^"]+)"/.exec(output) ?? [];
  if (!origin || !password) throw new Error(`The demo did not say where it is.\n${output}`);
  return { child, origin, password };
}

async function stopDemo(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

async function signIn(page: Page, origin: string, email: string, password: string): Promise<void> {
  await page.goto(`${origin}/sign-in`);
  await page.locator('input[name=email]').fill(email);
  await page.locator('input[name=password]').fill(password);
  await page.keyboard.press('Enter');
  await page.waitForURL(`${origin}/`);
}

/** Saves what stands in the window. Throws where the file is too large for a repository. */
async function take(page: Page, url: string, name: string): Promise<void> {
  await page.goto(url);
  await page.locator('h1').waitFor();
  await page.evaluate(() => document.fonts.ready);
  const path = join(FOLDER, `${name}.png`);
  await page.screenshot({ path, animations: 'disabled', caret: 'hide' });
  const { size } = statSync(path);
  console.log(`${path}: ${Math.round(size / 1000)} kB`);
  if (size > LARGEST_BYTES)
    throw new Error(`${path} is larger than ${LARGEST_BYTES / 1000} kB; take less of the page.`);
}

async function main(): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  const data = mkdtempSync(join(tmpdir(), 'gatehouse-screenshots-'));
  const executablePath = findChromium();
  const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const browser = await chromium.launch({
    ...(executablePath ? { executablePath } : {}),
    args: [...asRoot, '--disable-gpu', '--disable-dev-shm-usage'],
  });
  let demo: Awaited<ReturnType<typeof startDemo>> | undefined;
  try {
    demo = await startDemo(data);
    const { origin, password } = demo;
    const open = async (email: string) => {
      const context = await browser.newContext({
        viewport: VIEWPORT,
        colorScheme: 'light',
        reducedMotion: 'reduce',
      });
      const page = await context.newPage();
      await signIn(page, origin, email, password);
      return page;
    };
    const admin = await open('admin@example.com');
    await take(admin, `${origin}/admin/tools`, 'tools-by-group');
    const denied = await admin.request.get(`${origin}/api/v1/audit?kind=call&decision=deny&limit=1`);
    const { records } = (await denied.json()) as { records: { id: string }[] };
    await take(admin, `${origin}/admin/audit/${records[0]!.id}`, 'audit-record');
    const ben = await open('ben@example.com');
    await take(ben, `${origin}/`, 'home');
  } finally {
    await browser.close();
    if (demo) await stopDemo(demo.child);
    rmSync(data, { recursive: true, force: true });
  }
}

await main();
