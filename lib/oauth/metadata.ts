// What clients discover: the authorization server (RFC 8414) and the protected resource (RFC 9728). Every URL comes from the
// configuration, never from a header of the request (AS-34). Pure.
import { env, resourceUrl } from '../env';
import { SCOPE } from './scope';

/** RFC 8414, at /.well-known/oauth-authorization-server. */
export function serverMetadata() {
  const issuer = env().GATEHOUSE_URL;
  return {
    issuer,
    authorization_endpoint: `${issuer}/oauth/authorize`,
    token_endpoint: `${issuer}/oauth/token`,
    registration_endpoint: `${issuer}/oauth/register`,
    revocation_endpoint: `${issuer}/oauth/revoke`,
    jwks_uri: `${issuer}/oauth/jwks`,
    scopes_supported: [SCOPE],
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['none', 'client_secret_post', 'client_secret_basic'],
    revocation_endpoint_auth_methods_supported: ['none', 'client_secret_post', 'client_secret_basic'],
    authorization_response_iss_parameter_supported: true,
    client_id_metadata_document_supported: true,
    protected_resources: [resourceUrl()],
    service_documentation: issuer,
  };
}

/** RFC 9728, at /.well-known/oauth-protected-resource and its /mcp. */
export function resourceMetadata() {
  const issuer = env().GATEHOUSE_URL;
  return {
    resource: resourceUrl(),
    resource_name: 'Gatehouse',
    authorization_servers: [issuer],
    scopes_supported: [SCOPE],
    bearer_methods_supported: ['header'],
    resource_documentation: `${issuer}/tokens`,
  };
}
