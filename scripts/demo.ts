// `npm run demo`: a sandbox Asana and Gatehouse in one process, with people in it; shows the main job and keeps serving.
//
// It lives in a data folder of its own and never touches a database or keys that the environment names.
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Client } from 'pg';
import type { Sandbox } from '@/lib/sandbox/start-sandbox';

const PASSWORD = 'gatehouse demo';
const once = process.argv.includes('--once');

const LEAD_TOOLS = [
  'create_tasks',
  'create_project',
  'create_project_status_update',
  'create_task_from_template',
  'add_comment',
];
const ADMIN_TOOLS = ['update_tasks', 'update_project', 'delete_task'];
const GROUPS = [
  { name: 'Everyone', says: 'read-only' },
  { name: 'Project leads', says: 'may also create and comment' },
  { name: 'Admins of work', says: 'may also update and delete' },
] as const;
const PEOPLE = [
  { email: 'ana@example.com', name: 'Ana', role: 'member', groups: ['everyone'] },
  { email: 'ben@example.com', name: 'Ben', role: 'member', groups: ['everyone', 'project-leads'] },
  {
    email: 'cleo@example.com',
    name: 'Cleo',
    role: 'auditor',
    groups: ['everyone', 'project-leads', 'admins-of-work'],
  },
] as const;
const ADMIN = { email: 'admin@example.com', name: 'Demo admin' };

/** Settings of the demo, whatever the environment holds for production. */
async function prepareEnvironment(): Promise<{ data: string }> {
  const production = [
    'DATABASE_URL',
    'GATEHOUSE_SECRET',
    'GATEHOUSE_KEYS',
    'GATEHOUSE_ORGANIZATION',
    'GATEHOUSE_ADMIN_EMAIL',
    'GATEHOUSE_ADMIN_PASSWORD',
  ];
  for (const name of production) delete process.env[name];
  const data = join(process.env.GATEHOUSE_DATA || './data', 'demo');
  process.env.GATEHOUSE_DATA = data;
  process.env.GATEHOUSE_LOG ||= 'warn';
  process.env.HOST ||= '127.0.0.1';
  if (!process.env.PORT) process.env.PORT = String((await isFree(3000)) ? 3000 : await freePort());
  return { data };
}

const isFree = (port: number) =>
  new Promise<boolean>((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
const freePort = () =>
  new Promise<number>((resolve) => {
    const probe = createServer();
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });

await prepareEnvironment();
const { setEnv, env, EnvironmentError } = await import('@/lib/env');
const { openDatabase } = await import('@/lib/database/open-database');
const { startSandbox } = await import('@/lib/sandbox/start-sandbox');
const { start } = await import('@/server');
const { seedDemo } = await import('./demo-seed');
const { showMainJob } = await import('./demo-show');

/** Two demos on different ports share one PostgreSQL and have a database each: each has a sandbox of its own. */
async function databaseOfThisPort(url: string): Promise<string> {
  const name = `demo_${env().PORT}`;
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${name}`);
  } finally {
    await client.end();
  }
  return Object.assign(new URL(url), { pathname: `/${name}` }).href;
}

async function main(): Promise<void> {
  const database = await openDatabase(console.log);
  const sandbox: Sandbox = await startSandbox({
    apps: [{ clientId: '1200000000000001', redirectUrls: [`${env().GATEHOUSE_URL}/connect/asana/callback`] }],
  });
  setEnv({
    DATABASE_URL: await databaseOfThisPort(database.url),
    ASANA_MCP_URL: sandbox.mcpUrl,
    ASANA_OAUTH_URL: sandbox.oauthUrl,
    ASANA_RESOURCE: sandbox.resource,
    GATEHOUSE_ALLOW_INSECURE_UPSTREAM: '1',
  });
  const running = await start({ invite: false });
  const stop = async () => {
    await running.stop();
    await sandbox.close();
    await database.close();
  };
  const tokens = await seedDemo(sandbox, {
    admin: ADMIN,
    people: PEOPLE,
    groups: GROUPS,
    leadTools: LEAD_TOOLS,
    adminTools: ADMIN_TOOLS,
    password: PASSWORD,
  });
  await showMainJob({ sandbox, tokens, people: PEOPLE });
  showWhereToClick(sandbox, tokens.get('ben@example.com')!);
  if (once) {
    await stop();
    process.exit(0);
  }
  // Ctrl+C arrives twice, from the terminal and from npm: the second must not cut the first short.
  let stopping = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      void stop().finally(() => process.exit(0));
    });
}

function showWhereToClick(sandbox: Sandbox, token: string): void {
  const url = env().GATEHOUSE_URL;
  const signIns = [ADMIN, ...PEOPLE].map(({ email }) => email).join(', ');
  console.log(`
Open ${url} and sign in; the password of everybody is "${PASSWORD}":
  ${signIns}
Try: as ${ADMIN.email} open ${url}/admin/groups/everyone, tick add_comment and save; Ana's agent sees it at its next tools/list.
The sandbox that plays Asana: ${sandbox.origin}

Ben's agent token: ${token}
  curl -s ${url}/mcp -H "Authorization: Bearer ${token}" \\
    -H "Content-Type: application/json" -H "Accept: application/json, text/event-stream" \\
    -d '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_my_tasks","arguments":{}}}'
`);
  if (!once) console.log('Press Ctrl+C to end it.');
}

try {
  await main();
} catch (error) {
  // Next keeps a process alive that throws; a demo that failed must end, and say why.
  console.error(error instanceof EnvironmentError ? error.problems.join('\n') : error);
  process.exit(1);
}
