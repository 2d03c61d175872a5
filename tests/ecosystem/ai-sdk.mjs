// The AI SDK's MCP client as a program of its own: tools through `tools()`, as agents get them, each called by its `execute`.
import { auth, createMCPClient, UnauthorizedError } from '@ai-sdk/mcp';
import { serveDialogue } from '../clients/dialogue.mjs';
import { memoryProvider, oauthFacts, takeCallback } from '../clients/memory-provider.mjs';

let client;
let provider;
let tools = {};

async function connect({ url, token, clientName }) {
  await client?.close();
  if (!token) provider ??= memoryProvider(clientName);
  const open = async () => {
    const how = token ? { headers: { Authorization: `Bearer ${token}` } } : { authProvider: provider };
    client = await createMCPClient({ transport: { type: 'http', url, ...how } });
  };
  if (provider?.callback) await finish(url);
  try {
    await open();
  } catch (error) {
    if (!(error instanceof UnauthorizedError) || !provider?.callback) throw error;
    await finish(url);
    await open();
  }
}

async function finish(serverUrl) {
  const callback = takeCallback(provider);
  await auth(provider, {
    serverUrl,
    authorizationCode: callback.get('code'),
    callbackState: callback.get('state'),
    callbackIssuer: callback.get('iss') ?? undefined,
  });
}

await serveDialogue({
  connect,
  list: async () => {
    tools = await client.tools();
    return Object.keys(tools);
  },
  call: ({ tool, args }) => tools[tool].execute(args, { toolCallId: 'call-1', messages: [] }),
  close: () => client.close(),
  oauth: () => oauthFacts(provider),
});
