// The official TypeScript SDK, v2 line, as a program of its own: with a bearer, or with OAuth from nothing. `era`: which protocol it
// asks for first (`auto` probes with server/discover, which is what most frameworks do; the SDK's own default is the older one).
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { serveDialogue } from './dialogue.mjs';
import { memoryProvider, oauthFacts, revokeOwnTokens, takeCallback } from './memory-provider.mjs';

let client;
let provider;

async function connect({ url, token, clientName, era }) {
  await client?.close();
  if (!token) provider ??= memoryProvider(clientName);
  const open = () => {
    const options = era ? { versionNegotiation: { mode: era } } : {};
    client = new Client({ name: clientName ?? 'sdk-v2', version: '1' }, options);
    const authProvider = token ? { token: () => Promise.resolve(token) } : provider;
    return new StreamableHTTPClientTransport(new URL(url), { authProvider });
  };
  let transport = open();
  if (provider?.callback) await transport.finishAuth(takeCallback(provider));
  try {
    await client.connect(transport);
  } catch (error) {
    if (!(error instanceof UnauthorizedError) || !provider?.callback) throw error;
    await transport.finishAuth(takeCallback(provider));
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
