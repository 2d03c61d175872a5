// The company's identity provider as next-auth wants it: code with PKCE, state and nonce, an ID token whose signature, issuer, audience
// and times are checked, and one secret that is sent to the token endpoint only.
import type { OAuthConfig } from 'next-auth/providers/oauth';
import { findCompanyOrNull, type Company } from '../directory/company';
import type { Claims } from '../directory/company-sign-in';
import { companySignIn } from '../env';

/** Of next-auth's routes the two that talk to the provider; the others do without its discovery document. */
export async function companyFor(route: readonly string[]): Promise<Company | null> {
  const [deed, provider] = route;
  return provider === 'oidc' && /^(signin|callback)$/.test(deed ?? '') ? findCompanyOrNull() : null;
}

/**
 * The provider `oidc`, where one is configured. Without its endpoints (`company` null: it can't be reached, or is not to be trusted) an
 * attempt fails and sign-in says so.
 */
export function companyProviders(company: Company | null): OAuthConfig<Claims>[] {
  const settings = companySignIn();
  if (!settings) return [];
  return [
    {
      ...{ id: 'oidc', name: 'Your company', type: 'oauth', idToken: true },
      checks: ['pkce', 'state', 'nonce'],
      ...{ clientId: settings.clientId, clientSecret: settings.clientSecret, issuer: settings.issuer },
      httpOptions: { timeout: 5_000 },
      ...(company && {
        authorization: { url: company.authorizationUrl, params: { scope: company.scope } },
        token: { url: company.tokenUrl },
        jwks_endpoint: company.jwksUrl,
        client: {
          token_endpoint_auth_method: company.clientAuthentication,
          id_token_signed_response_alg: company.signingAlgorithm,
        },
      }),
      // Nobody yet: whose member it is, `signIn` of auth-options finds out.
      profile: (claims) => ({ id: String(claims.sub), organizationId: '' }),
    },
  ];
}

/** What a failed sign-in may leave in the log: the kind of the failure, without what was expected and what came. */
export function reasonOf(metadata: unknown): string | undefined {
  const { error } = (metadata ?? {}) as { error?: unknown };
  const message = error instanceof Error ? error.message : metadata instanceof Error ? metadata.message : '';
  return message === '' ? undefined : message.split(/, (?:expected|got|now)/)[0]!.slice(0, 160);
}
