// The circuit as a state machine and the budget of repeats: every transition, with time as a number.
import { describe, expect, test } from 'vitest';
import {
  abandoned,
  ASANA_RULES,
  CLOSED,
  CONNECTION_RULES,
  entered,
  failed,
  FIRST_PAUSE_MS,
  MAX_PAUSE_MS,
  pauseOf,
  PROBE_MS,
  type Circuit,
} from '@/lib/gateway/circuit';
import { createRepeatBudget, isPassing, REPEATS } from '@/lib/gateway/repeat-read';
import { OutboundError } from '@/lib/http';

const fail = (circuit: Circuit, nowMs: number, { connectionId = 'a', probe = null as number | null } = {}) =>
  failed(circuit, { connectionId, probe, nowMs }, CONNECTION_RULES);
const times = (count: number, from: Circuit, step: (circuit: Circuit, n: number) => Circuit) =>
  Array.from({ length: count }, (_, n) => n).reduce(step, from);
const opened = (atMs: number) => times(CONNECTION_RULES.failures, CLOSED, (circuit) => fail(circuit, atMs));

describe('a circuit', () => {
  test('opens with the last of its failures in a row, and not before', () => {
    const almost = times(CONNECTION_RULES.failures - 1, CLOSED, (circuit) => fail(circuit, 100));
    expect([almost.open, pauseOf(almost, 100)]).toEqual([null, 0]);
    const open = fail(almost, 100);
    expect(open.open).toMatchObject({ sinceMs: 100, untilMs: 100 + FIRST_PAUSE_MS });
    expect(pauseOf(open, 100)).toBe(FIRST_PAUSE_MS);
    expect(pauseOf(open, 100 + FIRST_PAUSE_MS)).toBe(0);
  });

  test('that is open lets one call through after its pause: the probe', () => {
    const atMs = FIRST_PAUSE_MS;
    const probing = entered(opened(0), atMs);
    expect(pauseOf(probing, atMs)).toBeGreaterThan(0);
    expect(pauseOf(probing, atMs + PROBE_MS - 1)).toBeGreaterThan(0);
    // A probe that hangs holds up no other for longer than this.
    expect(pauseOf(probing, atMs + PROBE_MS)).toBe(0);
  });

  test('waits twice as long after each probe that fails, and never longer than half a minute', () => {
    let circuit = opened(0);
    let nowMs = FIRST_PAUSE_MS;
    for (const pauseMs of [10_000, 20_000, MAX_PAUSE_MS, MAX_PAUSE_MS]) {
      circuit = fail(entered(circuit, nowMs), nowMs + 1, { probe: nowMs });
      expect(pauseOf(circuit, nowMs + 1)).toBe(pauseMs);
      expect(circuit.open!.sinceMs).toBe(0);
      nowMs += 1 + pauseMs;
    }
  });

  test('is not kept open by calls that began before it opened, nor by a probe that was given up', () => {
    const circuit = opened(0);
    expect(fail(circuit, 1)).toBe(circuit);
    const first = entered(circuit, 6_000);
    const second = entered(first, 6_000 + PROBE_MS);
    expect(fail(second, 30_000, { probe: 6_000 })).toBe(second);
    expect(abandoned(second, 6_000)).toBe(second);
    expect(fail(second, 30_000, { probe: 6_000 + PROBE_MS }).open!.pauseMs).toBe(2 * FIRST_PAUSE_MS);
  });

  test('whose probe told nothing lets the next call be the probe at once', () => {
    const probing = entered(opened(0), 7_000);
    expect(pauseOf(abandoned(probing, 7_000), 7_000)).toBe(0);
    expect(abandoned(CLOSED, null)).toBe(CLOSED);
  });

  test('of Asana as a whole never opens for one connection or two', () => {
    const from = (ids: string[], count: number) =>
      times(count, CLOSED, (circuit, n) =>
        failed(circuit, { connectionId: ids[n % ids.length]!, probe: null, nowMs: 0 }, ASANA_RULES),
      );
    expect(from(['a'], 1_000).open).toBeNull();
    expect(from(['a', 'b'], 1_000).open).toBeNull();
    expect(from(['a', 'b', 'c'], ASANA_RULES.failures - 1).open).toBeNull();
    expect(from(['a', 'b', 'c'], ASANA_RULES.failures).open).not.toBeNull();
    // However many connections fail, no more of them are remembered than are needed.
    expect(
      from(
        Array.from({ length: 500 }, (_, n) => `${n}`),
        500,
      ).failing.size,
    ).toBe(3);
  });
});

describe('UF-06: the budget of repeats', () => {
  test('is at most a tenth of the calls and a small burst, however many fail', () => {
    for (const calls of [0, 1, 9, 10, 1_000]) {
      const budget = createRepeatBudget(REPEATS);
      let repeats = 0;
      for (let n = 0; n < REPEATS.burst * 2; n += 1) repeats += Number(budget.spend());
      expect(repeats).toBe(REPEATS.burst);
      for (let n = 0; n < calls; n += 1) {
        budget.earn();
        repeats += Number(budget.spend());
      }
      expect(repeats).toBe(REPEATS.burst + Math.floor(calls / 10));
    }
  });

  test('does not grow beyond its burst in quiet times', () => {
    const budget = createRepeatBudget({ share: 0.1, burst: 3 });
    for (let n = 0; n < 10_000; n += 1) budget.earn();
    expect([1, 2, 3, 4].map(() => budget.spend())).toEqual([true, true, true, false]);
  });

  test('is open only to failures that leave room for hope and name no time', () => {
    const status = (code: number, headers = {}) => isPassing({ status: code, headers });
    expect([502, 503, 504].map((code) => status(code))).toEqual([true, true, true]);
    expect([200, 400, 401, 403, 404, 429, 500, 501, 505].filter((code) => status(code))).toEqual([]);
    expect(status(503, { 'retry-after': '1' })).toBe(false);
    const failure = (reason: OutboundError['reason'], sent: boolean) =>
      isPassing(new OutboundError(reason, sent));
    expect(failure('unreachable', false)).toBe(true);
    expect(failure('cut', true)).toBe(true);
    expect(failure('timeout', true)).toBe(false);
    expect(failure('too_large', true)).toBe(false);
    expect(failure('refused_url', false)).toBe(false);
    expect([undefined, null, new Error('x'), 'x'].filter(isPassing)).toEqual([]);
  });
});
