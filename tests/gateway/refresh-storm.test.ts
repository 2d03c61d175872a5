// The refresh storm through the gate itself: calls at every process meet one expired token, all are answered, Asana is asked once.
// FULL=1: a thousand calls at eight processes. The counts of tests/asana/refresh-storm.test.ts hold for what lies below.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pool } from '@/lib/db';
import { startAcme } from '../support/acme';
import { startProcess, type GateProcess } from '../support/gate-fork';
import { callOf, emailIn, freshMinute, mint, post, until, type Gate } from '../support/gate';

const isFull = process.env.FULL === '1';
const PROCESSES = isFull ? 8 : 3;
const CALLS = isFull ? 1_000 : 90;
/** Agents of one person: each may have fifty calls waiting for a place through the connection. */
const AGENTS = 4;

let gate: Gate;
let processes: GateProcess[];
const tokens: string[] = [];

beforeAll(async () => {
  const acme = await startAcme(['get_me'], { chain: false });
  gate = acme.gate;
  processes = await Promise.all(Array.from({ length: PROCESSES }, startProcess));
  for (let n = 0; n < AGENTS; n += 1) tokens.push((await mint(acme.ana)).token);
  // A process's first call opens its connections and its session.
  for (const at of processes)
    await until(async () => (await post(at, tokens[0]!, callOf('get_me'))).status === 200);
}, 120_000);
afterAll(async () => {
  for (const { child } of processes) child.kill('SIGKILL');
  await gate.stop();
});

/** The answer of a call; a machine too busy to record it in time says so (503, nothing sent), and is asked again. */
async function answered(at: GateProcess, token: string) {
  for (;;) {
    const answer = await post(at, token, callOf('get_me'));
    if (answer.status !== 503) return answer;
  }
}

test(
  `UF-17: ${CALLS} calls at ${PROCESSES} gates on one expired connection: one refresh, and every call is answered by Asana`,
  { timeout: 180_000 },
  async () => {
    await freshMinute();
    gate.sandbox.log.clear();
    gate.sandbox.set({ tokenFault: 'slow', slowMs: 200, tokenFaultCount: 1 });
    await pool().query(`UPDATE connections SET access_expires_at = now() - interval '1 second'`);
    const startedMs = performance.now();
    const answers = await Promise.all(
      Array.from({ length: CALLS }, (_, n) =>
        answered(processes[n % PROCESSES]!, tokens[Math.floor(n / PROCESSES) % AGENTS]!),
      ),
    );
    const refreshes = gate.sandbox.log.count(({ path }) => path === '/-/oauth_token');
    const statuses = answers.map(({ status }) => status);
    console.log(
      `refresh storm through the gate: ${CALLS} calls at ${PROCESSES} processes in ${Math.round(performance.now() - startedMs)} ms, ${refreshes} refresh at Asana`,
    );
    expect(refreshes).toBe(1);
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
    expect(new Set(answers.map(emailIn))).toEqual(new Set(['ana@example.com']));
  },
);
