// MCP's own Inspector, in its command-line form, before the built Gatehouse.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort, START_MS } from '../support/portal';
import { startProgram } from './client-program';
import { oauthJourney, tokenJourney } from './journeys';
import { anaDecides } from './person';
import { startSetting, type Setting } from './setting';

const LONG_MS = 180_000;

let setting: Setting;
beforeAll(async () => {
  setting = await startSetting();
}, START_MS);
afterAll(() => setting.portal.stop());

test(
  'with an agent token it lists, calls, is refused, and comes back after a revocation with another',
  async () => {
    expect.hasAssertions();
    const program = startProgram('clients/inspector.mjs');
    await tokenJourney(setting, program).finally(program.stop);
  },
  LONG_MS,
);

test(
  'from nothing it discovers, registers, asks the person, refreshes, and asks again once she ended it',
  async () => {
    const person = anaDecides(setting);
    const program = startProgram('clients/inspector.mjs', person.open);
    const callbackUrl = `http://127.0.0.1:${await freePort()}/oauth/callback`;
    const given = { callbackUrl, clientName: 'MCP Inspector' };
    await oauthJourney(setting, program, person, undefined, given).finally(program.stop);
    expect(person.authorizationUrl!.searchParams.get('resource')).toBe(setting.url);
  },
  LONG_MS,
);
