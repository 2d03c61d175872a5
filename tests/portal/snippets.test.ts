// The set-ups that people copy: each is valid in its language, carries endpoint and token where they belong, and those whose client
// is installed here are run against a real gate.
import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAst } from 'vitest/node';
import { TOKEN_PLACEHOLDER, type SetUp, type Way } from '@/components/home/snippet';
import { isReachableFromOutside, mcpClients } from '@/components/home/snippets';
import { makeGroup, makeMember, makeOrganization, mint, startGate, type Gate } from '../support/gate';

const ENDPOINT = 'https://gatehouse.example.com/mcp';
const TOKEN = `gth_${'Ab1'.repeat(14)}xy`;

const everyWay = mcpClients.flatMap(({ id, ways }) =>
  (Object.entries(ways) as [Way, NonNullable<(typeof ways)[Way]>][]).map(
    ([way, make]) => [`${id} by ${way}`, way, make] as const,
  ),
);
const setUp = (id: string, way: Way, endpoint = ENDPOINT, token: string | null = TOKEN): SetUp =>
  mcpClients.find((client) => client.id === id)!.ways[way]!(endpoint, token);

/** Nothing where the language's own parser takes it. */
function parse(language: SetUp['language'], code: string): void {
  switch (language) {
    case 'json':
      JSON.parse(code);
      return;
    case 'shell':
      execFileSync('bash', ['-n'], { input: code });
      return;
    case 'typescript':
      parseAst(code, { lang: 'ts' });
      return;
    case 'python':
      if (hasPython())
        execFileSync('python3', ['-c', 'import ast, sys; ast.parse(sys.stdin.read())'], { input: code });
      expect(code.match(/[([{]/g)).toHaveLength(code.match(/[)\]}]/g)!.length);
      return;
    case 'text':
      expect(new URL(code).href).toBe(code);
  }
}

