// A process of its own that serves the authorization server and the gate on a free port, on the parent's database.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setEnv } from '../../lib/env';
import { serveMcp } from '../../lib/gateway/serve-mcp';
import { openAuthorizationServer } from '../../lib/oauth/serve-oauth';
import { plainPage } from '../../lib/portal/plain-page';

process.on('message', ({ variables }: { variables: Record<string, string> }) => {
  setEnv(variables);
  const oauth = openAuthorizationServer({ memberOf: () => Promise.resolve(null), errorPage: plainPage });
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?', 1)[0]!;
    void (path === '/mcp' ? serveMcp(request, response) : oauth.serve(request, response, path));
  });
  server.listen(0, '127.0.0.1', () =>
    process.send?.({ origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }),
  );
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
