// No decision is older than what was acknowledged before the call: policy flips and revocations in a row, each asked about at once at
// another process. FULL=1: ten thousand of each over eight processes.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pool, transaction } from '@/lib/db';
import { changeGroups } from '@/lib/people/change-groups';
import { revokeAgentToken } from '@/lib/tokens/agent-tokens';
import { hashToken, mintToken } from '@/lib/tokens/token-format';
import { startProcess, type GateProcess } from '../support/gate-fork';
import {
  callOf,
  makeGroup,
  makeMember,
  makeOrganization,
  mint,
  post,
  startGate,
  until,
  type Gate,
  type TestMember,
  type TestOrganization,
} from '../support/gate';

const isFull = process.env.FULL === '1';
const PROCESSES = isFull ? 8 : 3;
const FLIPS = isFull ? 10_000 : 100;
const REVOCATIONS = isFull ? 10_000 : 100;
/** People whose policy changes at the same time; each waits for nobody but himself. */
const PEOPLE = 8;
const PATIENCE_MS = 900_000;

let gate: Gate;
let organization: TestOrganization;
let processes: GateProcess[];
let people: { member: TestMember; token: string; slug: string; version: number }[];

beforeAll(async () => {
  gate = await startGate({ chain: false });
  processes = await Promise.all(Array.from({ length: PROCESSES }, startProcess));
  organization = await makeOrganization(gate, 'Acme');
  people = [];
  for (let n = 0; n < PEOPLE; n += 1) {
    // Without a connection an allowed call is answered with the link: the decision alone is what takes time.
    const member = await makeMember(gate, organization, `p${n}@acme.example`);
    const { slug, version } = await makeGroup(organization, `Group ${n}`, ['get_me'], [member]);
    people.push({ member, token: (await mint(member)).token, slug, version });
  }
  // A process's first call opens its connections.
  for (const at of processes) await until(async () => (await decisionAt(at, people[0]!.token)) === 'allowed');
}, 120_000);
afterAll(async () => {
  for (const { child } of processes) child.kill('SIGKILL');
  await gate.stop();
});

/** What a process says of `get_me`; one that is too busy to say anything is asked again. */
async function decisionAt(
  at: { url: string },
  token: string,
): Promise<'allowed' | 'denied' | 'unauthenticated'> {
  for (;;) {
    const { status, body } = await post(at, token, callOf('get_me'));
    if (status === 401) return 'unauthenticated';
    if (status !== 503) return body.error?.code === -32602 ? 'denied' : allowed(body.result);
  }
}

function allowed(result: { content: { text: string }[] }): 'allowed' {
  expect(result.content[0]!.text).toContain('/connections');
  return 'allowed';
}

/** One process at random; every tenth time all of them. */
const asked = (n: number) =>
  n % 10 === 0 ? processes : [processes[Math.floor(Math.random() * processes.length)]!];

function report(what: string, count: number, startedMs: number, questions: number, stale: number): void {
  const seconds = (performance.now() - startedMs) / 1000;
  console.log(
    `${what}: ${count} over ${PROCESSES} processes in ${seconds.toFixed(1)} s, ${questions} questions right after the acknowledgement, ${stale} stale decisions`,
  );
}

test(
  `PB-16 PB-17: ${FLIPS} flips of a group’s tool over ${PROCESSES} processes: no decision is older than the acknowledgement`,
  { timeout: PATIENCE_MS },
  async () => {
    const startedMs = performance.now();
    const stale: string[] = [];
    let [flips, questions] = [0, 0];
    const flipAndAsk = async (person: (typeof people)[number]) => {
      for (let isOpen = true; flips < FLIPS;) {
        flips += 1;
        const n = flips;
        isOpen = !isOpen;
        const change = {
          slug: person.slug,
          version: person.version,
          [isOpen ? 'add' : 'remove']: ['get_me'],
        };
        const [group] = await transaction((tx) => changeGroups(tx, organization.actor, [change]));
        person.version = group!.version;
        for (const at of asked(n)) {
          questions += 1;
          const decision = await decisionAt(at, person.token);
          if (decision !== (isOpen ? 'allowed' : 'denied')) stale.push(`flip ${n}: ${decision}`);
        }
      }
    };
    await Promise.all(people.map(flipAndAsk));
    report('policy flips', flips, startedMs, questions, stale.length);
    expect(flips).toBe(FLIPS);
    expect(questions).toBeGreaterThanOrEqual(FLIPS);
    expect(stale).toEqual([]);
  },
);

test(
  `PB-26 R7: ${REVOCATIONS} revocations over ${PROCESSES} processes: a token that passed before is nobody’s right after`,
  { timeout: PATIENCE_MS },
  async () => {
    const { member, slug, version } = people[0]!;
    await transaction((tx) => changeGroups(tx, organization.actor, [{ slug, version, add: ['get_me'] }]));
    const tokens = Array.from({ length: REVOCATIONS }, () => ({
      id: crypto.randomUUID(),
      token: mintToken('gth'),
    }));
    await pool().query(
      `INSERT INTO agent_tokens (id, organization_id, member_id, name, token_hash, last4, tools)
       SELECT id, $3, $4, 'agent', hash, 'last', '{}' FROM unnest($1::uuid[], $2::bytea[]) AS t(id, hash)`,
      [tokens.map(({ id }) => id), tokens.map(({ token }) => hashToken(token)), organization.id, member.id],
    );
    const startedMs = performance.now();
    const stale: string[] = [];
    let questions = 0;
    const rest = tokens.entries();
    const revokeAndAsk = async () => {
      for (const [n, { id, token }] of rest) {
        expect(await decisionAt(asked(1)[0]!, token)).toBe('allowed');
        await transaction((tx) => revokeAgentToken(tx, { ...organization.actor, memberId: member.id }, id));
        for (const at of asked(n)) {
          questions += 1;
          const decision = await decisionAt(at, token);
          if (decision !== 'unauthenticated') stale.push(`revocation ${n}: ${decision}`);
        }
      }
    };
    await Promise.all(Array.from({ length: PEOPLE }, revokeAndAsk));
    report('revocations', REVOCATIONS, startedMs, questions, stale.length);
    expect(questions).toBeGreaterThanOrEqual(REVOCATIONS);
    expect(stale).toEqual([]);
  },
);
