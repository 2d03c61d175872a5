// Ready texts for pointing an MCP client at Gatehouse. Pure, so that tests can parse and run them.

export interface Snippet {
  id: string;
  title: string;
  /** Where the text goes. */
  where: string;
  code: string;
}

/** What stands in a snippet where no token is known. */
export const TOKEN_PLACEHOLDER = 'YOUR_AGENT_TOKEN';

/** `endpoint` is the URL of `/mcp`; `token` is an agent token or null for the placeholder. */
export function snippets(endpoint: string, token: string | null): Snippet[] {
  const bearer = `Bearer ${token ?? TOKEN_PLACEHOLDER}`;
  return [
    {
      id: 'claude-code',
      title: 'Claude Code',
      where: 'Run this in a terminal.',
      code: `claude mcp add --transport http asana ${endpoint} \\\n  --header "Authorization: ${bearer}"`,
    },
    {
      id: 'cursor',
      title: 'Cursor',
      where: 'Put this into ~/.cursor/mcp.json.',
      code: json({ mcpServers: { asana: { url: endpoint, headers: { Authorization: bearer } } } }),
    },
    {
      id: 'mcp-remote',
      title: 'mcp-remote',
      where: 'For clients that only start local commands, such as Claude Desktop’s configuration file.',
      code: json({
        mcpServers: {
          asana: {
            command: 'npx',
            // No space after the colon: some clients split arguments at spaces.
            args: ['-y', 'mcp-remote', endpoint, '--header', 'Authorization:${GATEHOUSE_AUTHORIZATION}'],
            env: { GATEHOUSE_AUTHORIZATION: bearer },
          },
        },
      }),
    },
    {
      id: 'curl',
      title: 'curl',
      where: 'Lists the tools that this token may call.',
      code: [
        `curl -s ${endpoint} \\`,
        `  -H "Authorization: ${bearer}" \\`,
        `  -H "Content-Type: application/json" \\`,
        `  -H "Accept: application/json, text/event-stream" \\`,
        `  -d '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'`,
      ].join('\n'),
    },
  ];
}

function json(value: unknown): string {
  return JSON.stringify(value, null, 2);
}
