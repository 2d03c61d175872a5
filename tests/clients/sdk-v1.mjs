// The official TypeScript SDK, v1 line, as a program of its own: with a bearer, or with OAuth from nothing.
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { serveDialogue } from './dialogue.mjs';
import { memoryProvider, oauthFacts, revokeOwnTokens, takeCallback } from './memory-provider.mjs';

let client;
let provider;

async function connect({ url, token, clientName }) {
  await client?.close();
  if (!token) provider ??= memoryProvider(clientName);
  const open = () => {
    client = new Client({ name: clientName ?? 'sdk-v1', version: '1' });
    const how = token
      ? { requestInit: { headers: { authorization: `Bearer ${token}` } } }
      : { authProvider: provider };
    return new StreamableHTTPClientTransport(new URL(url), how);
  };
  let transport = open();
  if (provider?.callback) await transport.finishAuth(takeCallback(provider).get('code'));
  try {
    await client.connect(transport);
  } catch (error) {
    if (!(error instanceof UnauthorizedError) || !provider?.callback) throw error;
    await transport.finishAuth(takeCallback(provider).get('code'));
    transport = open();
    await client.connect(transport);
  }
}

await serveDialogue({
  connect,
  list: async () => (await client.listTools()).tools.map(({ name }) => name),
  call: ({ tool, args }) => client.callTool({ name: tool, arguments: args }),
  close: () => client.close(),
  oauth: () => oauthFacts(provider),
  revoke: () => revokeOwnTokens(provider),
});
