// How each MCP client is pointed at Gatehouse: pure texts of an endpoint and a token, so that tests can parse and run them.

export type Language = 'json' | 'python' | 'shell' | 'text' | 'typescript';

export interface SetUp {
  /** What to do, in order; the code belongs to the last one. */
  steps: readonly string[];
  /** Shell lines that come first: what to install, and the token as a variable, so that it stays out of the code. */
  before?: string;
  code: string;
  language: Language;
}

/** `endpoint` is the URL of `/mcp`; `token` is an agent token, or null for the placeholder. */
export type SnippetOf = (endpoint: string, token: string | null) => SetUp;

/** The two ways in: signing in through the client's browser window (OAuth), or an agent token that one pastes. */
export type Way = 'oauth' | 'token';

export interface McpClient {
  id: string;
  title: string;
  /** `app` is used by a person, `code` by a program, `check` to see that it works. */
  kind: 'app' | 'code' | 'check';
  /** Only the ways that the client has. */
  ways: Partial<Record<Way, SnippetOf>>;
  /** It calls from its maker's servers, so the endpoint must be reachable from there. */
  fromOutside?: true;
}

/** What stands in a snippet where no token is known. */
export const TOKEN_PLACEHOLDER = 'YOUR_AGENT_TOKEN';

const bearer = (token: string | null) => `Bearer ${token ?? TOKEN_PLACEHOLDER}`;
const json = (value: unknown) => JSON.stringify(value, null, 2);
const lines = (...all: string[]) => all.join('\n');
const tokenVariable = (token: string | null) => `export GATEHOUSE_TOKEN='${token ?? TOKEN_PLACEHOLDER}'`;

// A plain-http endpoint that is not this machine's own must be allowed by name.
const plainHttp = (endpoint: string) =>
  /^http:\/\/(?!localhost[:/]|127\.0\.0\.1[:/])/.test(endpoint) ? ['--allow-http'] : [];

/** A program in TypeScript that takes the token from its environment. */
const program =
  (packages: string, code: (url: string) => string): SnippetOf =>
  (endpoint, token) => ({
    steps: [
      'In a terminal, install the package and set the token where the program will run.',
      'Put this into your program; run as it is, it prints the tools that the token may call.',
    ],
    before: lines(`npm install ${packages}`, tokenVariable(token)),
    code: code(JSON.stringify(endpoint).replaceAll('"', "'")),
    language: 'typescript',
  });

const authorization = '{ Authorization: `Bearer ${process.env.GATEHOUSE_TOKEN}` }';

