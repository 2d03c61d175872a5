// A company's identity provider on loopback: a real oidc-provider behind a server that can lie for it, as an attacker or a fault would.
import { generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodeJwt, SignJWT } from 'jose';
import Provider from 'oidc-provider';

/** Who is signed in at the company, as the provider tells it. */
export interface Person {
  sub: string;
  email?: string;
  email_verified?: unknown;
  groups?: unknown;
}

/** What the server does instead of the truth. */
export interface Lie {
  /** Changes the claims of the next ID tokens, which are signed anew with the provider's own key. */
  claims?: (claims: Record<string, unknown>) => Record<string, unknown>;
  /** Signs them with a key that the provider does not publish. */
  foreignKey?: boolean;
  /** Answers the whole token request. */
  token?: (response: ServerResponse) => void;
}

export interface Company {
  issuer: string;
  clientId: string;
  clientSecret: string;
  /** Whoever signs in next. */
  person: Person;
  lie: Lie;
  /** Query strings of authorization requests. */
  asked: URLSearchParams[];
  close(): Promise<void>;
}

/** Starts the provider; it lets the one person in without a question. Its one client may return to `callbackUrl`. */
export async function startCompany(
  callbackUrl: string,
  { port = 0, clientSecret = randomBytes(24).toString('base64url') } = {},
): Promise<Company> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve);
  });
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const company: Company = {
    ...{ issuer, clientId: 'gatehouse', clientSecret },
    ...{ person: { sub: 'nobody' }, lie: {}, asked: [] },
    close: () => close(server),
  };
  const provider = createProvider(company, privateKey, callbackUrl);
  const serve = provider.callback();
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', issuer);
    if (pathname === '/auth') company.asked.push(searchParams);
    if (pathname === '/token' && company.lie.token) return company.lie.token(response);
    if (pathname === '/token' && (company.lie.claims || company.lie.foreignKey))
      twist(response, company.lie, company.lie.foreignKey ? stranger : privateKey);
    if (pathname.startsWith('/interaction/'))
      return void provider
        .interactionFinished(request, response, { login: { accountId: company.person.sub } })
        .catch((error: unknown) => response.destroy(error as Error));
    void serve(request, response);
  });
  return company;
}

/** The least that a discovery document says (Discovery 1.0 §3). */
export const documentOf = (issuer: string) => ({
  issuer,
  ...{
    authorization_endpoint: `${issuer}/auth`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
  },
});

function createProvider(company: Company, key: KeyObject, callbackUrl: string): Provider {
  const { issuer, clientId, clientSecret } = company;
  return new Provider(issuer, {
    clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [callbackUrl] }],
    jwks: { keys: [{ ...key.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid: 'one' } as never] },
    // In the ID token itself, as most providers do it.
    conformIdTokenClaims: false,
    claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'] },
    scopes: ['openid', 'email', 'profile', 'groups'],
    cookies: { keys: [randomBytes(24).toString('hex')] },
    features: { devInteractions: { enabled: false } },
    findAccount: () => ({
      accountId: company.person.sub,
      claims: () => Promise.resolve(company.person as never),
    }),
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    loadExistingGrant: async (ctx) => {
      const grant = new ctx.oidc.provider.Grant({ clientId, accountId: ctx.oidc.session!.accountId });
      grant.addOIDCScope('openid email profile groups');
      await grant.save();
      return grant;
    },
  });
}

/** Replaces the ID token in what the provider writes, at its end. */
function twist(response: ServerResponse, { claims }: Lie, key: KeyObject): void {
  const end = response.end.bind(response);
  response.end = ((body: string | Buffer) => {
    void (async () => {
      const answer = JSON.parse(String(body)) as { id_token: string };
      const changed = (claims ?? ((same) => same))({ ...decodeJwt(answer.id_token) });
      const signed = await new SignJWT(changed).setProtectedHeader({ alg: 'RS256', kid: 'one' }).sign(key);
      const text = JSON.stringify({ ...answer, id_token: signed });
      response.setHeader('content-length', Buffer.byteLength(text));
      end(text);
    })();
    return response;
  }) as never;
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
