// `npm run sandbox`: the stand-in Asana alone, until it is stopped. Prints what one needs to point Gatehouse at it.
import { parseArgs } from 'node:util';
import { DEFAULT_APP } from '@/lib/sandbox/sandbox-state';
import { startSandbox, type Sandbox } from '@/lib/sandbox/start-sandbox';

const USAGE =
  'usage: npm run sandbox -- [--port N] [--client-id ID] [--client-secret SECRET] [--redirect-url URL]...';

function readOptions() {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '4010' },
      'client-id': { type: 'string', default: DEFAULT_APP.clientId },
      'client-secret': { type: 'string' },
      'redirect-url': { type: 'string', multiple: true },
    },
  });
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`--port must be a port number, not "${values.port}".`);
  return {
    port,
    app: {
      clientId: values['client-id'],
      ...(values['client-secret'] !== undefined && { clientSecret: values['client-secret'] }),
      redirectUrls: values['redirect-url'] ?? DEFAULT_APP.redirectUrls,
    },
  };
}

function describe(sandbox: Sandbox): string {
  const [app] = sandbox.apps;
  const users = sandbox.users.map(({ name, email, workspaces }) => {
    const places = workspaces.map((entry) => `${entry.name} ${entry.gid} (${entry.role})`).join(', ');
    return `  ${name.padEnd(6)} ${email.padEnd(20)} ${places}`;
  });
  return `Sandbox Asana at ${sandbox.origin} (a stand-in: nothing here is real)

App
  client id      ${app!.clientId}
  client secret  ${app!.clientSecret}
  redirect URLs  ${app!.redirectUrls.join(', ')}

People
${users.join('\n')}

To point Gatehouse at it
  ASANA_MCP_URL=${sandbox.mcpUrl}
  ASANA_OAUTH_URL=${sandbox.oauthUrl}
  ASANA_RESOURCE=${sandbox.resource}
  GATEHOUSE_ALLOW_INSECURE_UPSTREAM=1
`;
}

async function main(): Promise<void> {
  const { port, app } = readOptions();
  const sandbox = await startSandbox({ port, apps: [app] });
  process.stdout.write(describe(sandbox));
  const stop = () => void sandbox.close().then(() => process.exit(0));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

main().catch((error: Error & { code?: string }) => {
  const taken = error.code === 'EADDRINUSE' ? ' Another program uses this port; choose one with --port.' : '';
  process.stderr.write(`The sandbox did not start: ${error.message}${taken}\n${USAGE}\n`);
  process.exit(1);
});