/** Every client with a set-up, in the order in which they are offered. */
export const mcpClients: readonly McpClient[] = [
  {
    ...{ id: 'claude-ai', title: 'Claude.ai', kind: 'app', fromOutside: true },
    ways: {
      oauth: (endpoint) => ({
        steps: [
          'In Claude open Settings, Connectors, and choose Add custom connector.',
          'Name it Asana and paste this address.',
          'Press Connect, sign in here and press Allow.',
        ],
        code: endpoint,
        language: 'text',
      }),
    },
  },
  {
    ...{ id: 'claude-code', title: 'Claude Code', kind: 'app' },
    ways: {
      oauth: (endpoint) => ({
        steps: [
          'Run this in a terminal. Then type /mcp in Claude Code, choose asana and Authenticate; sign in here and press Allow.',
        ],
        code: `claude mcp add --transport http asana ${endpoint}`,
        language: 'shell',
      }),
      token: (endpoint, token) => ({
        steps: ['Run this in a terminal.'],
        code: lines(
          `claude mcp add --transport http asana ${endpoint} \\`,
          `  --header "Authorization: ${bearer(token)}"`,
        ),
        language: 'shell',
      }),
    },
  },
  {
    ...{ id: 'cursor', title: 'Cursor', kind: 'app' },
    ways: {
      oauth: (endpoint) => ({
        steps: [
          'Put this into ~/.cursor/mcp.json. Cursor then shows Connect beside asana: sign in here and press Allow.',
        ],
        code: json({ mcpServers: { asana: { url: endpoint } } }),
        language: 'json',
      }),
      token: (endpoint, token) => ({
        steps: [
          'Put this into ~/.cursor/mcp.json, in your home folder and not in a project that others read.',
        ],
        code: json({ mcpServers: { asana: { url: endpoint, headers: { Authorization: bearer(token) } } } }),
        language: 'json',
      }),
    },
  },
  {
    ...{ id: 'vs-code', title: 'VS Code', kind: 'app' },
    ways: {
      oauth: (endpoint) => ({
        steps: [
          'Run “MCP: Open User Configuration” from the command palette.',
          'Put this into the file and press Start above it; sign in here and press Allow.',
        ],
        code: json({ servers: { asana: { type: 'http', url: endpoint } } }),
        language: 'json',
      }),
      token: (endpoint, token) => ({
        steps: [
          'Run “MCP: Open User Configuration” from the command palette.',
          'Put this into the file, which is yours alone, and press Start above it.',
        ],
        code: json({
          servers: { asana: { type: 'http', url: endpoint, headers: { Authorization: bearer(token) } } },
        }),
        language: 'json',
      }),
    },
  },
  {
    ...{ id: 'chatgpt', title: 'ChatGPT', kind: 'app', fromOutside: true },
    ways: {
      oauth: (endpoint) => ({
        steps: [
          'In ChatGPT on the web open Settings, Connectors (or Apps), Advanced, and switch Developer mode on. In a company’s workspace an owner does it.',
          'Choose Create, name it Asana, paste this address and leave Authentication at OAuth.',
          'Sign in here and press Allow. In a chat, switch it on under +.',
        ],
        code: endpoint,
        language: 'text',
      }),
    },
  },
  {
    ...{ id: 'mcp-remote', title: 'mcp-remote', kind: 'app' },
    ways: {
      oauth: (endpoint) => ({
        steps: [
          'For clients that only start local commands: put this into their configuration, in Claude Desktop claude_desktop_config.json. At the first start a browser window opens: sign in here and press Allow.',
        ],
        code: json({
          mcpServers: {
            asana: {
              command: 'npx',
              args: ['-y', 'mcp-remote', endpoint, '--transport', 'http-only', ...plainHttp(endpoint)],
            },
          },
        }),
        language: 'json',
      }),
      token: (endpoint, token) => ({
        steps: [
          'For clients that only start local commands: put this into their configuration, in Claude Desktop claude_desktop_config.json.',
        ],
        code: json({
          mcpServers: {
            asana: {
              command: 'npx',
              // No space after the colon: some clients split arguments at spaces.
              args: [
                ...['-y', 'mcp-remote', endpoint, '--transport', 'http-only', ...plainHttp(endpoint)],
                ...['--header', 'Authorization:${GATEHOUSE_AUTHORIZATION}'],
              ],
              env: { GATEHOUSE_AUTHORIZATION: bearer(token) },
            },
          },
        }),
        language: 'json',
      }),
    },
  },
  {
    ...{ id: 'openai-responses', title: 'OpenAI Responses API', kind: 'code', fromOutside: true },
    ways: {
      token: (endpoint, token) => ({
        steps: [
          'In a terminal, install the package and set the token where the program will run.',
          'Put this into your program. OpenAI’s servers make the calls, so they see the token.',
        ],
        before: lines('pip install openai', tokenVariable(token)),
        code: lines(
          'import os',
          'from openai import OpenAI',
          '',
          'response = OpenAI().responses.create(',
          '    model="gpt-5",',
          '    tools=[',
          '        {',
          '            "type": "mcp",',
          '            "server_label": "asana",',
          `            "server_url": ${JSON.stringify(endpoint)},`,
          '            "authorization": os.environ["GATEHOUSE_TOKEN"],',
          '            "require_approval": "never",',
          '        }',
          '    ],',
          '    input="Which of my tasks are due this week?",',
          ')',
          'print(response.output_text)',
        ),
        language: 'python',
      }),
    },
  },
  {
    ...{ id: 'ai-sdk', title: 'AI SDK', kind: 'code' },
    ways: {
      token: program('ai @ai-sdk/mcp', (url) =>
        lines(
          `import { createMCPClient } from '@ai-sdk/mcp';`,
          '',
          'const asana = await createMCPClient({',
          '  transport: {',
          `    type: 'http',`,
          `    url: ${url},`,
          `    headers: ${authorization},`,
          '  },',
          '});',
          'const tools = await asana.tools();',
          'console.log(Object.keys(tools)); // then: generateText({ model, tools, prompt })',
          'await asana.close();',
        ),
      ),
    },
  },
  {
    ...{ id: 'langchain', title: 'LangChain', kind: 'code' },
    ways: {
      token: program('@langchain/mcp-adapters @langchain/core', (url) =>
        lines(
          `import { MultiServerMCPClient } from '@langchain/mcp-adapters';`,
          '',
          'const client = new MultiServerMCPClient({',
          '  mcpServers: {',
          '    asana: {',
          `      transport: 'http',`,
          `      url: ${url},`,
          `      headers: ${authorization},`,
          '    },',
          '  },',
          '});',
          'const tools = await client.getTools();',
          'console.log(tools.map((tool) => tool.name)); // then: createAgent({ model, tools })',
          'await client.close();',
        ),
      ),
    },
  },
  {
    ...{ id: 'openai-agents', title: 'OpenAI Agents', kind: 'code' },
    ways: {
      token: program('@openai/agents', (url) =>
        lines(
          `import { MCPServerStreamableHttp } from '@openai/agents';`,
          '',
          'const asana = new MCPServerStreamableHttp({',
          `  name: 'asana',`,
          `  url: ${url},`,
          `  requestInit: { headers: ${authorization} },`,
          '});',
          'await asana.connect();',
          'const tools = await asana.listTools();',
          'console.log(tools.map((tool) => tool.name)); // then: new Agent({ name, instructions, mcpServers: [asana] })',
          'await asana.close();',
        ),
      ),
    },
  },
  {
    ...{ id: 'mastra', title: 'Mastra', kind: 'code' },
    ways: {
      token: program('@mastra/mcp @mastra/core', (url) =>
        lines(
          `import { MCPClient } from '@mastra/mcp';`,
          '',
          'const client = new MCPClient({',
          `  id: 'gatehouse',`,
          '  servers: {',
          '    asana: {',
          `      url: new URL(${url}),`,
          `      requestInit: { headers: ${authorization} },`,
          '    },',
          '  },',
          '});',
          'const tools = await client.listTools();',
          'console.log(Object.keys(tools)); // then: new Agent({ id, name, instructions, model, tools })',
          'await client.disconnect();',
        ),
      ),
    },
  },
  {
    ...{ id: 'mcp-sdk', title: 'MCP SDK', kind: 'code' },
    ways: {
      token: program('@modelcontextprotocol/sdk', (url) =>
        lines(
          `import { Client } from '@modelcontextprotocol/sdk/client/index.js';`,
          `import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';`,
          '',
          `const client = new Client({ name: 'my-agent', version: '1.0.0' });`,
          'await client.connect(',
          `  new StreamableHTTPClientTransport(new URL(${url}), {`,
          `    requestInit: { headers: ${authorization} },`,
          '  }),',
          ');',
          'const { tools } = await client.listTools();',
          'console.log(tools.map((tool) => tool.name)); // then: client.callTool({ name, arguments })',
          'await client.close();',
        ),
      ),
    },
  },
  {
    ...{ id: 'inspector', title: 'MCP Inspector', kind: 'check' },
    ways: {
      token: (endpoint, token) => ({
        steps: ['Run this in a terminal: it lists the tools that the token may call.'],
        code: lines(
          `npx @modelcontextprotocol/inspector --cli ${endpoint} \\`,
          '  --transport http --method tools/list \\',
          `  --header "Authorization: ${bearer(token)}"`,
        ),
        language: 'shell',
      }),
    },
  },
  {
    ...{ id: 'curl', title: 'curl', kind: 'check' },
    ways: {
      token: (endpoint, token) => ({
        steps: ['Run this in a terminal: it lists the tools that the token may call.'],
        code: lines(
          `curl -s ${endpoint} \\`,
          `  -H "Authorization: ${bearer(token)}" \\`,
          '  -H "Content-Type: application/json" \\',
          '  -H "Accept: application/json, text/event-stream" \\',
          `  -d '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'`,
        ),
        language: 'shell',
      }),
    },
  },
];

/** Whether servers on the internet can reach this endpoint, as far as its address tells. */
export function isReachableFromOutside(endpoint: string): boolean {
  const { protocol, hostname } = new URL(endpoint);
  return (
    protocol === 'https:' &&
    !/^(localhost|.*\.(localhost|local|internal|test)|127\..*|10\..*|192\.168\..*|172\.(1[6-9]|2\d|3[01])\..*|\[.*\])$/.test(
      hostname,
    ) &&
    hostname.includes('.')
  );
}
