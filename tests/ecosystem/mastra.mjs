// Mastra's MCP client as a program of its own: tools as a Mastra agent gets them, each called by its `execute`. Mastra never registers
// itself: for OAuth it is given a client id, and its own loopback server receives the person.
import { MCPClient, MCPOAuthClientProvider } from '@mastra/mcp';
import { askPerson, serveDialogue } from '../clients/dialogue.mjs';

const SERVER = 'gatehouse';
let client;
let provider;
let tools = {};
let authenticating = false;

async function connect({ url, token, clientId, clientName }) {
  await client?.disconnect();
  if (!token) provider ??= providerOf(clientId, clientName);
  const how = token
    ? { requestInit: { headers: { Authorization: `Bearer ${token}` } } }
    : { authProvider: provider };
  client = new MCPClient({ id: String(Math.random()), servers: { [SERVER]: { url: new URL(url), ...how } } });
  if (provider) {
    authenticating = true;
    await client.authenticate(SERVER).finally(() => (authenticating = false));
  }
  await list();
}

function providerOf(clientId, clientName) {
  const redirectUrl = 'http://127.0.0.1:33419/oauth/callback';
  return new MCPOAuthClientProvider({
    redirectUrl,
    clientMetadata: { client_name: clientName, redirect_uris: [redirectUrl] },
    clientInformation: { client_id: clientId },
    // A call that meets a 401 comes here too, but nobody would receive the person then.
    onRedirectToAuthorization: (url) => {
      if (authenticating) void askPerson(url).then((back) => fetch(back));
    },
  });
}

async function list() {
  const { tools: found, errors } = await client.listToolsWithErrors();
  if (Object.keys(errors).length > 0) throw new Error(JSON.stringify(errors));
  tools = Object.fromEntries(
    Object.entries(found).map(([name, tool]) => [name.slice(SERVER.length + 1), tool]),
  );
  return Object.keys(tools);
}

await serveDialogue({
  connect,
  list,
  call: ({ tool, args }) => tools[tool].execute(args, {}),
  close: () => client.disconnect(),
});
