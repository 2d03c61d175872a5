// The admin's checks of the Asana app: what can be seen from here is tried, what only a consent shows comes from the last connect.
import { randomBytes } from 'node:crypto';
import { db } from '../db';
import { env, publicUrlIsLoopback } from '../env';
import { AppError } from '../errors';
import { openOutbound } from '../http';
import { SealError } from '../vault/seal';
import { appCredentials, redirectUrl } from './asana-app';
import { checkResourceMetadata, checkServerMetadata, fail, pass, warn, type Check } from './check-metadata';
import { connectFailure, isConnectFailureCode, type ConnectFailureCode } from './connect-failures';
import { exchangeCode } from './token-endpoint';

const TIMEOUT_MS = 4_000;

/** Runs all checks side by side (about ten seconds at most). Sends no secret but the app's own, to Asana's token endpoint. */
export async function checkAsanaApp(organizationId: string): Promise<{ checks: Check[] }> {
  const checks = await Promise.all([
    checkMcpEndpoint(),
    checkResourceMetadata(),
    checkServerMetadata(),
    Promise.resolve(checkRedirectUrl()),
    checkCredentials(organizationId),
    checkLastConnect(organizationId),
  ]);
  return { checks: checks.flat() };
}

// Asana's health hint: without a token a server that is up answers 401, or 405 to a GET. A GET can start nothing.
async function checkMcpEndpoint(): Promise<Check> {
  const id = 'mcp_endpoint';
  const fix =
    'Check ASANA_MCP_URL and that this server may reach it (firewall, proxy). If both are right, Asana is down.';
  try {
    const { status, body } = await openOutbound(env().ASANA_MCP_URL, {
      method: 'GET',
      headers: { accept: 'text/event-stream' },
      timeoutMs: TIMEOUT_MS,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    body.destroy();
    if (status === 401 || status === 405) return pass(id, 'Asana’s MCP server answers.');
    return fail(id, `Asana’s MCP server answers ${status}; 401 or 405 means that it is up.`, fix);
  } catch {
    return fail(id, 'Asana’s MCP server can’t be reached.', fix);
  }
}

function checkRedirectUrl(): Check {
  const id = 'redirect_url';
  const url = redirectUrl();
  if (url.startsWith('https://') || publicUrlIsLoopback())
    return pass(id, `The redirect URL to register is ${url}`);
  return fail(
    id,
    `The redirect URL is ${url}, and Asana accepts only https outside of this machine.`,
    'Serve Gatehouse over https and set GATEHOUSE_URL to that address.',
  );
}

// A code that can't exist: Asana checks the credentials first, and `invalid_grant` then means that they are good.
async function checkCredentials(organizationId: string): Promise<Check> {
  const id = 'credentials';
  let credentials;
  try {
    credentials = await appCredentials(organizationId);
  } catch (error) {
    if (error instanceof SealError)
      return fail(
        id,
        'The stored secret can’t be opened with the present keys.',
        'Enter the client secret again.',
      );
    if (error instanceof AppError && error.code === 'no_asana_app')
      return fail(
        id,
        'No Asana app is registered yet.',
        'Enter the client id and the secret of your MCP app.',
      );
    throw error;
  }
  const answer = await exchangeCode({
    credentials,
    callback: new URLSearchParams({
      code: `gatehouse-check-${randomBytes(16).toString('hex')}`,
      state: 'check',
    }),
    state: 'check',
    codeVerifier: randomBytes(32).toString('base64url'),
    redirectUrl: redirectUrl(),
  });
  if ('failure' in answer && answer.failure === 'permanent') {
    if (answer.error === 'invalid_grant') return pass(id, 'Asana accepts the client id and the secret.');
    const { explanation, fix } = connectFailure(answer.error);
    return fail(id, explanation, fix);
  }
  return warn(
    id,
    'Asana’s token endpoint did not answer as expected, so the credentials could not be tried.',
    'Run the checks again in a minute.',
  );
}

/** What only a person's consent shows, and the codes of a connect that show it is wrong. */
const shownByConnect: { id: string; good: string; wrong: ConnectFailureCode[] }[] = [
  { id: 'redirect_registered', good: 'Asana knows the redirect URL.', wrong: ['redirect_mismatch'] },
  { id: 'scope', good: 'Asana accepts the request without a scope.', wrong: ['invalid_scope'] },
  { id: 'distribution', good: 'The app is available to your workspace.', wrong: ['app_not_available'] },
  { id: 'kind_of_app', good: 'The app is an MCP app.', wrong: ['wrong_kind_of_app'] },
  {
    id: 'account',
    good: 'The account that came back was the expected one.',
    wrong: ['account_differs', 'workspace_differs'],
  },
];

async function checkLastConnect(organizationId: string): Promise<Check[]> {
  const app = await db().asanaApp.findUnique({ where: { organizationId }, select: { lastConnect: true } });
  const last = app?.lastConnect ?? null;
  // These come back only after Asana has accepted everything about the app.
  const beyondTheApp = last === 'account_differs' || last === 'workspace_differs';
  return shownByConnect.map(({ id, good, wrong }) => {
    if (last === 'ok' || (beyondTheApp && id !== 'account')) return pass(id, good);
    const failure = wrong.find((code) => code === last);
    if (failure && isConnectFailureCode(failure)) {
      const { explanation, fix } = connectFailure(failure);
      return fail(id, explanation, fix);
    }
    return warn(id, 'This shows only when somebody connects.', 'Connect your own Asana account once.');
  });
}
