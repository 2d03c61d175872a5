// How each MCP client is pointed at Gatehouse: pure texts of an endpoint and a token, so that tests can parse and run them.
import { bearer, lines, type McpClient } from './snippet';
import { apps } from './snippets-of-apps';
import { programs } from './snippets-of-programs';

const checks: readonly McpClient[] = [
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

/** Every client with a set-up, in the order in which they are offered. */
export const mcpClients: readonly McpClient[] = [...apps, ...programs, ...checks];

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
