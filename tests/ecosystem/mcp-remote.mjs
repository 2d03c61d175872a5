// mcp-remote as desktop programs start it: a local command on stdio, here behind the SDK's client. For OAuth the person follows the
// URL that it prints, as its own opening of a browser would.
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { askPerson, serveDialogue } from '../clients/dialogue.mjs';

const folder = fileURLToPath(new URL('.', import.meta.url));
const preload = ['--import', resolve(folder, '../clients/loopback-only.mjs')];
// Refused a bearer, mcp-remote now ends, now waits for a sign-in that was declined; the wait is cut short.
const options = { timeout: 20_000 };
let client;
let asked = 0;
let printed = '';

async function connect({ url, token, args = [] }) {
  await client?.close();
  const header = token ? ['--header', 'Authorization:${AUTHORIZATION}'] : [];
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [...preload, resolve(folder, 'node_modules/mcp-remote/dist/proxy.js'), url, ...header, ...args],
    env: {
      ...process.env,
      AUTHORIZATION: `Bearer ${token}`,
      MCP_REMOTE_CONFIG_DIR: resolve('mcp-remote-state'),
      BROWSER: 'true', // the program of that name: opens nothing and is content
    },
    stderr: 'pipe',
  });
  printed = '';
  transport.stderr.on('data', (chunk) => {
    process.stderr.write(chunk);
    printed += String(chunk);
    const url = /Please authorize this client by visiting:\n(\S+)\n/.exec(printed)?.[1];
    if (!url) return;
    printed = '';
    asked += 1;
    void askPerson(url).then((back) => fetch(back));
  });
  client = new Client({ name: 'desktop', version: '1' });
  await explained(client.connect(transport, options));
}

/** Why it failed stands in what mcp-remote printed, where a person would look too. */
function explained(work) {
  return work.catch((error) => {
    throw new Error(`${error.message}; mcp-remote printed: ${printed}`);
  });
}

await serveDialogue({
  connect,
  list: async () => (await client.listTools()).tools.map(({ name }) => name),
  call: ({ tool, args }) => explained(client.callTool({ name: tool, arguments: args }, undefined, options)),
  close: () => client.close(),
  oauth: () => ({ redirects: asked }),
});
