// One process, one port: /mcp goes to the gate, /oauth to the authorization server, everything a person sees to Next. The gate does
// not pass through Next's renderer (DESIGN: 26,100 against 1,000 to 1,800 calls a second).
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join, resolve } from 'node:path';
import next from 'next';
import { collectDefaultMetrics, register } from 'prom-client';
import { startChainer } from '@/lib/audit/chain';
import { forgetJob } from '@/lib/approvals/forget';
import { AUDIT_JOBS } from '@/lib/audit/retention';
import { startSinks } from '@/lib/audit/sink';
import { startRefreshSweep } from '@/lib/asana/refresh-sweep';
import { startRevocationWorker } from '@/lib/asana/revoke';
import { callerAddress } from '@/lib/caller-address';
import { fillFingerprints } from '@/lib/catalogue/fill-fingerprints';
import { syncJob } from '@/lib/catalogue/sync-schedule';
import { V1_TO_V2 } from '@/lib/catalogue/v1-names';
import { openDatabase } from '@/lib/database/open-database';
import { closeDatabase } from '@/lib/db';
import { drainOf, type Drain } from '@/lib/drain';
import { env, EnvironmentError, isLoopbackHost, publicUrlIsLoopback } from '@/lib/env';
import { endListening } from '@/lib/gateway/caller-news';
import { stopBeating } from '@/lib/gateway/live-processes';
import { stopWatching } from '@/lib/gateway/open-streams';
import { flushOutcomes } from '@/lib/gateway/outcomes';
import { serveMcp } from '@/lib/gateway/serve-mcp';
import { log } from '@/lib/log';
import { redirectTargetOf } from '@/lib/oauth/consent';
import { openAuthorizationServer, type AuthorizationServer } from '@/lib/oauth/serve-oauth';
import { drillJob } from '@/lib/offboarding/drill';
import { startWitness } from '@/lib/offboarding/witness';
import { isSetUp } from '@/lib/people/organizations';
import { databaseFact, keysFact } from '@/lib/portal/health';
import { memberOfRequest } from '@/lib/portal/member-of-request';
import { plainPage } from '@/lib/portal/plain-page';
import { setUpCode, setUpFromEnvironment } from '@/lib/portal/set-up';
import { startSchedule } from '@/lib/schedule/run-on-schedule';
import { forgetUndoJob } from '@/lib/undo/forget';
import { writeSafetyJob } from '@/lib/write-safety/forget';
import { checkKeyRing } from '@/lib/vault/vault';

// These two names are also known to lib/portal, which server.ts must not load (it imports Next's request scope).
const ADDRESS_HEADER = 'x-gatehouse-address';
const PATH_HEADER = 'x-gatehouse-path';

/** Where Next's configuration and build are: here, or two folders above the file that `npm run build` makes of this one. */
const ROOT = existsSync(join(import.meta.dirname, 'next.config.ts'))
  ? import.meta.dirname
  : resolve(import.meta.dirname, '../..');

/** How long the end waits for a database that is away, for the outcomes of the last calls. */
const OUTCOMES_MS = 5_000;

/** Headers that only a proxy of ours could mean; from outside they are attempts (PB-19, PB-27). */
const STRIPPED = [
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
  'x-forwarded-server',
  'x-original-url',
  'x-rewrite-url',
  'x-middleware-subrequest',
  'x-middleware-invoke',
  'x-invoke-path',
  'x-nonce',
  'content-security-policy',
  'x-http-method-override',
  ADDRESS_HEADER,
  PATH_HEADER,
];

export interface Running {
  port: number;
  /** Drains calls in flight, stops background work, closes the database. */
  stop(): Promise<void>;
}

