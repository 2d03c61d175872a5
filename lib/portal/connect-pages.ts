// The two ends of connecting an Asana account: the redirect to Asana, and the page or redirect that its answer becomes.
import { beginConnect, finishConnect } from '../asana/connect';
import { browserSecretFor, connectCookieAttributes, connectCookieName } from '../asana/connect-cookie';
import { env } from '../env';
import { AppError, isDatabaseGone } from '../errors';
import { log } from '../log';
import { currentMember } from './caller';
import { plainPage } from './plain-page';

/** server.ts gives every page one; a caller can't. */
const nonceOf = (request: Request) => request.headers.get('x-nonce');

const noStore = { 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' };

/** The one kind of place to go on to: a consent that waits here. Anything else is somebody's own idea (OC-18). */
const returnPath = (given: string | null) =>
  given !== null && /^\/authorize\/[\w-]{10,64}$/.test(given) ? given : null;

/** GET /connect/asana: 303 to Asana, or to sign-in. `?connection=<id>` renews one, `?return=/authorize/<id>` comes back to a consent. */
export async function handleConnect(request: Request): Promise<Response> {
  // A prefetch must not use up a state or set the cookie.
  if (/prefetch/i.test(request.headers.get('sec-purpose') ?? request.headers.get('purpose') ?? ''))
    return new Response(null, { status: 204, headers: noStore });
  const member = await currentMember();
  const { searchParams, pathname, search } = new URL(request.url);
  if (!member) return seeOther(`/sign-in?next=${encodeURIComponent(pathname + search)}`);
  const browserSecret = browserSecretFor(cookieOf(request, connectCookieName()));
  try {
    const { location } = await beginConnect({
      organizationId: member.organization.id,
      memberId: member.id,
      connectionId: searchParams.get('connection') ?? undefined,
      returnTo: returnPath(searchParams.get('return')),
      browserSecret,
    });
    const { maxAge, path, secure } = connectCookieAttributes();
    const cookie = `${connectCookieName()}=${browserSecret}; Path=${path}; Max-Age=${maxAge}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
    return seeOther(location, { 'set-cookie': cookie });
  } catch (error) {
    return failed(request, error);
  }
}

/** GET /connect/asana/callback: 303 to /connections, or a page that says what happened, why, and what to do next. */
export async function handleCallback(request: Request): Promise<Response> {
  const member = await currentMember();
  if (!member)
    return plainPage({
      nonce: nonceOf(request),
      status: 403,
      title: 'You are not signed in here',
      explanation:
        'Asana sent you back to a browser in which nobody is signed in to Gatehouse, so nothing was connected.',
      fix: `Open ${env().GATEHOUSE_URL}/connections in the browser in which you began, and press Connect again.`,
      link: { href: '/sign-in?next=%2Fconnections', label: 'Sign in' },
    });
  try {
    const result = await finishConnect({
      organizationId: member.organization.id,
      memberId: member.id,
      params: new URL(request.url).searchParams,
      browserSecret: cookieOf(request, connectCookieName()) ?? null,
      sessionId: member.sessionId,
    });
    if ('connected' in result)
      return seeOther(
        result.returnTo
          ? `${result.returnTo}?connected=${result.connected}`
          : `/connections?connected=${result.connected}`,
      );
    const { status, title, explanation, fix } = result;
    return plainPage({
      nonce: nonceOf(request),
      status,
      title,
      explanation,
      fix,
      link: { href: '/connections', label: 'Back to your connections' },
    });
  } catch (error) {
    return failed(request, error);
  }
}

function failed(request: Request, error: unknown): Response {
  const link = { href: '/connections', label: 'Back to your connections' };
  if (error instanceof AppError && error.code === 'no_asana_app')
    return plainPage({
      nonce: nonceOf(request),
      status: 409,
      title: 'Asana is not set up yet',
      explanation: 'Nobody can connect before an admin has registered the company\u2019s Asana app here.',
      fix: 'Ask your admin to finish the Asana app page; then press Connect again.',
      link,
    });
  if (error instanceof AppError && error.status === 404)
    return plainPage({
      nonce: nonceOf(request),
      status: 404,
      title: 'There is no such connection',
      explanation: 'The connection to renew is not one of yours, or it was disconnected.',
      fix: 'Choose one from your list, or connect anew.',
      link,
    });
  log().error({ err: error }, 'connecting Asana failed');
  return plainPage({
    nonce: nonceOf(request),
    status: isDatabaseGone(error) ? 503 : 500,
    title: 'Something went wrong on our side',
    explanation: 'The connection could not be stored, so nothing was connected. It is logged.',
    fix: 'Try again in a minute.',
    link,
  });
}

function seeOther(location: string, headers: Record<string, string> = {}): Response {
  return new Response(null, { status: 303, headers: { ...noStore, location, ...headers } });
}

function cookieOf(request: Request, name: string): string | undefined {
  const found = (request.headers.get('cookie') ?? '')
    .split(/;\s*/)
    .find((pair) => pair.startsWith(`${name}=`));
  return found?.slice(name.length + 1);
}
