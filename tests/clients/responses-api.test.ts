// OpenAI's Responses API before the built Gatehouse: it works with an agent token, and a bare 424 over a 401 names its cause here.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pool } from '@/lib/db';
import { START_MS } from '../support/portal';
import { createResponse, type McpTool } from './responses-api';
import { ANA_AT_ASANA, startSetting, type Setting } from './setting';

let setting: Setting;
beforeAll(async () => {
  setting = await startSetting();
}, START_MS);
afterAll(() => setting.portal.stop());

const entry = (more: Partial<McpTool>): McpTool => ({
  server_label: 'Asana',
  server_url: setting.url,
  ...more,
});

describe('with an agent token', () => {
  test('as authorization or as a header it lists what the group allows, calls it, and is refused the rest', async () => {
    const { token } = await setting.mint();
    for (const given of [{ authorization: token }, { headers: { Authorization: `Bearer ${token}` } }]) {
      setting.portal.sandbox.log.clear();
      const outcome = await createResponse(entry(given), ['get_me', 'delete_task']);
      if (outcome.status !== 200) throw new Error(JSON.stringify(outcome));
      expect(outcome.tools.toSorted()).toEqual(['get_me', 'search_tasks']);
      const [allowed, refused] = outcome.calls;
      expect(JSON.stringify(allowed!.answer.result)).toContain(ANA_AT_ASANA);
      expect(refused!.answer.error).toEqual({ code: -32602, message: 'Unknown tool: delete_task' });
      expect(setting.calledAtAsana()).toEqual(['get_me']);
    }
  });

  test('a revoked and an expired one each say so, and another works', async () => {
    const [revoked, expired, living] = [await setting.mint(), await setting.mint(), await setting.mint()];
    await setting.revoke(revoked.id);
    await pool().query(`UPDATE agent_tokens SET expires_at = now() WHERE id = $1`, [expired.id]);
    expect(await causeOf({ authorization: revoked.token })).toMatch(/was revoked/);
    expect(await causeOf({ authorization: expired.token })).toMatch(/has expired/);
    expect(await createResponse(entry({ authorization: living.token }))).toMatchObject({ status: 200 });
  });
});

describe('with what people sent instead', () => {
  const HEX = '0123456789abcdef0123456789abcdef';
  const foreign: [what: string, authorization: () => string, cause: RegExp][] = [
    ['an Asana access token of the MCP server itself', () => issued().accessToken, /a token of Asana/],
    ['an Asana refresh token', () => issued().refreshToken, /a token of Asana/],
    ['a REST token of an ordinary Asana app', () => `1/1200000000000101:${HEX}`, /a token of Asana/],
    [
      'an Asana personal access token',
      () => `2/1200000000000101/1201234567890123:${HEX}`,
      /personal access token/,
    ],
    [
      'a signed token of somebody else',
      () => 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbmEifQ.c2ln',
      /signed token \(JWT\)/,
    ],
    ['an OpenAI key', () => 'sk-proj-0123456789abcdef', /not an agent token of Gatehouse/],
    ['the word Bearer twice', () => `Bearer gth_${HEX}`, /exactly one header Authorization: Bearer gth_/],
    ['an agent token that was cut off', () => 'gth_0123456789', /mistyped or cut off/],
  ];
  const issued = () => setting.portal.sandbox.issueTokens({ email: ANA_AT_ASANA });

  test.each(foreign)('%s names the mix-up', async (_what, authorization, cause) => {
    setting.portal.sandbox.log.clear();
    const given = authorization();
    const named = await causeOf({ authorization: given });
    expect(named).toMatch(cause);
    expect(named).not.toContain(given);
    expect(setting.portal.sandbox.log.entries).toEqual([]);
  });

  test('nothing at all, and an empty bearer, are told where to learn how', async () => {
    const answer = await fetch(setting.url, { method: 'POST' });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toContain('/.well-known/oauth-protected-resource/mcp"');
    expect(await createResponse(entry({}))).toMatchObject({ status: 424 });
    expect(await causeOf({ authorization: '' })).toMatch(/exactly one header/);
  });

  test('the address of Asana’s retired server answers 410 and names the one that works', async () => {
    const { token } = await setting.mint();
    const sse = `${setting.portal.origin}/sse`;
    expect(await createResponse(entry({ server_url: sse, authorization: token }))).toMatchObject({
      status: 424,
      message: "Error retrieving tool list from MCP server: 'Asana'. Http status code: 410 (Gone)",
    });
    expect(await (await fetch(sse)).text()).toContain(setting.url);
  });
});

/** What the 401 said of its cause; the 424 itself never says more than its number. */
async function causeOf(given: Partial<McpTool>): Promise<string | undefined> {
  const outcome = await createResponse(entry(given));
  expect(outcome).toMatchObject({
    status: 424,
    message: "Error retrieving tool list from MCP server: 'Asana'. Http status code: 401 (Unauthorized)",
  });
  return outcome.status === 424 ? outcome.cause : undefined;
}
