// An Asana that speaks the modern era of MCP only (2026-07-28): Gatehouse's own calls find that out, stand alone, and find back.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  callTool,
  listTools,
  listUpstreamTools,
  openUpstreamSession,
  UpstreamError,
  withUpstreamSession,
  type ConnectionFacts,
} from '@/lib/asana/mcp-client';
import { refusesSessions } from '@/lib/asana/modern-only';
import { whoAmI } from '@/lib/asana/who-am-i';
import { pool } from '@/lib/db';
import { setEnv } from '@/lib/env';
import type { Sandbox } from '@/lib/sandbox/start-sandbox';
import { startOddServer, type OddRequest } from './odd-server';
import * as setting from './setting';
import { addConnection, addPerson } from './setting';

let sandbox: Sandbox;
let variables: Record<string, string>;
let odd: Awaited<ReturnType<typeof startOddServer>>;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ sandbox, variables, close } = await setting.startSetting());
  odd = await startOddServer();
});
afterAll(async () => {
  await odd.close();
  await close();
});
beforeEach(() => {
  sandbox.reset();
  setEnv(variables);
  sandbox.set({ era: 'modern' });
});

async function caller() {
  const person = await addPerson(sandbox);
  const connection = await addConnection(sandbox, person);
  const facts: ConnectionFacts = {
    organizationId: person.organizationId,
    memberId: person.memberId,
    memberEmail: person.email,
    connectionId: connection.id,
    workspaceGid: setting.WORKS.gid,
  };
  return { person, connection, facts, accessToken: connection.accessToken };
}
const posts = () => sandbox.log.entries.filter(({ method, path }) => method === 'POST' && path === '/v2/mcp');
const methods = () => posts().map(({ rpc }) => rpc?.method);
const list = ({ facts, accessToken }: Awaited<ReturnType<typeof caller>>) =>
  withUpstreamSession(facts, accessToken, 'a test', listTools);

describe('where Asana speaks the modern era only', () => {
  test('tools are listed, page by page, and the era is asked for once', async () => {
    sandbox.set({ pageSize: 20, answers: 'json' });
    const who = await caller();
    expect(await list(who)).toEqual(JSON.parse(JSON.stringify(sandbox.tools)));
    expect(methods()).toEqual(['initialize', 'server/discover', 'tools/list', 'tools/list']);
    sandbox.log.clear();
    expect(await list(who)).toHaveLength(39);
    expect(methods()).toEqual(['server/discover', 'tools/list', 'tools/list']);
  });

  test('the account behind a new authorization is found before there is a connection to remember anything by', async () => {
    const { person, facts, accessToken } = await caller();
    const me = await whoAmI({ ...facts, connectionId: null }, accessToken);
    expect(me).toMatchObject({ email: person.email, workspace: { gid: setting.WORKS.gid } });
    expect(methods()).toEqual(['initialize', 'server/discover', 'tools/call']);
  });

  test('a sync through a stored connection works, with the token renewed where it was refused', async () => {
    const { person, connection } = await caller();
    const stored = {
      ...{ id: connection.id, organizationId: person.organizationId, memberId: person.memberId },
      ...{ memberEmail: person.email, workspaceGid: null },
    };
    expect(await listUpstreamTools(stored)).toHaveLength(39);
    sandbox.set({ next401: 1 });
    expect(await listUpstreamTools(stored)).toHaveLength(39);
    expect(sandbox.log.count(({ path }) => path === '/-/oauth_token')).toBe(1);
  });

  test('every request says what it is in its headers, declares nothing, and brings no session', async () => {
    const who = await caller();
    await withUpstreamSession(who.facts, who.accessToken, 'a test', (session) =>
      callTool(session, 'get_me', {}),
    );
    const [, discover, call] = posts();
    for (const { headers } of [discover!, call!]) {
      expect(headers['mcp-protocol-version']).toBe('2026-07-28');
      expect(headers['mcp-session-id']).toBeUndefined();
    }
    expect(discover!.headers['mcp-method']).toBe('server/discover');
    expect(call!.headers).toMatchObject({ 'mcp-method': 'tools/call', 'mcp-name': 'get_me' });
  });

  test('each of them is on record as Gatehouse’s own, the refused opening too', async () => {
    const who = await caller();
    await list(who);
    const { rows } = await pool().query(
      `SELECT c.method, c.credential_kind, o.outcome FROM audit_records c LEFT JOIN audit_records o ON o.call_id = c.id
       WHERE c.organization_id = $1 AND c.kind = 'call' ORDER BY c.id`,
      [who.facts.organizationId],
    );
    const own = { credential_kind: 'system' };
    expect(rows).toEqual([
      { ...own, method: 'initialize', outcome: 'upstream_error' },
      { ...own, method: 'server/discover', outcome: 'ok' },
      { ...own, method: 'tools/list', outcome: 'ok' },
    ]);
  });

  test('no session is opened for the gate, and it hears why', async () => {
    const { facts, accessToken } = await caller();
    const refused = await openUpstreamSession({ facts, accessToken, purpose: 'a test' }).catch(
      (e: unknown) => e,
    );
    expect(refusesSessions(refused)).toBe(true);
  });
});

describe('the era', () => {
  test('is found anew where Asana went back to sessions', async () => {
    const who = await caller();
    await list(who);
    sandbox.set({ era: 'legacy' });
    sandbox.log.clear();
    expect(await list(who)).toHaveLength(39);
    expect(methods().slice(0, 2)).toEqual(['server/discover', 'initialize']);
  });

  test('is legacy where Asana speaks both', async () => {
    sandbox.set({ era: 'both' });
    expect(await list(await caller())).toHaveLength(39);
    expect(methods()).toEqual(['initialize', 'notifications/initialized', 'tools/list']);
  });

  test('is not asked again where Asana refuses the token, asks for quiet, or is down', async () => {
    const who = await caller();
    await list(who);
    for (const fault of ['429', '500'] as const) {
      sandbox.log.clear();
      sandbox.set({ mcpFault: fault, faultCount: 1 });
      await expect(list(who)).rejects.toThrow(UpstreamError);
      expect(methods()).toEqual(['server/discover']);
    }
    sandbox.set({ next401: 1 });
    sandbox.log.clear();
    await expect(list(who)).rejects.toThrow('unauthorized');
    expect(methods()).toEqual(['server/discover']);
  });
});

describe('an answer of the modern era', () => {
  const answers = (result: object) => {
    setEnv({ ...variables, ASANA_MCP_URL: `${odd.origin}/mcp` });
    odd.answers(({ body }: OddRequest) => {
      const { id, method } = JSON.parse(body) as { id: number; method: string };
      if (method === 'initialize')
        return { status: 400, body: { jsonrpc: '2.0', id, error: { code: -32022, message: 'no' } } };
      const discovered = { supportedVersions: ['2026-07-28'], capabilities: {} };
      return { body: { jsonrpc: '2.0', id, result: method === 'server/discover' ? discovered : result } };
    });
  };

  test('that asks back is none: nothing was declared that could be asked for', async () => {
    answers({ resultType: 'input_required', requestState: 'x', tools: [] });
    await expect(list(await caller())).rejects.toThrow('malformed');
    answers({ resultType: 'complete', tools: [] });
    expect(await list(await caller())).toEqual([]);
  });
});
