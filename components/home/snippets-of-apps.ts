// How the MCP clients that a person uses are pointed at Gatehouse.
import { bearer, json, lines, type McpClient } from './snippet';

// A plain-http endpoint that is not this machine's own must be allowed by name.
const plainHttp = (endpoint: string) =>
  /^http:\/\/(?!localhost[:/]|127\.0\.0\.1[:/])/.test(endpoint) ? ['--allow-http'] : [];

export const apps: readonly McpClient[] = [
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
];
