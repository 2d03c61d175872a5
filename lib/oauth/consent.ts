// Consent: what is asked of a person before a client may act for them, and the one decision that is taken (C1 to C7). It happens in
// the browser the authorization began in, by the member signed in there, once.
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type Provider from 'oidc-provider';
import { appendEvent, type Actor } from '../audit/append';
import { pool, transaction, type Tx } from '../db';
import { isOwnOrigin } from '../env';
import { hashToken } from '../tokens/token-format';
import { readState } from './adapter';
import { findClient, isBlocked } from './clients';
import { keyFor } from './cookies';
import { createGrant } from './grants';
import { organizationAllows } from './redirect-rules';
import { imitatedClient, redirectPlace } from './redirect-uris';
import type { ErrorPage, MemberOf, PortalMember } from './wiring';

const MAX_BODY_BYTES = 8_192;

/** What a consent asks about. */
export interface ConsentQuestion {
  client: { id: string; name: string; kind: 'registered' | 'document' };
  redirect: { uri: string; kind: 'web' | 'loopback' | 'app'; place: string };
  /** A known client whose name this one uses without sending people to its address. */
  imitates: string | null;
  /** Why it can't be allowed, whatever the person says. */
  refusal: 'blocked' | 'redirect_not_allowed' | null;
  /** To send with the decision. */
  token: string;
}

/** What `uid` asks this member, or null where it asks nothing (any more). */
export async function readQuestion(
  uid: string,
  member: { organizationId: string; sessionId: string },
): Promise<ConsentQuestion | null> {
  if (!/^[\w-]{10,64}$/.test(uid)) return null;
  const { rows } = await pool().query(
    'SELECT 1 FROM oauth_states WHERE id_hash = $1 AND answered_at IS NULL AND expires_at > now()',
    [Buffer.from(hashToken(uid))],
  );
  const state = rows.length === 0 ? undefined : await readState(uid);
  const { client_id: clientId, redirect_uri: uri } = (state?.params ?? {}) as Record<string, string>;
  const client = clientId === undefined ? null : await findClient(clientId);
  if (!client || uri === undefined) return null;
  const { kind, name: place } = redirectPlace(uri);
  return {
    client: { id: client.id, name: client.name, kind: client.kind },
    redirect: { uri, kind, place },
    imitates: imitatedClient(client.name, uri),
    refusal: await refusalOf(member.organizationId, client.id, uri),
    token: consentToken(uid, member.sessionId, client.id, uri),
  };
}

/** The redirect URI an authorization under way will end at, for the page's Content-Security-Policy; null where there is none. */
export async function redirectTargetOf(uid: string): Promise<string | null> {
  if (!/^[\w-]{10,64}$/.test(uid)) return null;
  const params = (await readState(uid))?.params as { redirect_uri?: string } | undefined;
  return params?.redirect_uri ?? null;
}

async function refusalOf(
  organizationId: string,
  clientId: string,
  uri: string,
): Promise<ConsentQuestion['refusal']> {
  if (await isBlocked(organizationId, clientId)) return 'blocked';
  return (await organizationAllows(organizationId, uri)) ? null : 'redirect_not_allowed';
}

/** Bound to the authorization, the member's session, the client and where it sends people: good for this one question only. */
function consentToken(uid: string, sessionId: string, clientId: string, redirectUri: string): string {
  return createHmac('sha256', keyFor('consent'))
    .update(JSON.stringify([uid, sessionId, clientId, redirectUri]))
    .digest('base64url');
}

function isToken(given: string, expected: string): boolean {
  const [one, two] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === two.length && timingSafeEqual(one, two);
}

interface Decision {
  provider: Provider;
  memberOf: MemberOf;
  errorPage: ErrorPage;
  request: IncomingMessage;
  response: ServerResponse;
  uid: string;
}

