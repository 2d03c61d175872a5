// Agent frameworks and mcp-remote before the built Gatehouse: with an agent token and with OAuth from nothing.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startProgram, type ClientProgram } from '../clients/client-program';
import { CLIENT_NAME, oauthJourney, tokenJourney } from '../clients/journeys';
import { anaDecides, type Asked } from '../clients/person';
import { startSetting, type Setting } from '../clients/setting';
import { START_MS } from '../support/portal';

let setting: Setting;
beforeAll(async () => {
  setting = await startSetting();
}, START_MS);
afterAll(() => setting.portal.stop());

const LONG_MS = 120_000;

/** What it registers as. */
const MCP_REMOTE = { clientName: 'MCP CLI Proxy' };

/** `given`: what its `connect` takes beyond the rest. */
const frameworks: { name: string; path: string; given?: object; registers?: false }[] = [
  { name: 'AI SDK', path: 'ecosystem/ai-sdk.mjs' },
  { name: 'OpenAI Agents', path: 'ecosystem/openai-agents.mjs' },
  { name: 'LangChain', path: 'ecosystem/langchain.mjs' },
  { name: 'Mastra', path: 'ecosystem/mastra.mjs', registers: false },
  { name: 'mcp-remote', path: 'ecosystem/mcp-remote.mjs', given: MCP_REMOTE },
  {
    name: 'mcp-remote, probing for the newest protocol',
    path: 'ecosystem/mcp-remote.mjs',
    given: { ...MCP_REMOTE, args: ['--protocol', 'auto'] },
  },
];

describe.each(frameworks)('$name', ({ path, given = {}, registers }) => {
  async function use(
    work: (program: ClientProgram, person: Asked) => Promise<void>,
    decision: 'allow' | 'deny' = 'allow',
  ): Promise<void> {
    const person = anaDecides(setting, decision);
    const program = startProgram(path, person.open);
    await work(program, person).finally(program.stop);
  }

  test(
    'with an agent token it lists, calls, is refused, and comes back after a revocation with another',
    async () => {
      expect.hasAssertions();
      // mcp-remote would sign in instead of a token that is dead; a person who wants that is the next test.
      await use((program) => tokenJourney(setting, program, { ...given }), 'deny');
    },
    LONG_MS,
  );

  test(
    'with OAuth it asks the person, lists, calls, is refused, refreshes, and asks again once she ended it',
    () =>
      use(async (program, person) => {
        const client = registers === false ? { clientId: await register() } : {};
        await oauthJourney(setting, program, person, undefined, { ...given, ...client });
        expect(person.authorizationUrl!.searchParams.get('resource')).toBe(setting.url);
      }),
    LONG_MS,
  );
});

/** For a client that does not register itself: its developer does, once. */
async function register(): Promise<string> {
  const response = await fetch(`${setting.portal.origin}/oauth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: CLIENT_NAME,
      redirect_uris: ['http://127.0.0.1/oauth/callback'],
      token_endpoint_auth_method: 'none',
    }),
  });
  expect(response.status).toBe(201);
  return ((await response.json()) as { client_id: string }).client_id;
}
