// The ways that every client goes: with an agent token, and with OAuth from nothing to the end of the grant.
import { expect } from 'vitest';
import { pool } from '@/lib/db';
import type { ClientProgram } from './client-program';
import type { Asked } from './person';
import { ANA, ANA_AT_ASANA, type Setting } from './setting';

/** What clients say of a bearer that is refused; the Inspector gives its code, and mcp-remote would sign in instead, and says that the person did not want that. */
const DEAD = /\b401\b|unauthori[sz]ed|revoked|access_denied|auth_required/i;
/** The Inspector looks a tool up in the list before it calls, and says so itself. */
const REFUSED = /Unknown tool: search_tasks|Tool 'search_tasks' not found on server/;
const BOTH = ['get_me', 'search_tasks'];

/** It lists exactly the tools of the group and calls one, which reaches Asana as Ana. */
async function listsAndCalls(setting: Setting, program: ClientProgram): Promise<void> {
  setting.portal.sandbox.log.clear();
  expect((await program.do('list')).toSorted()).toEqual(BOTH);
  expect(JSON.stringify(await program.do('call', { tool: 'get_me', args: {} }))).toContain(ANA_AT_ASANA);
  expect(setting.calledAtAsana()).toEqual(['get_me']);
}

/** A tool that it has listed and that the admin then took away is refused as unknown; no byte of it reaches Asana. */
async function isRefused(setting: Setting, program: ClientProgram): Promise<void> {
  await program.do('list');
  await setting.allow(['get_me']);
  setting.portal.sandbox.log.clear();
  expect(await failureOf(program, 'call', { tool: 'search_tasks', args: { text: 'x' } })).toMatch(REFUSED);
  expect(setting.calledAtAsana()).toEqual([]);
  await setting.allow(BOTH);
}

/** With an agent token: list, call, refused call, revoked at the next call, and back with another token. */
export async function tokenJourney(
  setting: Setting,
  program: ClientProgram,
  given: Record<string, unknown> = {},
): Promise<void> {
  const { url } = setting;
  await setting.allow(BOTH);
  const first = await setting.mint();
  await program.do('connect', { url, token: first.token, ...given });
  await listsAndCalls(setting, program);
  await isRefused(setting, program);

  await setting.revoke(first.id);
  setting.portal.sandbox.log.clear();
  expect(await failureOf(program, 'call', { tool: 'get_me', args: {} })).toMatch(DEAD);
  expect(await failureOf(program, 'connect', { url, token: first.token, ...given })).toMatch(DEAD);
  expect(setting.calledAtAsana()).toEqual([]);

  const second = await setting.mint();
  await program.do('connect', { url, token: second.token, ...given });
  await listsAndCalls(setting, program);
  await program.do('close');
  expect(program.stderr()).not.toContain('LEFT LOOPBACK');
}

/** What an action failed with. A result with `isError` counts: that is how some frameworks tell. Throws when it went well. */
export async function failureOf(
  program: ClientProgram,
  action: string,
  given: Record<string, unknown>,
): Promise<string> {
  let answer;
  try {
    answer = await program.do(action, given);
  } catch (error) {
    return (error as Error).message;
  }
  if (answer?.isError) return JSON.stringify(answer);
  throw new Error(`${action} ${JSON.stringify(given.tool ?? '')} went well: ${JSON.stringify(answer)}`);
}

/**
 * With OAuth from nothing: discovery, registration, consent, code, tokens; then list, call, refused call, refresh without the person,
 * the end of the grant, and a new consent. `end` ends the grant; `given` goes to `connect`. `person` is the program's, and allows.
 */
export async function oauthJourney(
  setting: Setting,
  program: ClientProgram,
  person: Asked,
  end: (program: ClientProgram) => Promise<void> = () => endGrants(setting),
  given: Record<string, unknown> = {},
): Promise<void> {
  const clientName = given.clientName ?? CLIENT_NAME;
  const connect = () => program.do('connect', { url: setting.url, clientName, ...given });
  await setting.allow(BOTH);
  await endGrants(setting);
  await connect();
  expect(person.times).toBe(1);
  await listsAndCalls(setting, program);
  expect(await lastCall(setting)).toMatchObject({
    member: ANA,
    tool: 'get_me',
    credential: { kind: 'oauth', name: clientName },
  });
  await isRefused(setting, program);

  await pool().query(`UPDATE oauth_tokens SET expires_at = now() WHERE kind = 'access'`);
  await listsAndCalls(setting, program);
  expect(person.times).toBe(1);

  await end(program);
  expect(await grants(setting)).toEqual([]);
  setting.portal.sandbox.log.clear();
  // Some clients ask the person within the call, some when they connect again; until she has allowed, nothing reaches Asana.
  await program.do('call', { tool: 'get_me', args: {} }).catch(() => undefined);
  await connect();
  expect(person.times).toBe(2);
  expect(person.calledAtAsana).toEqual([]);
  await listsAndCalls(setting, program);
  await program.do('close');
  expect(program.stderr()).not.toContain('LEFT LOOPBACK');
}

/** What the clients register as. */
export const CLIENT_NAME = 'Client under test';

async function grants({ ana }: Setting): Promise<{ id: string }[]> {
  return (await ana.call('GET', '/api/v1/me/grants')).body.grants;
}

/** Ana ends what she allowed. */
async function endGrants(setting: Setting): Promise<void> {
  for (const { id } of await grants(setting)) await setting.ana.call('DELETE', `/api/v1/me/grants/${id}`);
}

async function lastCall({ admin }: Setting): Promise<unknown> {
  const { body } = await admin.call('GET', '/api/v1/audit?tool=get_me');
  return body.records[0];
}