function hasPython(): boolean {
  try {
    execFileSync('python3', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** The words that a shell line gives to its command. */
function wordsOf(code: string): string[] {
  const stub =
    'f() { printf "%s\\n" "$@"; }; claude() { f claude "$@"; }; npx() { f npx "$@"; }; curl() { f curl "$@"; }';
  return execFileSync('bash', ['-c', `${stub}\n${code}`], { encoding: 'utf8' })
    .trimEnd()
    .split('\n');
}

describe('every set-up', () => {
  test.each(everyWay)('%s is valid in its language, with a token and without', (_, __, make) => {
    for (const token of [TOKEN, null]) {
      const { steps, before, code, language } = make(ENDPOINT, token);
      parse(language, code);
      if (before) parse('shell', before);
      expect(code).toContain(ENDPOINT);
      expect(steps.length).toBeGreaterThan(0);
    }
  });

  test.each(everyWay)('%s holds the token exactly where it is the token’s way', (_, way, make) => {
    const text = ({ before = '', code }: SetUp) => `${before}\n${code}`;
    const [filled, blank] = [text(make(ENDPOINT, TOKEN)), text(make(ENDPOINT, null))];
    expect(filled.split(TOKEN)).toHaveLength(way === 'token' ? 2 : 1);
    expect(blank.split(TOKEN_PLACEHOLDER)).toHaveLength(way === 'token' ? 2 : 1);
    expect(filled).not.toContain(TOKEN_PLACEHOLDER);
  });

  test('programs take the token from the environment, so that none is committed with the code', () => {
    for (const { id, kind, ways } of mcpClients) {
      if (kind !== 'code') continue;
      const { before, code } = ways.token!(ENDPOINT, TOKEN);
      expect(code, id).not.toContain(TOKEN);
      expect(code, id).toContain('GATEHOUSE_TOKEN');
      expect(before, id).toContain(`export GATEHOUSE_TOKEN='${TOKEN}'`);
    }
  });

  test('every client that people asked for is there, once', () => {
    const ids = mcpClients.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(
      expect.arrayContaining([
        ...['claude-ai', 'claude-code', 'cursor', 'vs-code', 'chatgpt', 'mcp-remote'],
        ...['openai-responses', 'ai-sdk', 'langchain', 'openai-agents', 'mastra'],
      ]),
    );
  });
});

describe('what the client is given', () => {
  test('Claude Code gets the transport, the address and one header', () => {
    expect(wordsOf(setUp('claude-code', 'token').code)).toEqual([
      ...['claude', 'mcp', 'add', '--transport', 'http', 'asana', ENDPOINT],
      ...['--header', `Authorization: Bearer ${TOKEN}`],
    ]);
    expect(wordsOf(setUp('claude-code', 'oauth').code)).toEqual([
      ...['claude', 'mcp', 'add', '--transport', 'http', 'asana', ENDPOINT],
    ]);
  });

  test('Cursor and VS Code get the address, and the header only with a token', () => {
    const headers = { Authorization: `Bearer ${TOKEN}` };
    const server = { url: ENDPOINT };
    expect(JSON.parse(setUp('cursor', 'token').code)).toEqual({
      mcpServers: { asana: { ...server, headers } },
    });
    expect(JSON.parse(setUp('cursor', 'oauth').code)).toEqual({ mcpServers: { asana: server } });
    const typed = { type: 'http', ...server };
    expect(JSON.parse(setUp('vs-code', 'token').code)).toEqual({ servers: { asana: { ...typed, headers } } });
    expect(JSON.parse(setUp('vs-code', 'oauth').code)).toEqual({ servers: { asana: typed } });
  });

  test('mcp-remote gets the token through its environment, and leave for plain http only where it is needed', () => {
    const server = (endpoint: string) =>
      JSON.parse(setUp('mcp-remote', 'token', endpoint).code).mcpServers.asana;
    expect(server(ENDPOINT).args.join(' ')).not.toContain(TOKEN);
    expect(server(ENDPOINT).env).toEqual({ GATEHOUSE_AUTHORIZATION: `Bearer ${TOKEN}` });
    const allowed = (endpoint: string) => server(endpoint).args.includes('--allow-http');
    expect([ENDPOINT, 'http://localhost:3000/mcp', 'http://127.0.0.1:3000/mcp'].map(allowed)).toEqual([
      ...[false, false, false],
    ]);
    expect(allowed('http://gatehouse.corp/mcp')).toBe(true);
  });

  test('an address that servers on the internet can’t reach is known as one', () => {
    const outside = [
      'https://gatehouse.example.com/mcp',
      'https://gh.example.com:8443/mcp',
      'https://8.8.8.8/mcp',
    ];
    const inside = [
      ...['http://gatehouse.example.com/mcp', 'http://localhost:3000/mcp', 'https://localhost/mcp'],
      ...[
        'https://127.0.0.1/mcp',
        'https://10.1.2.3/mcp',
        'https://172.20.0.1/mcp',
        'https://192.168.1.9/mcp',
      ],
      ...[
        'https://[::1]/mcp',
        'https://gatehouse/mcp',
        'https://gatehouse.internal/mcp',
        'https://a.local/mcp',
      ],
    ];
    expect(outside.map(isReachableFromOutside)).toEqual(outside.map(() => true));
    expect(inside.map(isReachableFromOutside)).toEqual(inside.map(() => false));
  });
});

describe('run as they are', () => {
  let gate: Gate;
  let token: string;
  beforeAll(async () => {
    gate = await startGate();
    const organization = await makeOrganization(gate, 'Aurora');
    const ana = await makeMember(gate, organization, 'ana@example.com', { asana: 'ana@example.com' });
    await makeGroup(organization, 'Readers', ['get_me', 'search_tasks'], [ana]);
    ({ token } = await mint(ana));
  });
  afterAll(() => gate?.stop());

  test('the MCP SDK’s program prints exactly the tools that the token may call', async () => {
    const { code } = setUp('mcp-sdk', 'token', gate.url, token);
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', code], {
      env: { ...process.env, GATEHOUSE_TOKEN: token },
    });
    expect((await run).stdout.match(/\w+/g)?.sort()).toEqual(['get_me', 'search_tasks']);
  });

  test('the Inspector’s command lists exactly the tools that the token may call', async () => {
    expect(
      existsSync('tests/clients/node_modules/.bin/mcp-inspector'),
      'tests/clients is not installed',
    ).toBe(true);
    const [npx, ...words] = wordsOf(setUp('inspector', 'token', gate.url, token).code);
    expect([npx, words[0]]).toEqual(['npx', '@modelcontextprotocol/inspector']);
    const { stdout } = await promisify(execFile)('node_modules/.bin/mcp-inspector', words.slice(1), {
      cwd: 'tests/clients',
      timeout: 25_000,
    });
    const names = [...stdout.matchAll(/"name": ?"(\w+)"/g)].map(([, name]) => name!);
    expect(names.filter((name) => /^(get|search|create|delete)_/.test(name)).sort()).toEqual([
      'get_me',
      'search_tasks',
    ]);
  });

  test('curl’s line lists exactly the tools that the token may call', async () => {
    const [, ...words] = wordsOf(setUp('curl', 'token', gate.url, token).code);
    const [url, headers, body] = readCurl(words);
    const answer = (await (await fetch(url, { method: 'POST', headers, body })).json()) as {
      result: { tools: { name: string }[] };
    };
    expect(answer.result.tools.map(({ name }) => name).sort()).toEqual(['get_me', 'search_tasks']);
  });
});

/** The request that curl's words ask for; machines without curl can send it all the same. */
function readCurl(words: readonly string[]): [url: string, headers: Record<string, string>, body: string] {
  const headers: Record<string, string> = {};
  let [url, body] = ['', ''];
  for (let n = 0; n < words.length; n += 1) {
    const word = words[n]!;
    if (word === '-s') continue;
    if (word === '-H') {
      const [name, value] = words[(n += 1)]!.split(/: (.*)/s);
      headers[name!] = value!;
    } else if (word === '-d') body = words[(n += 1)]!;
    else url = word;
  }
  return [url, headers, body];
}
