// Discovery: what a client finds without being told, at every place it looks, and that nothing of it can be turned by a header.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pool } from '@/lib/db';
import { post, callOf, headersFor, type TestMember } from '../support/gate';
import { sendRaw } from '../support/raw-http';
import { grantOf, makeTeam, obtainTokens, startSetting, type Setting } from './setting';

let setting: Setting;
let ana: TestMember;

beforeAll(async () => {
  setting = await startSetting();
  ({ member: ana } = await makeTeam(setting, 'Acme'));
});
afterAll(() => setting.stop());

const get = async (path: string, init: RequestInit = {}) => {
  const response = await fetch(setting.origin + path, init);
  return { status: response.status, headers: response.headers, text: await response.text() };
};

test('A1: the authorization server’s metadata name the issuer, S256 only, iss, CIMD, and each endpoint that is there', async () => {
  const { status, headers, text } = await get('/.well-known/oauth-authorization-server');
  expect([status, headers.get('content-type')]).toEqual([200, 'application/json']);
  expect(headers.get('access-control-allow-origin')).toBe('*');
  const { origin } = setting;
  expect(JSON.parse(text)).toEqual({
    issuer: origin,
    authorization_endpoint: `${origin}/oauth/authorize`,
    token_endpoint: `${origin}/oauth/token`,
    registration_endpoint: `${origin}/oauth/register`,
    revocation_endpoint: `${origin}/oauth/revoke`,
    jwks_uri: `${origin}/oauth/jwks`,
    scopes_supported: ['mcp'],
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['none', 'client_secret_post', 'client_secret_basic'],
    revocation_endpoint_auth_methods_supported: ['none', 'client_secret_post', 'client_secret_basic'],
    authorization_response_iss_parameter_supported: true,
    client_id_metadata_document_supported: true,
    protected_resources: [`${origin}/mcp`],
    service_documentation: origin,
  });
});

test('R2: the resource’s metadata are JSON at both places, for any origin, with the exact resource and its server', async () => {
  for (const path of ['/.well-known/oauth-protected-resource', '/.well-known/oauth-protected-resource/mcp']) {
    const { status, headers, text } = await get(path);
    expect([status, headers.get('content-type')]).toEqual([200, 'application/json']);
    expect(headers.get('access-control-allow-origin')).toBe('*');
    expect(JSON.parse(text)).toEqual({
      resource: `${setting.origin}/mcp`,
      resource_name: 'Gatehouse',
      authorization_servers: [setting.origin],
      scopes_supported: ['mcp'],
      bearer_methods_supported: ['header'],
      resource_documentation: `${setting.origin}/tokens`,
    });
    expect((await get(path, { method: 'OPTIONS' })).status).toBe(204);
  }
});

test('R1: no token hears 401 with the metadata’s place and the scope, and nothing else', async () => {
  const { authorization: _, ...headers } = headersFor('');
  const response = await fetch(setting.url, {
    method: 'POST',
    headers,
    body: JSON.stringify(callOf('get_me')),
  });
  expect(response.status).toBe(401);
  expect(response.headers.get('www-authenticate')).toBe(
    `Bearer resource_metadata="${setting.origin}/.well-known/oauth-protected-resource/mcp", scope="mcp"`,
  );
  expect(await response.text()).not.toMatch(/get_me|acme|asana/i);
});

test('AS-34: a forged Host or X-Forwarded header turns no URL of the metadata', async () => {
  for (const header of ['Host', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'X-Forwarded-Server', 'Forwarded'])
    for (const path of ['/.well-known/oauth-authorization-server', '/.well-known/oauth-protected-resource']) {
      const lines = [`GET ${path} HTTP/1.1`, ...(header === 'Host' ? [] : ['Host: x'])];
      const raw = [...lines, `${header}: evil.example`, 'Connection: close', '', ''].join('\r\n');
      const { text } = await sendRaw(setting.origin, [raw]);
      expect(text).not.toContain('evil.example');
      expect(text).toContain(setting.origin);
    }
});

test('AS-33 R10: there is no key to forge with: tokens are opaque, the key set is empty, and no signed token is taken', async () => {
  expect(JSON.parse((await get('/oauth/jwks')).text)).toEqual({ keys: [] });
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = part({ iss: setting.origin, aud: `${setting.origin}/mcp`, sub: ana.id, exp: 9_999_999_999 });
  for (const header of [
    { alg: 'none' },
    { alg: 'HS256', kid: '../../dev/null' },
    { alg: 'RS256', jwk: { kty: 'oct', k: '' } },
    { alg: 'ES256', kid: 'any' },
  ])
    for (const signature of ['', 'AAAA']) {
      const { status, headers } = await post(
        setting,
        `${part(header)}.${claims}.${signature}`,
        callOf('get_me'),
      );
      expect(status).toBe(401);
      expect(headers.get('www-authenticate')).toContain('error="invalid_token"');
    }
});

test('R8: there is one scope, every token has it, and no call asks for another', async () => {
  const tokens = await obtainTokens(setting, ana);
  const { rows } = await pool().query(
    `SELECT DISTINCT payload->>'scope' AS scope FROM oauth_tokens WHERE grant_id = $1`,
    [await grantOf(tokens.access)],
  );
  expect(rows).toEqual([{ scope: 'mcp' }]);
  // What a person may not do is hidden, never a question of scope: no 403, no step-up.
  const { status, headers, body } = await post(setting, tokens.access, callOf('delete_task'));
  expect([status, headers.get('www-authenticate')]).toEqual([200, null]);
  expect(body.error).toMatchObject({ code: -32602, message: 'Unknown tool: delete_task' });
});
