// LangChain's MCP adapters as a program of its own: `getTools()`, as a LangChain agent gets them, each called by its `invoke`.
import { MultiServerMCPClient } from '@langchain/mcp-adapters';
import { auth } from '@modelcontextprotocol/sdk/client/auth.js';
import { serveDialogue } from '../clients/dialogue.mjs';
import { memoryProvider, oauthFacts, takeCallback } from '../clients/memory-provider.mjs';

let client;
let provider;
let tools = [];

async function connect({ url, token, clientName }) {
  await client?.close();
  if (!token) provider ??= memoryProvider(clientName);
  const open = async () => {
    const how = token ? { headers: { Authorization: `Bearer ${token}` } } : { authProvider: provider };
    client = new MultiServerMCPClient({ mcpServers: { gatehouse: { transport: 'http', url, ...how } } });
    await client.initializeConnections();
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

const finish = (serverUrl) =>
  auth(provider, { serverUrl, authorizationCode: takeCallback(provider).get('code') });

await serveDialogue({
  connect,
  list: async () => {
    tools = await client.getTools();
    return tools.map(({ name }) => name);
  },
  call: ({ tool, args }) => tools.find(({ name }) => name === tool).invoke(args),
  close: () => client.close(),
  oauth: () => oauthFacts(provider),
});
