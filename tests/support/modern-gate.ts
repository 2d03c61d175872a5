// A gate before the conformance fixture in the eras a test likes, and an agent of the modern era (MCP 2026-07-28) that asks as its client
// would.
import { applyListing, updateTool } from '@/lib/catalogue/catalogue';
import { transaction } from '@/lib/db';
import { setEnv } from '@/lib/env';
import { replaceGroup } from '@/lib/people/groups';
import { METHOD_FAMILIES, type MethodFamily } from '@/lib/policy/policy';
import { startFixture, type Fixture, type FixtureOptions } from '../conformance/fixture';
import { fixtureTools } from '../conformance/fixture-tools';
import {
  makeGroup,
  makeMember,
  makeOrganization,
  mint,
  post,
  startGate,
  type Gate,
  type RpcAnswer,
  type TestMember,
  type TestOrganization,
} from './gate';

export interface ModernGate extends Gate {
  organization: TestOrganization;
  fixture: Fixture;
  /** Lets Asana be another one from now on. */
  become(era: FixtureOptions['era']): Promise<Fixture>;
  /** A member with a connection, alone in a group with these tools and families, and a token. */
  person(given?: { tools?: string[]; methods?: MethodFamily[] }): Promise<Person>;
}

export interface Person {
  member: TestMember;
  token: string;
  /** Gives the person's group other tools and families. */
  allow(tools: string[], methods?: MethodFamily[]): Promise<unknown>;
}

/** All of the fixture's tools. */
export const TOOLS = fixtureTools().map(({ name }) => name);

export async function startModernGate(era: FixtureOptions['era']): Promise<ModernGate> {
  const gate = await startGate({ chain: false });
  const fixtures: Fixture[] = [];
  const organization = await makeOrganization(gate, 'Acme');
  await transaction((tx) => applyListing(tx, organization.actor, fixtureTools()));
  // Each in a transaction of its own: all in one take longer than one may on a busy machine.
  for (const name of TOOLS)
    await transaction((tx) => updateTool(tx, organization.actor, name, { status: 'reviewed' }));
  let people = 0;
  const modern: ModernGate = {
    ...gate,
    organization,
    fixture: null as never,
    async become(other) {
      modern.fixture = await startFixture({ era: other });
      fixtures.push(modern.fixture);
      setEnv({ ASANA_MCP_URL: modern.fixture.url });
      return modern.fixture;
    },
    async person({ tools = TOOLS, methods = [...METHOD_FAMILIES] } = {}) {
      const name = `p${(people += 1)}`;
      const member = await makeMember(gate, organization, `${name}@acme.example`, {
        asana: 'ana@example.com',
      });
      const { slug } = await makeGroup(organization, name, tools, [member]);
      const allow = (names: string[], families: MethodFamily[] = []) =>
        transaction((tx) =>
          replaceGroup(
            tx,
            organization.actor,
            slug,
            { name, tools: names, members: [member.email], methods: families },
            null,
          ),
        );
      await allow(tools, methods);
      return { member, allow, token: (await mint(member)).token };
    },
    async stop() {
      await gate.stop();
      await Promise.all(fixtures.map((fixture) => fixture.close()));
    },
  };
  await modern.become(era);
  return modern;
}

export const META = 'io.modelcontextprotocol/';

/** A request of the modern era. `meta` is added to what every request has; `undefined` in it takes a member away. */
export function modernMessage(method: string, params: Record<string, unknown> = {}, meta: object = {}) {
  const _meta = {
    [`${META}protocolVersion`]: '2026-07-28',
    [`${META}clientInfo`]: { name: 'secret agent', version: '1' },
    [`${META}clientCapabilities`]: {},
    ...meta,
  };
  return { jsonrpc: '2.0', id: 'mine', method, params: { ...params, _meta } };
}

/** Headers that such a request must have. */
export function modernHeaders({ method, params }: { method: string; params: any }): Record<string, string> {
  const name = method === 'resources/read' ? params.uri : params.name;
  return {
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': method,
    ...(typeof name === 'string' ? { 'mcp-name': name } : {}),
  };
}

/** Asks the gate as an agent of the modern era. */
export function ask(
  gate: { url: string },
  token: string,
  method: string,
  params: Record<string, unknown> = {},
  more: { meta?: object; headers?: Record<string, string> } = {},
): Promise<RpcAnswer> {
  const message = modernMessage(method, params, more.meta);
  return post(gate, token, message, { ...modernHeaders(message), ...more.headers });
}

/** `_meta` of an agent that can be asked these things. */
export const able = (...names: string[]) => ({
  [`${META}clientCapabilities`]: Object.fromEntries(names.map((name) => [name, {}])),
});