/** Starts Gatehouse. `report` gets one plain line a step; `invite` tells where to set up what is not set up yet. Throws `EnvironmentError`, whose `problems` are sentences. */
export async function start({
  dev = false,
  report = console.log as (line: string) => void,
  invite = true,
} = {}): Promise<Running> {
  env();
  const database = await openDatabase(report);
  await checkKeyRing();
  await fillFingerprints();
  if (await setUpFromEnvironment())
    report(`created the organization "${env().GATEHOUSE_ORGANIZATION}" from the environment`);

  const app = next({ dev, dir: ROOT, hostname: env().HOST, port: env().PORT });
  const page = app.getRequestHandler();
  await app.prepare();
  if (!register.getSingleMetric('process_cpu_user_seconds_total')) collectDefaultMetrics();

  const oauth = openAuthorizationServer({ memberOf, errorPage: plainPage });
  const server = createServer(
    {
      maxHeaderSize: 16_384,
      headersTimeout: 10_000,
      requestTimeout: 60_000,
      connectionsCheckingInterval: 2_000,
    },
    (request, response) => {
      drain.watch(response);
      serve(request, response, { page, dev, oauth, drain }).catch((error: unknown) => {
        log().error({ err: error }, 'request failed');
        if (!response.headersSent)
          sendJson(response, 500, {
            code: 'internal',
            title: 'Something went wrong on our side; it is logged.',
          });
        else response.destroy();
      });
    },
  );
  server.keepAliveTimeout = 65_000;
  const { GATEHOUSE_DRAIN_SECONDS, GATEHOUSE_TRUSTED_PROXIES } = env();
  const drain = drainOf(server, (GATEHOUSE_DRAIN_SECONDS ?? (GATEHOUSE_TRUSTED_PROXIES ? 6 : 0)) * 1000);
  const isFirstRun = invite && !(await isSetUp());
  const port = await listen(server);
  // Before anything answers: who finds the server ready finds the code in its log.
  report(`Gatehouse listens on ${env().GATEHOUSE_URL} (${env().HOST}:${port})`);
  if (isFirstRun)
    report(`first run: open ${env().GATEHOUSE_URL}/setup and enter the one-time code ${setUpCode()}`);
  const stopChainer = startChainer();
  const stopRevocations = startRevocationWorker({ intervalMs: 5_000 });
  const stopRefreshSweep = startRefreshSweep({ intervalMs: 5_000 });
  const { HOST } = env();
  const stopWitness = await startWitness({
    host: /^(?:0\.0\.0\.0|::)$/.test(HOST) ? 'localhost' : HOST,
    port,
  });
  const stopSchedule = startSchedule([
    syncJob,
    drillJob,
    forgetJob,
    forgetUndoJob,
    writeSafetyJob,
    ...AUDIT_JOBS,
  ]);
  const stopSinks = startSinks({ intervalMs: 2_000 });

  return {
    port,
    async stop() {
      // Streams of our own end in order; who opens one meanwhile gets no longer one.
      const ending = setInterval(endListening, 500);
      endListening();
      await drain.end();
      clearInterval(ending);
      await Promise.all([
        stopChainer(),
        stopRevocations(),
        stopRefreshSweep(),
        stopSchedule(),
        stopSinks(),
        stopWitness(),
        oauth.stop(),
      ]);
      stopWatching();
      stopBeating();
      await flushOutcomes({ withinMs: OUTCOMES_MS });
      await closeDatabase();
      await database.close();
    },
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE' || error.code === 'EACCES';
      const problem = `PORT ${env().PORT} on ${env().HOST} can't be used (${error.code}); end what listens there or choose another PORT.`;
      reject(taken ? new EnvironmentError([problem]) : error);
    });
    server.listen(env().PORT, env().HOST, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : env().PORT);
    });
  });
}

type Page = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Who is signed in to the portal, in the words of the authorization server. */
async function memberOf(request: IncomingMessage) {
  const member = await memberOfRequest(request);
  return (
    member && {
      id: member.id,
      email: member.email,
      organizationId: member.organization.id,
      sessionId: member.sessionId,
    }
  );
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  { page, dev, oauth, drain }: { page: Page; dev: boolean; oauth: AuthorizationServer; drain: Drain },
): Promise<void> {
  const target = request.url ?? '';
  const path = target.split('?', 1)[0]!;
  if (path === '/healthz') return sendJson(response, 200, { status: 'up' });
  if (path === '/readyz') return sendReady(response, drain.isEnding);
  if (path === '/metrics') return sendMetrics(response);
  // Only this one path, byte for byte: the router and the policy must read the same (PB-27).
  if (!isOwnHost(request.headers.host) || countOf(request, 'host') > 1)
    return sendJson(response, 403, {
      error: 'forbidden',
      error_description: 'This host is not served here.',
    });
  if (!target.startsWith('/') || /\/\/|\\/.test(path) || hasDots(path) || !isDecodable(path))
    return sendJson(response, 404, { error: 'not_found' });
  if (path === '/mcp') return serveMcp(request, response);
  if (path === '/sse' || path.startsWith('/sse/')) return sendJson(response, 410, retired());
  if (/^\/(?:\.well-known|oauth|mcp)(?:\/|$)/i.test(path)) {
    // What clients probe and is not here is 404 as JSON, never a page (facts/mcp 2.2).
    if (!(await oauth.serve(request, response, path))) sendJson(response, 404, { error: 'not_found' });
    return;
  }
  const uid = /^\/authorize\/([\w-]{10,64})$/.exec(path)?.[1];
  if (uid !== undefined && request.method === 'POST') return oauth.decide(request, response, uid);
  return servePage(request, response, { page, dev, formTarget: uid && (await formTarget(uid)) });
}

// Of two Host headers Node keeps the first; a proxy in front may have gone by the other.
function countOf({ rawHeaders }: IncomingMessage, header: string): number {
  return rawHeaders.filter((name, n) => n % 2 === 0 && name.toLowerCase() === header).length;
}

