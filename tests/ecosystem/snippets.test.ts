// Each set-up that the portal prints is run as it is printed, where its client is installed here: it lists Ana's tools.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SetUp } from '@/components/home/snippet';
import { mcpClients } from '@/components/home/snippets';
import { clientEnv, PRELOAD } from '../clients/client-program';
import { startSetting, type Setting } from '../clients/setting';
import { START_MS } from '../support/portal';

const LONG_MS = 120_000;
const TOOLS = ['get_me', 'search_tasks'];
const run = promisify(execFile);

let setting: Setting;
let token: string;
let home: string;
beforeAll(async () => {
  setting = await startSetting();
  ({ token } = await setting.mint());
  home = mkdtempSync(join(tmpdir(), 'gatehouse-snippets-'));
}, START_MS);
afterAll(async () => {
  rmSync(home, { recursive: true, force: true });
  await setting.portal.stop();
});

const withToken = mcpClients.filter(({ ways }) => ways.token !== undefined);
const setUpOf = (id: string): SetUp =>
  withToken.find((one) => one.id === id)!.ways.token!(setting.url, token);
const idsOf = (language: SetUp['language']) =>
  withToken
    .filter(({ ways }) => ways.token!('https://x/mcp', null).language === language)
    .map(({ id }) => id);

/** npm finds what is installed in the folder and may not ask its registry. */
const env = (more: Record<string, string> = {}): NodeJS.ProcessEnv => ({
  ...clientEnv(home),
  npm_config_offline: 'true',
  ...more,
});

describe.each(idsOf('typescript'))('%s', (id) => {
  test(
    'its program prints exactly the tools, and names the packages that it needs',
    async () => {
      const { before = '', code } = setUpOf(id);
      const [, packages = ''] = /^npm install (.+)$/m.exec(before)!;
      const [, variable = '', value = ''] = /^export (\w+)='(.+)'$/m.exec(before)!;
      const installed = JSON.parse(readFileSync('tests/ecosystem/package.json', 'utf8')).devDependencies;
      for (const name of packages.split(' ')) expect(installed).toHaveProperty([name]);
      for (const [, imported = ''] of code.matchAll(/from '((?:@[^/']+\/)?[^/']+)/g))
        expect(packages.split(' ')).toContain(imported);
      // Below node_modules it finds the packages and nobody takes it for a source.
      const folder = resolve('tests/ecosystem/node_modules/.snippets');
      mkdirSync(folder, { recursive: true });
      const file = join(folder, `${id}.mjs`);
      writeFileSync(file, code);
      const { stdout } = await run(process.execPath, [...PRELOAD, file], { env: env({ [variable]: value }) });
      rmSync(file);
      for (const tool of TOOLS) expect(stdout).toContain(tool);
      expect(stdout.match(/'[\w]+'/g)).toHaveLength(TOOLS.length);
    },
    LONG_MS,
  );
});

describe.each([
  ['inspector', 'tests/clients'],
  ['curl', '.'],
])('%s', (id, folder) => {
  test(
    'its command prints exactly the tools',
    async () => {
      const { stdout } = await run('sh', ['-c', setUpOf(id).code], { cwd: resolve(folder), env: env() });
      for (const tool of TOOLS) expect(stdout).toContain(`"${tool}"`);
      expect(stdout).not.toContain('delete_task');
    },
    LONG_MS,
  );
});

describe('JSON configurations', () => {
  const readJson = (id: string): any => {
    const parsed = JSON.parse(setUpOf(id).code);
    return Object.values(parsed.mcpServers ?? parsed.servers)[0];
  };
  const listOver = async (transport: Transport) => {
    const client = new Client({ name: 'snippet', version: '1' });
    await client.connect(transport);
    const { tools } = await client.listTools();
    await client.close();
    return tools.map(({ name }) => name).toSorted();
  };

  test(
    'mcp-remote’s command with its arguments and environment lists exactly the tools',
    async () => {
      const { command, args, env: own } = readJson('mcp-remote');
      const cwd = resolve('tests/ecosystem');
      const all = env(own) as Record<string, string>;
      const transport = new StdioClientTransport({ command, args, env: all, cwd, stderr: 'ignore' });
      expect(await listOver(transport)).toEqual(TOOLS);
    },
    LONG_MS,
  );

  test.each(idsOf('json').filter((id) => id !== 'mcp-remote'))(
    'the address and headers of %s list exactly the tools',
    async (id) => {
      const { url, headers } = readJson(id);
      expect(
        await listOver(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } })),
      ).toEqual(TOOLS);
    },
  );
});
