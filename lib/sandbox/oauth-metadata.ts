// What Asana publishes about its two servers, at the paths where it really is (the documented path of the first one is
// dead at Asana, and so it is here).

/** The metadata documents at their real paths, this sandbox in place of Asana's hosts. */
export function metadata(origin: string): ReadonlyMap<string, Record<string, unknown>> {
  return new Map([
    [
      '/.well-known/oauth-protected-resource/v2',
      {
        resource: `${origin}/v2/mcp`,
        authorization_servers: [origin],
        scopes_supported: ['default'],
        bearer_methods_supported: ['header'],
        resource_documentation: 'https://developers.asana.com/docs/using-asanas-mcp-server',
        resource_name: 'Asana MCP',
      },
    ],
    [
      '/.well-known/oauth-authorization-server',
      {
        issuer: origin,
        authorization_endpoint: `${origin}/-/oauth_authorize`,
        token_endpoint: `${origin}/-/oauth_token`,
        revocation_endpoint: `${origin}/-/oauth_revoke`,
        response_types_supported: ['code'],
        grant_types_supported: [
          'authorization_code',
          'refresh_token',
          'urn:ietf:params:oauth:grant-type:jwt-bearer',
        ],
        authorization_grant_profiles_supported: ['urn:ietf:params:oauth:grant-profile:id-jag'],
        token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
        code_challenge_methods_supported: ['S256'],
      },
    ],
  ]);
}
