// MCP's own judges: the authorization suite on Gatehouse's authorization server, and the client suite on its OAuth module for Asana.
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { anaDecides } from '../clients/person';
import { startSetting, type Setting } from '../clients/setting';
import { freePort, START_MS } from '../support/portal';
import { runSuite, sumOf } from './judge';

const SUITE_MS = 180_000;

describe('the authorization suite, on the built Gatehouse', () => {
  let setting: Setting;
  beforeAll(async () => {
    setting = await startSetting();
  }, START_MS);
  afterAll(() => setting.portal.stop());

  // A public client, as MCP's are: where the server knows `none`, the suite sends no secret even to one that has it.
  test(
    'finds nothing wrong with discovery and the code grant',
    async () => {
      const port = await freePort();
      const clientId = await register(`http://127.0.0.1:${port}/callback`);
      const person = anaDecides(setting);
      const { checks } = await runSuite(
        'conformance-modern',
        [
          ...['authorization', '--url', setting.portal.origin, '--resource', setting.url],
          ...['--port', String(port), '--client-id', clientId],
        ],
        (output) => {
          const url = /(http:\/\/localhost:\d+\/oauth\/authorize\?\S+)\s/.exec(output)?.[1];
          if (url && person.times === 0) void person.open(url).then((back) => fetch(back));
        },
      );
      expect(sumOf(checks)).toEqual({ passed: 3, failed: 0, failures: [] });
    },
    SUITE_MS,
  );

  async function register(redirectUri: string): Promise<string> {
    const response = await fetch(`${setting.portal.origin}/oauth/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        client_name: 'Conformance',
        redirect_uris: [redirectUri],
        token_endpoint_auth_method: 'none',
      }),
    });
    expect(response.status).toBe(201);
    return ((await response.json()) as { client_id: string }).client_id;
  }
});

const BY_POST = 'Asana takes client_secret_post, so nothing else is sent';
const NO_DISCOVERY = 'Asana’s endpoints come from configuration and never from discovery (OC-08)';
const NO_SCOPES = 'Asana has no scopes to ask for';
const REGISTERED = 'an admin registers the app at Asana, by hand';

interface Scenario {
  name: string;
  /** What it finds, and why that is meant so. */
  found?: string[];
  because?: string;
}

// Every scenario of the suite but those of other grants (client credentials, ID-JAG, DPoP, workload identity) and of the endpoint
// guesses of 2025-03-26, which a configured client never makes.
const scenarios: Scenario[] = [
  ...['metadata-default', 'metadata-var1', 'metadata-var2', 'metadata-var3'].map((name) => ({ name })),
  { name: 'token-endpoint-auth-post' },
  { name: 'token-endpoint-auth-basic', found: ['token-endpoint-auth-method'], because: BY_POST },
  { name: 'token-endpoint-auth-none', found: ['token-endpoint-auth-method'], because: BY_POST },
  { name: 'pre-registration', found: ['pre-registration-auth'], because: BY_POST },
  { name: '2025-03-26-oauth-metadata-backcompat' },
  { name: 'iss-supported' },
  { name: 'iss-not-advertised' },
  { name: 'iss-wrong-issuer' },
  { name: 'iss-unexpected' },
  { name: 'iss-normalized' },
  { name: 'iss-supported-missing', found: ['sep-2468-client-reject-missing-iss'], because: NO_DISCOVERY },
  {
    name: 'metadata-issuer-mismatch',
    found: ['sep-2468-client-validate-metadata-issuer'],
    because: NO_DISCOVERY,
  },
  { name: 'resource-mismatch', found: ['resource-mismatch-rejected'], because: NO_DISCOVERY },
  { name: 'scope-omitted-when-undefined' },
  { name: 'scope-retry-limit' },
  { name: 'scope-from-www-authenticate', found: ['scope-from-www-authenticate'], because: NO_SCOPES },
  { name: 'scope-from-scopes-supported', found: ['scope-from-scopes-supported'], because: NO_SCOPES },
  {
    name: 'scope-step-up',
    found: ['scope-step-up-escalation', 'scope-step-up-initial'],
    because: NO_SCOPES,
  },
  { name: 'offline-access-scope' },
  { name: 'offline-access-not-supported' },
  { name: 'basic-cimd', found: ['cimd-client-id-used'], because: REGISTERED },
  {
    name: 'authorization-server-migration',
    found: ['sep-2352-reregister-on-as-change'],
    because: REGISTERED,
  },
];

describe('the client suite, on the OAuth module for Asana', () => {
  const loader = resolve('node_modules/tsx/dist/loader.mjs');
  const command = `${process.execPath} --import ${loader} ${resolve('tests/ecosystem/asana-oauth.ts')}`;

  const meant = ({ name, because }: Scenario) =>
    because ? `auth/${name} finds only what is meant: ${because}` : `auth/${name} finds nothing`;

  for (const scenario of scenarios)
    test(
      meant(scenario),
      async () => {
        const { name, found = [] } = scenario;
        const args = ['client', '--command', command, '--scenario', `auth/${name}`, '--timeout', '90000'];
        const { checks, output } = await runSuite('conformance-modern', args);
        const { passed, failures } = sumOf(checks);
        expect(passed, output).toBeGreaterThan(0);
        const ids = checks.filter(({ status }) => /FAILURE|WARNING/.test(status)).map(({ id }) => id);
        expect([...new Set(ids)].toSorted(), failures.join('\n')).toEqual(found);
        console.log(`auth/${name}: ${passed} passed, ${failures.length} failed or warned`);
      },
      SUITE_MS,
    );
});
