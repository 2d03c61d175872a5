// Many agents of two like-named organizations at once, all with the same JSON-RPC ids: nobody ever hears another's answer, and what
// is on record lies with whom it concerns.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { layChain } from '@/lib/audit/chain';
import { verifyChain } from '@/lib/audit/verify-chain';
import { transaction } from '@/lib/db';
import { replaceGroup } from '@/lib/people/groups';
import { addWorkspace, addUser, type World } from '@/lib/sandbox/world';
import {
  auditOf,
  callOf,
  emailIn,
  makeGroup,
  makeMember,
  makeOrganization,
  mint,
  openSession,
  post,
  rpc,
  startGate,
  type Gate,
  type RpcAnswer,
  type TestMember,
  type TestOrganization,
} from '../support/gate';

let gate: Gate;
interface Agent {
  token: string;
  asana: string;
  tools: string[];
  organization: TestOrganization;
  member: TestMember;
  session: Record<string, string>;
}
const agents: Agent[] = [];
const organizations: TestOrganization[] = [];
// Each sees a list of its own, so that a list that went astray shows.
const TOOLS = ['get_task', 'get_projects', 'search_tasks', 'get_users', 'get_project', 'get_my_tasks'];

beforeAll(async () => {
  gate = await startGate();
  for (const name of ['Acme', 'Acme-2']) {
    const organization = await makeOrganization(gate, name);
    organizations.push(organization);
    for (const person of ['ana', 'ben', 'cleo']) {
      const asana = `${person}@${name.toLowerCase()}.asana.example`;
      addAsanaUser(gate.sandbox.world, person, asana);
      const member = await makeMember(gate, organization, `${person}@${name.toLowerCase()}.example`, {
        asana,
      });
      const tools = ['get_me', TOOLS[agents.length]!];
      await makeGroup(organization, `Group ${person}`, tools, [member]);
      const { token } = await mint(member);
      const session = { 'mcp-session-id': await openSession(gate, token) };
      agents.push({ token, asana, tools, organization, member, session });
    }
  }
});
afterAll(() => gate.stop());
beforeEach(() => gate.sandbox.log.clear());

/** Each in a workspace of its own, so that no answer could be right for two of them. */
function addAsanaUser(world: World, name: string, email: string): void {
  const gid = String(3_000_000_000_000_000 + agents.length * 10);
  const workspace = String(3_000_000_000_000_001 + agents.length * 10);
  addWorkspace(world, { gid: workspace, name: 'Works', paid: true });
  addUser(world, { gid, name, email, workspaces: [workspace] });
}

const mixed = <T>(count: number, make: (n: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, n) => make(n)));

/** Calls of each agent that Asana answered, by e-mail of the member. */
const answered = new Map<string, number>();

/** An overloaded machine may refuse a call unsent (503); it is then asked again, as its message says. */
async function ask(
  { token, member }: Agent,
  message: object,
  headers?: Record<string, string>,
): Promise<RpcAnswer> {
  for (;;) {
    const answer = await post(gate, token, message, headers);
    if (answer.status !== 503) {
      if (answer.body.result) answered.set(member.email, (answered.get(member.email) ?? 0) + 1);
      return answer;
    }
    expect(answer.body.error?.data.outcome).toBe('not_sent');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

for (const answers of ['json', 'sse'] as const)
  test(`PP-13 F6: 260 calls at once with ids 0 and 1, answered as ${answers}, each hear their own person`, async () => {
    gate.sandbox.set({ answers });
    const count = 260;
    const heard = await mixed(count, async (n) => {
      const agent = agents[n % agents.length]!;
      const id = n % 5 === 0 ? '0' : n % 2;
      const answer = await ask(agent, { ...callOf('get_me'), id }, n % 3 ? agent.session : {});
      expect([answer.status, answer.body.id]).toEqual([200, id]);
      return emailIn(answer);
    });
    expect(heard).toEqual(heard.map((_, n) => agents[n % agents.length]!.asana));
    expect(gate.sandbox.log.count(({ rpc: sent }) => sent?.method === 'tools/call')).toBe(count);
    const ids = gate.sandbox.log.entries
      .filter(({ rpc: sent }) => sent?.tool)
      .map(({ rpc: sent }) => sent!.id);
    expect(new Set(ids).size).toBe(count);
    for (const entry of gate.sandbox.log.entries)
      if (entry.rpc?.tool) expect(agents.map(({ asana }) => asana)).toContain(entry.user);
  });

test('F6 RF-18 RF-15: lists asked for at once, and refusals, are each agent’s own', async () => {
  await mixed(120, async (n) => {
    const agent = agents[n % agents.length]!;
    const { tools, session } = agent;
    const other = agents[(n + 1) % agents.length]!.tools[1]!;
    if (n % 4 === 0) {
      const { body } = await ask(agent, { ...callOf(other), id: 0 }, session);
      expect(body).toEqual({
        jsonrpc: '2.0',
        id: 0,
        error: { code: -32602, message: `Unknown tool: ${other}` },
      });
    } else {
      const { body } = await ask(agent, { ...rpc('tools/list'), id: 0 }, n % 3 ? session : {});
      expect(body.result.tools.map(({ name }: { name: string }) => name).sort()).toEqual([...tools].sort());
    }
  });
});

test('T8: no agent can use another’s session, of its own or of the other organization', async () => {
  for (const owner of agents)
    for (const agent of agents) {
      const answer = await ask(agent, { ...callOf('get_me'), id: 0 }, owner.session);
      expect(answer.status).toBe(agent === owner ? 200 : 404);
      if (agent === owner) expect(emailIn(answer)).toBe(agent.asana);
    }
  expect(gate.upstreamCalls()).toHaveLength(agents.length);
});

test('a change in one organization is no change in the other, though everything in them has the same name', async () => {
  const [first, , , twin] = agents as [Agent, Agent, Agent, Agent];
  const content = { name: 'Group ana', tools: [] as string[], members: [first.member.email] };
  const change = (tools: string[]) =>
    transaction((tx) => replaceGroup(tx, first.organization.actor, 'group-ana', { ...content, tools }, null));
  await change([]);
  expect((await ask(first, callOf('get_me'))).body.error?.code).toBe(-32602);
  expect(emailIn(await ask(twin, callOf('get_me')))).toBe(twin.asana);
  await change(first.tools);
  expect(emailIn(await ask(first, callOf('get_me')))).toBe(first.asana);
});

test('every call is on record once, with its outcome, in the organization of its caller and in no other', async () => {
  for (const organization of organizations) {
    const theirs = agents.filter((agent) => agent.organization === organization);
    const records = await auditOf(organization, {}, 5_000);
    expect(new Set(records.map(({ member }) => member))).toEqual(
      new Set(theirs.map(({ member }) => member.email)),
    );
    expect(new Set(records.map(({ id }) => id)).size).toBe(records.length);
    for (const { member } of theirs) {
      const ok = records.filter(
        (record) =>
          record.member === member.email &&
          record.outcome === 'ok' &&
          record.credential.kind === 'agent_token',
      );
      // One more: the session that was opened at the start.
      expect([member.email, ok.length]).toEqual([member.email, answered.get(member.email)! + 1]);
    }
  }
});

test('the chain over all of it holds', async () => {
  while ((await layChain()) > 0);
  for (const { id } of organizations) expect(await verifyChain(id)).toMatchObject({ ok: true });
});
