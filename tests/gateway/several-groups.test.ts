// Who is in several groups may use what any of them grants and nothing else, however often that changes.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { transaction } from '@/lib/db';
import { setMemberGroups } from '@/lib/people/groups';
import { SEED } from '@/lib/sandbox/world-seed';
import {
  auditOf,
  callOf,
  makeGroup,
  makeMember,
  makeOrganization,
  mint,
  post,
  rpc,
  startGate,
  type OwnGate,
  type TestMember,
  type TestOrganization,
} from '../support/gate';

const GRANTS: Record<string, string[]> = {
  readers: ['get_me', 'get_task', 'search_tasks'],
  planners: ['get_projects', 'get_task', 'create_tasks'],
  cleaners: ['delete_task', 'get_me'],
};
const TOOLS = [...new Set(Object.values(GRANTS).flat())];

let gate: OwnGate;
let acme: TestOrganization;
let ana: TestMember;
let token: string;

beforeAll(async () => {
  gate = await startGate();
  acme = await makeOrganization(gate, 'Acme');
  ana = await makeMember(gate, acme, 'ana@acme.example', { asana: 'ana@example.com' });
  for (const [slug, tools] of Object.entries(GRANTS)) await makeGroup(acme, slug, tools, []);
  ({ token } = await mint(ana));
});
afterAll(() => gate.stop());

const join = (groups: string[]) => transaction((tx) => setMemberGroups(tx, acme.id, ana.id, groups));
const listed = async () =>
  (await post(gate, token, rpc('tools/list'))).body.result.tools.map(({ name }: { name: string }) => name);
const reached = () => gate.upstreamCalls().filter(({ method }) => method === 'tools/call');

/** The same sequence in every run. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ;) yield (state = (Math.imul(state, 48_271) >>> 0) % 0x7fff_ffff);
}

test('PB-15: through any row of memberships the tools are the union of the groups’, and leaving one never adds any', async () => {
  const next = numbers(20_261_121);
  let before: { groups: string[]; tools: Set<string> } = { groups: [], tools: new Set() };
  for (let n = 0; n < 24; n += 1) {
    const bits = next.next().value;
    const groups = Object.keys(GRANTS).filter((_, at) => (bits >> (at + 3)) % 2 === 1);
    await join(groups);
    const meant = TOOLS.filter((tool) => groups.some((group) => GRANTS[group]!.includes(tool)));
    const tools = new Set<string>(await listed());
    expect(
      [...tools].filter((tool) => !meant.includes(tool)),
      groups.join(),
    ).toEqual([]);
    expect(tools.size, groups.join()).toBe(meant.length);
    if (groups.every((group) => before.groups.includes(group)))
      expect([...tools].filter((tool) => !before.tools.has(tool))).toEqual([]);
    before = { groups, tools };
    const asked = TOOLS[n % TOOLS.length]!;
    gate.sandbox.log.clear();
    const answer = await post(gate, token, callOf(asked, { task_id: SEED.pressKit }));
    expect(reached().length, `${asked} of ${groups.join()}`).toBe(meant.includes(asked) ? 1 : 0);
    expect(answer.body.error?.code).toBe(meant.includes(asked) ? undefined : -32602);
  }
});

test('AU-16: a tool that is denied reads like one that does not exist, and the audit knows the difference', async () => {
  await join(['readers']);
  const answers = [];
  for (const name of ['delete_task', 'never_there']) {
    const { body } = await post(gate, token, callOf(name));
    answers.push(JSON.stringify(body.error).replaceAll(name, 'NAME'));
  }
  expect(answers[0]).toBe(answers[1]);
  const reasons = (await auditOf(acme, {}, 2)).map(({ tool, decision, reason }) => [tool, decision, reason]);
  expect(reasons).toEqual([
    ['never_there', 'deny', 'unknown_tool'],
    ['delete_task', 'deny', 'not_in_group'],
  ]);
});