/** POST /authorize/{uid}: the person's Allow or Deny. Answers 303 on the way back to the client, or a page that says what is wrong. */
export async function decide(given: Decision): Promise<void> {
  const { provider, request, response, uid } = given;
  const fail = (problem: keyof typeof PROBLEMS) => sendPage(given, problem);
  const { origin, host } = request.headers;
  if (origin !== undefined && !isOwnOrigin(origin, host)) return fail('other_site');
  const form = await readForm(request);
  if (!form) return fail('not_a_form');
  const member = await given.memberOf(request);
  if (!member) return redirect(response, `/sign-in?next=${encodeURIComponent(`/authorize/${uid}`)}`);
  // By the signed cookie of this browser: whoever only knows the address can't answer (C7, C8).
  const interaction = await provider.interactionDetails(request, response).catch(() => null);
  if (interaction?.uid !== uid) return fail('other_browser');
  const { client_id: clientId, redirect_uri: uri } = interaction.params as Record<string, string>;
  const client = await findClient(clientId!);
  if (!client) return fail('gone');
  if (!isToken(form.get('token') ?? '', consentToken(uid, member.sessionId, clientId!, uri!)))
    return fail('stale');
  const decision = form.get('decision');
  if (decision !== 'allow' && decision !== 'deny') return fail('not_a_form');
  if (decision === 'allow') {
    const refusal = await refusalOf(member.organizationId, clientId!, uri!);
    if (refusal) return fail(refusal);
  }
  const connectionId = form.get('connection') || null;
  if (decision === 'allow' && !(await isUsable(member, connectionId))) return fail('no_such_connection');
  const grantId = await transaction((tx) =>
    answer(tx, member, { uid, client, uri: uri!, decision, connectionId }),
  );
  if (grantId === null) return fail('answered');
  const result =
    decision === 'deny'
      ? { error: 'access_denied', error_description: 'The person did not allow this client' }
      : { login: { accountId: member.id, remember: false }, consent: { grantId } };
  response.setHeader('cache-control', 'no-store');
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

/** Uses up the question and stores the answer, together. Null where it was answered before. */
async function answer(
  tx: Tx,
  member: PortalMember,
  given: {
    uid: string;
    client: { id: string; name: string };
    uri: string;
    decision: 'allow' | 'deny';
    connectionId: string | null;
  },
): Promise<string | null> {
  const { client, uri, decision, connectionId } = given;
  const claimed = await tx.$executeRaw`
    UPDATE oauth_states SET answered_at = now()
    WHERE id_hash = ${Buffer.from(hashToken(given.uid))} AND answered_at IS NULL AND expires_at > now()`;
  if (claimed === 0) return null;
  const actor: Actor & { memberId: string } = {
    organizationId: member.organizationId,
    memberId: member.id,
    memberEmail: member.email,
    credential: { kind: 'session', id: member.sessionId, name: null },
  };
  if (decision === 'allow')
    return createGrant(tx, actor, {
      clientId: client.id,
      clientName: client.name,
      connectionId,
      redirectUri: uri,
    });
  const after = { client: client.name, clientId: client.id, redirectUri: uri };
  await appendEvent(tx, actor, { action: 'grant.denied', target: `client:${client.id}`, after });
  return '';
}

/** One of the member's own connections, or none: then the grant follows the only active one. */
async function isUsable(member: PortalMember, connectionId: string | null): Promise<boolean> {
  const { rows } = await pool().query<{ id: string; status: string }>(
    'SELECT id, status FROM connections WHERE organization_id = $1 AND member_id = $2',
    [member.organizationId, member.id],
  );
  return connectionId === null
    ? rows.filter(({ status }) => status === 'active').length < 2
    : rows.some(({ id }) => id === connectionId);
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams | null> {
  if (!/^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(request.headers['content-type'] ?? ''))
    return null;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return null;
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
}

const AGAIN = 'Begin again in the client that sent you here.';
const PROBLEMS = {
  other_site: [
    403,
    'This did not come from Gatehouse',
    'Another site sent this decision, so it does not count.',
    AGAIN,
  ],
  not_a_form: [400, 'This is not a decision', 'The request holds neither Allow nor Deny.', AGAIN],
  other_browser: [
    403,
    'This began in another browser',
    'A client is allowed in the browser in which it asked, within half an hour. This request is not under way here.',
    AGAIN,
  ],
  gone: [400, 'The client is gone', 'It was removed while this page was open.', AGAIN],
  stale: [
    403,
    'This page is out of date',
    'It was opened before you signed in, or by somebody else, so its decision does not count.',
    'Open the request again and decide anew.',
  ],
  answered: [
    400,
    'This was decided already',
    'Each request is decided once. If the client is not connected, it did not hear of it.',
    AGAIN,
  ],
  blocked: [
    403,
    'Your organization blocks this client',
    'An admin shut it out, so nobody here can allow it.',
    'Ask your admin if you need it.',
  ],
  redirect_not_allowed: [
    403,
    'Your organization does not know this client',
    'The place that it would send you back to is not on your organization\u2019s list.',
    'Ask your admin to allow it under Clients.',
  ],
  no_such_connection: [
    400,
    'Choose an Asana connection',
    'The connection is not one of yours, or you have several and chose none.',
    'Go back and choose one.',
  ],
} as const satisfies Record<string, readonly [number, string, string, string]>;

async function sendPage(
  { errorPage, response, uid }: Decision,
  problem: keyof typeof PROBLEMS,
): Promise<void> {
  const [status, title, explanation, fix] = PROBLEMS[problem];
  const isOpen = problem === 'stale' || problem === 'no_such_connection';
  const link = isOpen ? { href: `/authorize/${uid}`, label: 'Back' } : { href: '/', label: 'To Gatehouse' };
  const page = errorPage({ status, title, explanation, fix, link });
  response.writeHead(page.status, Object.fromEntries(page.headers));
  response.end(await page.text());
}

function redirect(response: ServerResponse, location: string): void {
  response.writeHead(303, { location, 'cache-control': 'no-store', 'content-length': 0 });
  response.end();
}
