// OpenAI's Agents SDK as a program of its own: `MCPServerStreamableHttp`, the server that an agent is given.
import { auth } from '@modelcontextprotocol/client';
import { MCPServerStreamableHttp } from '@openai/agents';
import { serveDialogue } from '../clients/dialogue.mjs';
import { memoryProvider, oauthFacts, takeCallback } from '../clients/memory-provider.mjs';

let server;
let provider;

async function connect({ url, token, clientName }) {
  await server?.close();
  if (!token) provider ??= memoryProvider(clientName);
  const open = async () => {
    const how = token
      ? { requestInit: { headers: { Authorization: `Bearer ${token}` } } }
      : { authProvider: provider };
    server = new MCPServerStreamableHttp({ url, name: 'gatehouse', ...how });
    await server.connect();
  };
  if (provider?.callback) await finish(url);
  try {
    await open();
  } catch (error) {
    if (!provider?.callback) throw error;
    await finish(url);
    await open();
  }
}

async function finish(serverUrl) {
  const callback = takeCallback(provider);
  await auth(provider, {
    serverUrl,
    authorizationCode: callback.get('code'),
    iss: callback.get('iss') ?? undefined,
  });
}

await serveDialogue({
  connect,
  list: async () => (await server.listTools()).map(({ name }) => name),
  call: ({ tool, args }) => server.callToolResult(tool, args),
  close: () => server.close(),
  oauth: () => oauthFacts(provider),
});
