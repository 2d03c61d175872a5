// The official SDKs, v1 and v2, before the built Gatehouse: with an agent token and with OAuth from nothing.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { START_MS } from '../support/portal';
import { startProgram, type ClientProgram } from './client-program';
import { CLIENT_NAME, failureOf, oauthJourney, tokenJourney } from './journeys';
import { anaDecides, type Asked } from './person';
import { startSetting, type Setting } from './setting';

const isFull = process.env.FULL === '1';

let setting: Setting;
beforeAll(async () => {
  setting = await startSetting();
}, START_MS);
afterAll(() => setting.portal.stop());

const clients = [
  { name: 'SDK v1', path: 'clients/sdk-v1.mjs', given: {} },
  { name: 'SDK v2', path: 'clients/sdk-v2.mjs', given: {} },
];
// The framework authors' setting of the v2 SDK, which goes another way into the same gate.
if (isFull)
  clients.push({ name: 'SDK v2, probing', path: 'clients/sdk-v2.mjs', given: { era: 'auto' } as never });

describe.each(clients)('$name', ({ path, given }) => {
  async function use(
    work: (program: ClientProgram, person: Asked) => Promise<void>,
    decision: 'allow' | 'deny' = 'allow',
  ): Promise<void> {
    const person = anaDecides(setting, decision);
    const program = startProgram(path, person.open);
    await work(program, person).finally(program.stop);
  }

  test('with an agent token it lists, calls, is refused, and comes back after a revocation with another', async () => {
    expect.hasAssertions();
    await use((program) => tokenJourney(setting, program, given));
  });

  test('from nothing it discovers, registers, asks the person, refreshes, and asks again once she ended it', () =>
    use(async (program, person) => {
      await oauthJourney(setting, program, person, undefined, given);
      expect(person.authorizationUrl!.searchParams.get('resource')).toBe(setting.url);
      expect(person.authorizationUrl!.searchParams.get('code_challenge_method')).toBe('S256');
      expect(person.page).toContain(CLIENT_NAME);
      const facts = await program.do('oauth');
      expect(facts).toMatchObject({ registrations: 1, redirects: 2, tokensSaved: 3, hasRefreshToken: true });
      expect(facts.expiresIn).toBeLessThanOrEqual(3600);
    }));

  if (!isFull) return;

  test('it gives its tokens back itself, and needs the person again', async () => {
    expect.hasAssertions();
    await use((program, person) =>
      oauthJourney(setting, program, person, (ended) => ended.do('revoke'), given),
    );
  });

  test('when the person denies, it hears access_denied and gets nothing', () =>
    use(async (program) => {
      const connect = { url: setting.url, clientName: CLIENT_NAME, ...given };
      expect(await failureOf(program, 'connect', connect)).toContain('access_denied');
      expect(await program.do('oauth')).toMatchObject({ tokensSaved: 0, hasRefreshToken: false });
    }, 'deny'));
});
