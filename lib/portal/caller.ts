// Finds out who calls the portal or /api/v1: a session cookie or an API key, never an agent's bearer.
import { getServerSession } from 'next-auth';
import { headers } from 'next/headers';
import { isOwnOrigin } from '../env';
import { AppError } from '../errors';
import { findApiKey } from '../tokens/api-keys';
import type { SignedIn } from '../people/sessions';
import { ADDRESS_HEADER, authOptions } from './auth-options';
import type { Caller } from './operation';

/** The signed-in member of this request, or null. Asks the database every time: an ended session is over at once. */
export async function currentMember(): Promise<SignedIn | null> {
  return (await getServerSession(authOptions()))?.member ?? null;
}

/**
 * The caller of an API request. A bearer decides alone; a cookie beside it is not looked at. Throws `unauthenticated` for a bearer
 * that is not a valid API key, and `wrong_origin` for an unsafe request by cookie that does not come from this portal (SP-08).
 */
export async function callerOf(request: Request): Promise<Caller> {
  const address = request.headers.get(ADDRESS_HEADER) ?? 'unknown';
  const authorization = request.headers.get('authorization');
  if (authorization !== null) {
    const bearer = /^Bearer ([^\s,]+)$/i.exec(authorization)?.[1];
    const key = bearer === undefined ? null : await findApiKey(bearer);
    if (key) return { kind: 'api_key', key, address };
    throw new AppError(
      'unauthenticated',
      bearer?.startsWith('gth_')
        ? 'This is an agent token; it opens /mcp only. Use an API key here.'
        : undefined,
    );
  }
  if (
    !/^(GET|HEAD)$/.test(request.method) &&
    !isOwnOrigin(request.headers.get('origin'), request.headers.get('host'))
  )
    throw new AppError('wrong_origin');
  const member = await currentMember();
  return member ? { kind: 'session', member, address } : { kind: 'anyone', address };
}

/** The network address of the caller of a page. */
export async function addressOfPage(): Promise<string> {
  return (await headers()).get(ADDRESS_HEADER) ?? 'unknown';
}
