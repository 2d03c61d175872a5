// MCP's Inspector in its command-line form: each action is a run of its own, as in a shell. For OAuth it receives the person on
// loopback, keeps the tokens in the home folder, and later runs use them.
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { askPerson, serveDialogue } from './dialogue.mjs';

const folder = fileURLToPath(new URL('.', import.meta.url));
const cli = resolve(folder, 'node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js');
const preload = ['--import', resolve(folder, 'loopback-only.mjs')];
let target;
let header;

async function run(...args) {
  const child = spawn(
    process.execPath,
    [...preload, cli, '--cli', target, '--transport', 'http', ...header, ...args, '--format', 'json'],
    {
      // `true` is the program of that name: it opens no browser and is content.
      env: {
        ...process.env,
        ...{ BROWSER: 'true', MCP_AUTO_OPEN_ENABLED: 'true', MCP_INSPECTOR_SECRET_STORE: 'file' },
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let [stdout, stderr, asked] = ['', '', false];
  child.stdout.on('data', (chunk) => (stdout += String(chunk)));
  child.stderr.on('data', (chunk) => {
    process.stderr.write(chunk);
    stderr += String(chunk);
    const url = /(http:\/\/\S+\/oauth\/authorize\?\S+)\s/.exec(stderr)?.[1];
    if (!url || asked) return;
    asked = true;
    void askPerson(url).then((back) => fetch(back));
  });
  const code = await new Promise((done) => child.once('close', done));
  if (code !== 0) throw new Error(`exit ${code}: ${stderr}${stdout}`);
  return JSON.parse(stdout).result;
}

async function list() {
  return (await run('--method', 'tools/list')).tools.map(({ name }) => name);
}

await serveDialogue({
  connect: async ({ url, token, callbackUrl, args = [] }) => {
    target = url;
    // With a dead token it would sign in instead, unless it is told not to.
    header = token
      ? ['--header', `Authorization: Bearer ${token}`, '--stored-auth-only']
      : ['--callback-url', callbackUrl];
    header.push(...args);
    await list();
  },
  list,
  call: ({ tool, args }) =>
    run('--method', 'tools/call', '--tool-name', tool, '--tool-args-json', JSON.stringify(args)),
  close: () => undefined,
});
