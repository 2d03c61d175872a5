// Who is signed in to the portal, by a request of Node's: for server.ts, which answers some pages' posts without Next.
import type { IncomingMessage } from 'node:http';
import { decode } from 'next-auth/jwt';
import { env } from '../env';
import { cookieIn } from '../oauth/cookies';
import { findSession, type SignedIn } from '../people/sessions';
import { sessionCookieName } from './session-cookie';

/** The member of this request's session cookie, or null. Asks the database every time: an ended session is over at once. */
export async function memberOfRequest(request: IncomingMessage): Promise<SignedIn | null> {
  const token = cookieIn(request.headers.cookie, sessionCookieName());
  const secret = env().GATEHOUSE_SECRET;
  if (token === undefined || secret === undefined) return null;
  // A cookie that was not signed here is nobody's.
  const claims = await decode({ token: decodeURIComponent(token), secret }).catch(() => null);
  return typeof claims?.sid === 'string' ? findSession(claims.sid) : null;
}
