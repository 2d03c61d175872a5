// The company's identity provider, as its own discovery document describes it: nothing of it is believed unless the document names
// exactly the issuer that the operator configured.
import { Agent, request } from 'undici';
import { z } from 'zod';
import { companySignIn, env } from '../env';
import { OutboundError, outboundError } from '../http';
import { log } from '../log';

const TIMEOUT_MS = 3_000;
const MAX_BYTES = 262_144;
const CACHE_MS = 300_000;

/** What a sign-in needs to know of the provider. */
export interface Company {
  issuer: string;
  clientId: string;
  clientSecret: string;
  authorizationUrl: string;
  tokenUrl: string;
  jwksUrl: string;
  scope: string;
  /** How the token endpoint wants the secret (RFC 6749 §2.3.1). */
  clientAuthentication: 'client_secret_basic' | 'client_secret_post';
  signingAlgorithm: string;
}

const endpoint = z.string().refine((value) => {
  if (!URL.canParse(value)) return false;
  const { protocol } = new URL(value);
  return protocol === 'https:' || (protocol === 'http:' && env().GATEHOUSE_ALLOW_INSECURE_UPSTREAM);
}, 'is no https URL');
const names = z.array(z.string()).optional();
const metadata = z.object({
  issuer: z.string(),
  authorization_endpoint: endpoint,
  token_endpoint: endpoint,
  jwks_uri: endpoint,
  scopes_supported: names,
  token_endpoint_auth_methods_supported: names,
  id_token_signing_alg_values_supported: names,
});

// Never HS256: whoever knows the client secret could sign, and never none.
const ALGORITHMS = ['RS256', 'ES256', 'PS256', 'EdDSA', 'RS384', 'RS512', 'ES384', 'ES512', 'PS384', 'PS512'];

let known: { company: Company; settings: string; until: number } | undefined;
// An identity provider may well stand in the company's own network: the operator names it, so private addresses are no obstacle.
const agent = new Agent({ connections: 2, connect: { timeout: TIMEOUT_MS }, maxHeaderSize: 16_384 });

/**
 * The configured provider, or null where there is none (OpenID Connect Discovery 1.0 §4). What was read is believed for five minutes.
 * Throws `OutboundError` where it does not answer, and an `Error` that says why where it answers what can't be used.
 */
export async function findCompany(): Promise<Company | null> {
  const settings = companySignIn();
  if (!settings) return null;
  const key = JSON.stringify(settings);
  if (known && known.settings === key && known.until > Date.now()) return known.company;
  const document = metadata.safeParse(await readDocument(settings.issuer));
  if (!document.success)
    throw new Error(`its discovery document is not usable: ${z.prettifyError(document.error).slice(0, 200)}`);
  const { data } = document;
  // A document that names another issuer would let that one sign for ours (Discovery 1.0 §4.3).
  if (data.issuer !== settings.issuer)
    throw new Error('its discovery document names another issuer than OIDC_ISSUER, to the last character');
  const methods = data.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  const algorithms = data.id_token_signing_alg_values_supported ?? ['RS256'];
  const company: Company = {
    ...{ issuer: settings.issuer, clientId: settings.clientId, clientSecret: settings.clientSecret },
    authorizationUrl: data.authorization_endpoint,
    tokenUrl: data.token_endpoint,
    jwksUrl: data.jwks_uri,
    // Okta gives groups for a scope of that name; Entra refuses a scope it does not know.
    scope:
      settings.groupsClaim && data.scopes_supported?.includes('groups')
        ? 'openid email profile groups'
        : 'openid email profile',
    clientAuthentication: methods.includes('client_secret_basic')
      ? 'client_secret_basic'
      : 'client_secret_post',
    signingAlgorithm: ALGORITHMS.find((name) => algorithms.includes(name)) ?? 'RS256',
  };
  known = { company, settings: key, until: Date.now() + CACHE_MS };
  return company;
}

/** The same for a page: null also where the provider can't be used at the moment, which is logged. */
export async function findCompanyOrNull(): Promise<Company | null> {
  try {
    return await findCompany();
  } catch (error) {
    log().warn({ reason: (error as Error).message.slice(0, 300) }, 'the company\u2019s identity provider');
    return null;
  }
}

async function readDocument(issuer: string): Promise<unknown> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const { statusCode, body } = await request(url, {
      dispatcher: agent,
      headers: { accept: 'application/json' },
      signal,
    });
    body.on('error', () => undefined);
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MAX_BYTES) {
        body.destroy();
        throw new OutboundError('too_large', true);
      }
      chunks.push(chunk);
    }
    if (statusCode !== 200) throw new Error(`its discovery document answered HTTP ${statusCode}`);
    return JSON.parse(Buffer.concat(chunks).toString()) as unknown;
  } catch (error) {
    if (signal.aborted) throw new OutboundError('timeout', true, { cause: error });
    if (error instanceof SyntaxError) throw new Error('its discovery document is no JSON', { cause: error });
    if (error instanceof Error && error.message.startsWith('its discovery')) throw error;
    throw outboundError(error);
  }
}