/** Segments that somebody behind us would resolve to another path than the one that was looked at. */
function hasDots(path: string): boolean {
  return /\/(?:\.|%2e){1,2}(?:;[^/]*)?(?:\/|$)/i.test(path);
}

/** A broken escape would be an error inside Next. */
function isDecodable(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}

// Every call asks; the answer changes with the environment only.
const ownHosts = new WeakMap<object, Set<string>>();

function isOwnHost(host: string | undefined): boolean {
  if (host === undefined) return false;
  let hosts = ownHosts.get(env());
  if (!hosts) {
    const own = new URL(env().GATEHOUSE_URL);
    // A Host may spell out the port that its scheme implies (RFC 9110 §4.2.3).
    const spelledOut = `${own.hostname}:${own.port || (own.protocol === 'https:' ? 443 : 80)}`;
    ownHosts.set(env(), (hosts = new Set([own.host, spelledOut])));
  }
  return hosts.has(host.toLowerCase()) || (publicUrlIsLoopback() && isLoopbackHost(host));
}

/** Where consent's form may end up: browsers hold `form-action` against the redirects after a post too. */
async function formTarget(uid: string): Promise<string | undefined> {
  const uri = await redirectTargetOf(uid);
  if (uri === null) return undefined;
  const { protocol, host, hostname } = new URL(uri);
  // A source expression can't spell an IPv6 address or an application's own host.
  return /^https?:$/.test(protocol) && /^[a-z0-9.-]+$/.test(hostname) ? `${protocol}//${host}` : protocol;
}

function servePage(
  request: IncomingMessage,
  response: ServerResponse,
  { page, dev, formTarget }: { page: Page; dev: boolean; formTarget?: string },
): Promise<void> {
  for (const name of STRIPPED) delete request.headers[name];
  request.headers[ADDRESS_HEADER] = callerAddress(request);
  request.headers[PATH_HEADER] = request.url ?? '/';
  // On loopback next-auth follows the name it was called by (checked above), so that nobody is sent from 127.0.0.1 to localhost.
  if (publicUrlIsLoopback()) {
    request.headers['x-forwarded-host'] = request.headers.host;
    request.headers['x-forwarded-proto'] = 'http';
  }
  const nonce = randomBytes(16).toString('base64');
  const policy = [
    "default-src 'self'",
    `script-src 'self' 'nonce-${nonce}' 'strict-dynamic'${dev ? " 'unsafe-eval'" : ''}`,
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "object-src 'none'",
    "base-uri 'none'",
    `form-action 'self'${formTarget ? ` ${formTarget}` : ''}`,
    "frame-ancestors 'none'",
  ].join('; ');
  // Next reads the nonce from the request's own policy header and gives it to every script it writes.
  request.headers['content-security-policy'] = policy;
  request.headers['x-nonce'] = nonce;
  response.setHeader('content-security-policy', policy);
  if (env().GATEHOUSE_URL.startsWith('https://'))
    response.setHeader('strict-transport-security', 'max-age=31536000');
  return page(request, response);
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value);
  response.writeHead(status, {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

async function sendReady(response: ServerResponse, isEnding: boolean): Promise<void> {
  const [database, keys] = await Promise.all([databaseFact(), keysFact()]);
  const ready = database.ok && keys.ok && !isEnding;
  sendJson(response, ready ? 200 : 503, {
    status: ready ? 'ready' : isEnding ? 'ending' : 'not ready',
    database: database.ok,
    keys: keys.ok,
  });
}

async function sendMetrics(response: ServerResponse): Promise<void> {
  const body = await register.metrics();
  response.writeHead(200, { 'content-type': register.contentType, 'cache-control': 'no-store' });
  response.end(body);
}

/** What clients of Asana's retired V1 endpoint hear. */
function retired() {
  return {
    error: 'gone',
    error_description: `Asana retired its V1 server (/sse). Point your client at ${env().GATEHOUSE_URL}/mcp (Streamable HTTP).`,
    mcp: `${env().GATEHOUSE_URL}/mcp`,
    tools: Object.fromEntries(V1_TO_V2),
  };
}

/** Runs until a signal; the exit code says how it went. */
async function main(): Promise<void> {
  const dev = process.argv.includes('--dev');
  try {
    const running = await start({ dev });
    let stopping = false;
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.on(signal, () => {
        if (stopping) return;
        stopping = true;
        running.stop().then(
          () => process.exit(0),
          (error: unknown) => {
            log().error({ err: error }, 'stop');
            process.exit(1);
          },
        );
      });
  } catch (error) {
    // Next keeps a process alive that throws; a start that failed must end, and say why.
    if (error instanceof EnvironmentError) for (const problem of error.problems) console.error(problem);
    else log().fatal({ err: error }, 'start failed');
    process.exit(1);
  }
}

if (process.argv[1] === import.meta.filename) await main();
