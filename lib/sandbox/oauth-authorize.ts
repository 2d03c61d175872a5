// Asana's authorization endpoint as recorded: exact redirect URLs, PKCE S256, the scope `default`, one workspace per
// authorization, the app's distribution, and Asana's error texts. It shares no code with Gatehouse's own OAuth, so that
// both can not be wrong in the same way.
import { authorizePage } from '@/lib/sandbox/authorize-page';
import { readForm, repeatedParameter, type Exchange } from '@/lib/sandbox/exchange';
import { answered, html, plainText, type Delivery } from '@/lib/sandbox/faults';
import { newCode, type Grants, type SandboxApp } from '@/lib/sandbox/grants';
import type { Switches } from '@/lib/sandbox/switches';
import { roleIn } from '@/lib/sandbox/view';
import { findUserByEmail, type World } from '@/lib/sandbox/world';

export interface OAuthContext {
  readonly origin: string;
  readonly switches: Switches;
  readonly grants: Grants;
  readonly world: World;
}

const NOT_AVAILABLE =
  'This app is not available to your Asana workspace or organization. If you are the app owner, adjust settings under "Manage Distribution" in the Asana developer console.';

/** An error that is known before the redirect URL can be trusted: plain text, no redirect (RFC 6749 §4.1.2.1). */
const pageError = (code: string, why: string): Delivery => answered(plainText(400, `${code}: ${why}`));

function redirect(redirectUrl: string, parameters: Record<string, string | null>): Delivery {
  const target = new URL(redirectUrl);
  for (const [name, value] of Object.entries(parameters))
    if (value !== null) target.searchParams.append(name, value);
  return answered({ status: 302, headers: { location: target.href, 'cache-control': 'no-store' }, body: '' });
}

const OWN_PARAMETERS = ['sandbox_user', 'sandbox_workspace', 'decision'];

/** `GET` and `POST /-/oauth_authorize`: the same checks for both, then the page or the choice made on it. */
export function authorize(context: OAuthContext, exchange: Exchange): Delivery {
  const { request, url } = exchange;
  const given = request.method === 'POST' ? readForm(exchange) : url.searchParams;
  if (!given) return pageError('invalid_request', 'The request body must be a form.');
  const repeated = repeatedParameter(given);
  if (repeated !== undefined) return pageError('invalid_request', `The ${repeated} parameter is repeated.`);
  const app = context.grants.apps.get(given.get('client_id') ?? '');
  if (!app) return pageError('invalid_client', 'The client_id parameter does not match a valid application.');
  const redirectUrl = given.get('redirect_uri');
  if (redirectUrl === null || !app.redirectUrls.includes(redirectUrl))
    return pageError(
      'invalid_request',
      'The redirect_uri parameter does not match a valid url for the application.',
    );
  const state = given.get('state');
  const problem = checkRequest(context.switches, given);
  if (problem) return redirect(redirectUrl, { ...problem, state });
  if (given.get('decision') === 'deny')
    return redirect(redirectUrl, {
      error: 'access_denied',
      error_description: 'The user denied access.',
      state,
    });
  return decide(context, exchange, app, given);
}

/** What is wrong with a request whose client and redirect URL are known: told at the redirect URL. */
function checkRequest(
  { acceptedResources }: Switches,
  given: URLSearchParams,
): { error: string; error_description: string } | undefined {
  const fail = (error: string, why: string) => ({ error, error_description: why });
  const responseType = given.get('response_type');
  if (responseType === null) return fail('invalid_request', 'The response_type parameter is missing.');
  if (responseType !== 'code')
    return fail('unsupported_response_type', 'Only response_type=code is supported.');
  if (!given.get('state')) return fail('invalid_request', 'The state parameter is missing.');
  if (!['', 'default'].includes(given.get('scope') ?? ''))
    return fail('invalid_scope', 'Invalid scope(s) requested');
  const challenge = given.get('code_challenge');
  const method = given.get('code_challenge_method');
  if (challenge === null && method !== null)
    return fail('invalid_request', 'The code_challenge parameter is missing.');
  if (challenge !== null && method !== 'S256')
    return fail('invalid_request', 'The code_challenge_method parameter must be S256.');
  if (challenge !== null && !/^[A-Za-z0-9_-]{43}$/.test(challenge))
    return fail('invalid_request', 'The code_challenge parameter is malformed.');
  const resource = given.get('resource');
  if (resource !== null && acceptedResources !== null && !acceptedResources.includes(resource))
    return fail('invalid_target', 'The resource parameter names an unknown resource.');
  return undefined;
}

/** Who authorizes, and for which workspace: from the form, the test-friendly query, or the signed-in browser. */
function decide(
  context: OAuthContext,
  exchange: Exchange,
  app: SandboxApp,
  given: URLSearchParams,
): Delivery {
  const { world, switches } = context;
  const request = new URLSearchParams([...given].filter(([name]) => !OWN_PARAMETERS.includes(name)));
  const email = given.get('sandbox_user') ?? switches.silentApproval?.email ?? null;
  const user = email === null ? undefined : findUserByEmail(world, email);
  const silent = given.has('sandbox_user') ? undefined : switches.silentApproval?.workspaceGid;
  const workspaceGid = given.get('sandbox_workspace') ?? silent ?? user?.memberships[0]?.workspaceGid ?? null;
  const page = (status: number, problem?: string) =>
    answered(html(status, authorizePage(world, app, request, { email, workspaceGid, problem })));
  const asked = exchange.request.method === 'POST' ? given.get('decision') === 'allow' : email !== null;
  if (!asked) return page(200);
  if (!user) return page(400, 'Choose an account.');
  const role = workspaceGid === null ? undefined : roleIn(user, workspaceGid);
  if (!role || workspaceGid === null) return page(400, `${user.name} does not belong to this workspace.`);
  exchange.entry.user = user.email;
  const state = given.get('state');
  const redirectUrl = given.get('redirect_uri')!;
  // A guest was refused until the distribution was "Any workspace", although the workspace was on the list.
  if (app.workspaces !== 'any' && !(app.workspaces.includes(workspaceGid) && role === 'member'))
    return switches.distributionError === 'page'
      ? pageError('invalid_request', NOT_AVAILABLE)
      : redirect(redirectUrl, { error: 'invalid_request', error_description: NOT_AVAILABLE, state });
  const code = newCode(context.grants, {
    clientId: app.clientId,
    redirectUrl,
    challenge: given.get('code_challenge'),
    userGid: user.gid,
    workspaceGid,
    expiresAt: Date.now() + switches.codeLifetimeSeconds * 1000,
  });
  return redirect(redirectUrl, { code, state });
}
