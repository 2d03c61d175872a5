// The checker finds what it is there to find: histories that are right pass, and each doctored one is named with its rule.
import { describe, expect, test } from 'vitest';
import { checkHistory } from './check-history';
import type { AuditRow, Call, Change, History } from './history';

const T0 = Date.UTC(2026, 10, 21);
const GROUP = 'sales';

const row = (given: Partial<AuditRow> & Pick<AuditRow, 'id' | 'kind'>): AuditRow => ({
  ...{ atMs: T0, callId: null, method: null, tool: null, argumentsHash: null, credentialId: null },
  ...{ decision: null, reason: null, outcome: null, action: null, target: null, tools: null, version: null },
  ...given,
});

const callAt = (marker: string, atMs: number, given: Partial<Call> = {}): Call => ({
  ...{ marker, kind: 'write', tool: 'create_tasks', argumentsHash: `hash ${marker}`, bearer: 'token' },
  ...{ group: GROUP, process: 0, invokedMs: atMs, endedMs: atMs + 50, heard: { is: 'ok' } },
  ...given,
});

const change = (atMs: number, tools: string[], given: Partial<Change> = {}): Change => ({
  ...{ kind: 'tools', target: GROUP, tools, process: 0, invokedMs: atMs, settledMs: atMs + 20, result: 'ok' },
  ...given,
});

const OPEN = ['create_tasks', 'search_tasks'];
const CLOSED = ['search_tasks'];

/** A second of a good life: a write, a read, a policy that closes and opens, a denied write between, and a refusal. */
function goodHistory(): History {
  const calls = [
    callAt('one', T0 + 100),
    callAt('two', T0 + 150, { kind: 'read', tool: 'search_tasks' }),
    callAt('three', T0 + 400, { heard: { is: 'denied' } }),
    callAt('four', T0 + 450, { heard: { is: 'refused', status: 503, outcome: 'not_sent' } }),
    callAt('five', T0 + 800, { heard: { is: 'refused', status: 502, outcome: 'unknown' } }),
  ];
  const record = (n: number, decision: 'allow' | 'deny', reason: string | null = null) => {
    const { argumentsHash, tool, invokedMs } = calls[n]!;
    const facts = { id: `record ${n}`, method: 'tools/call', tool, argumentsHash, decision, reason };
    return row({ ...facts, kind: 'call', atMs: invokedMs + 5 });
  };
  const outcome = (n: number, is: string) =>
    row({ id: `outcome ${n}`, kind: 'outcome', callId: `record ${n}`, outcome: is });
  const event = (n: number, tools: string[]) =>
    row({
      ...{ id: `event ${n}`, kind: 'event', action: 'group.updated', target: `group:${GROUP}` },
      ...{ tools, version: n },
    });
  const arrival = (n: number, status: number | null) => {
    const { marker, tool, invokedMs } = calls[n]!;
    return { atMs: invokedMs + 10, method: 'tools/call', id: `record ${n}`, tool, marker, status };
  };
  const audit = [
    ...[record(0, 'allow'), record(1, 'allow'), record(2, 'deny', 'not_in_group'), record(4, 'allow')],
    ...[outcome(0, 'ok'), outcome(1, 'ok'), outcome(4, 'unknown')],
    ...[event(2, CLOSED), event(3, OPEN)],
    row({ id: 'opening', kind: 'call', method: 'initialize', decision: 'allow', atMs: T0 + 101 }),
    row({ id: 'revoked', kind: 'event', action: 'agent_token.revoked', target: 'agent_token:old' }),
  ];
  const life = {
    process: 0,
    readyMs: T0,
    endedMs: T0 + 5_000,
    end: 'stopped',
    said: '',
    rssMib: 200,
  } as const;
  return {
    calls,
    changes: [
      change(T0 + 300, CLOSED),
      change(T0 + 600, OPEN),
      change(T0 + 200, [], { kind: 'revoke', target: 'old' }),
    ],
    arrivals: [
      { ...arrival(0, 200), method: 'initialize', id: null, tool: null, marker: null },
      ...[arrival(0, 200), arrival(1, 200), arrival(4, null)],
    ],
    tasks: { one: 1, five: 1 },
    audit,
    lives: [life],
    faults: [{ name: 'without database', process: null, fromMs: T0 + 440, toMs: T0 + 1_000 }],
    probes: [
      { process: 0, startedMs: T0 + 445, endedMs: T0 + 460, status: 503, load: 1 },
      { process: 0, startedMs: T0 + 1_020, endedMs: T0 + 1_030, status: 200, load: 1 },
    ],
    stalls: [],
    chain: { ok: true, records: audit.length, linked: audit.length, caughtUpMs: 400 },
    shownWithoutOutcome: {},
    groups: { [GROUP]: { tools: OPEN, version: 3 } },
    tokens: ['token'],
    lostConnections: 0,
  };
}

const without = <T>(entries: T[], match: (entry: T) => boolean): T[] => {
  const kept = entries.filter((entry) => !match(entry));
  if (kept.length === entries.length) throw new Error('there is nothing to take out');
  return kept;
};

/** The rules that a history breaks after this was done to it. */
function broken(doctor: (history: History) => void): string[] {
  const history = structuredClone(goodHistory());
  doctor(history);
  return [...new Set(checkHistory(history).map(({ rule }) => rule))];
}

/** A lost row takes its link along, so that only the loss itself is left to be seen. */
const lose = (history: History, id: string) => {
  history.audit = without(history.audit, (entry) => entry.id === id);
  history.chain.linked -= 1;
};
const callOf = (history: History, marker: string) => history.calls.find((call) => call.marker === marker)!;
const rowOf = (history: History, id: string) => history.audit.find((entry) => entry.id === id)!;

describe('the history checker', () => {
  test('finds nothing in a history that is right', () => {
    expect(checkHistory(goodHistory())).toEqual([]);
  });

  const DOCTORED: [name: string, rule: string, doctor: (history: History) => void][] = [
    [
      'a call at the sandbox without a record',
      'I1',
      (h) => void h.arrivals.push({ ...h.arrivals[1]!, id: 'none' }),
    ],
    ['a record later than its call', 'I1', (h) => void (rowOf(h, 'record 1').atMs = T0 + 900)],
    ['a record of another tool', 'I1', (h) => void (rowOf(h, 'record 1').tool = 'get_me')],
    ['a session opened without a record', 'I1', (h) => lose(h, 'opening')],
    ['a lost record of an answered call', 'I2', (h) => lose(h, 'record 2')],
    [
      'two records of one call',
      'I2',
      (h) => {
        h.audit.push({ ...rowOf(h, 'record 2'), id: 'again' });
        h.chain.linked += 1;
      },
    ],
    ['a lost event of a change', 'I2', (h) => lose(h, 'event 2')],
    ['a change that is half applied', 'I2', (h) => void (h.groups[GROUP]!.tools = CLOSED)],
    ['a version that no event explains', 'I2', (h) => void (h.groups[GROUP]!.version = 4)],
    ['a lost event of a revocation', 'I2', (h) => lose(h, 'revoked')],
    ['a revoked token that is back', 'I2', (h) => void h.tokens.push('old')],
    ['a doubled write', 'I3', (h) => void (h.tasks.one = 2)],
    [
      'a denied call at the sandbox',
      'I4',
      (h) => void h.arrivals.push({ ...h.arrivals[1]!, id: 'record 2', marker: 'three' }),
    ],
    [
      'a call with a revoked token at the sandbox',
      'I4',
      (h) => void (callOf(h, 'one').heard = { is: 'unauthenticated' }),
    ],
    [
      'a stale allow',
      'I5',
      (h) => Object.assign(callOf(h, 'one'), { invokedMs: T0 + 400, endedMs: T0 + 450 }),
    ],
    [
      'a stale denial',
      'I5',
      (h) => Object.assign(callOf(h, 'three'), { invokedMs: T0 + 700, endedMs: T0 + 750 }),
    ],
    ['a call with a token that was revoked before', 'I5', (h) => void (callOf(h, 'three').bearer = 'old')],
    [
      'a living token that is refused',
      'I5',
      (h) => void h.calls.push(callAt('six', T0 + 700, { heard: { is: 'unauthenticated' } })),
    ],
    ['a success that never happened', 'I6', (h) => void delete h.tasks.one],
    [
      'a read that nobody executed',
      'I6',
      (h) => void (h.arrivals = without(h.arrivals, ({ marker }) => marker === 'two')),
    ],
    [
      'an executed call that is said to be unsent',
      'I6',
      (h) => void (callOf(h, 'five').heard = { is: 'refused', status: 502, outcome: 'not_sent' }),
    ],
    ['a write that was answered twice', 'I6', (h) => void h.arrivals.push(h.arrivals[1]!)],
    ['a chain that does not verify', 'I7', (h) => void (h.chain.ok = false)],
    ['a record without a link', 'I7', (h) => void (h.chain.linked -= 1)],
    ['a chain that is late', 'I7', (h) => void (h.chain.caughtUpMs = 10_001)],
    ['an intent that reads as a success', 'I7', (h) => void (h.shownWithoutOutcome.x = 'ok')],
    ['a lost outcome', 'I7', (h) => lose(h, 'outcome 0')],
    [
      'an outcome that is not what the client heard',
      'I7',
      (h) => void (rowOf(h, 'outcome 4').outcome = 'ok'),
    ],
    ['an outcome of a denied call', 'I7', (h) => void (rowOf(h, 'outcome 0').callId = 'record 2')],
    ['a refusal that takes too long', 'I8', (h) => Object.assign(h.probes[0]!, { endedMs: T0 + 2_000 })],
    ['a call served without a database', 'I8', (h) => void (h.probes[0]!.status = 200)],
    [
      'a process that comes back too late',
      'I8',
      (h) => Object.assign(h.probes[1]!, { startedMs: T0 + 4_100, endedMs: T0 + 4_110 }),
    ],
    ['a process that never comes back', 'I8', (h) => void (h.probes.length = 1)],
    ['a process that died by itself', 'I9', (h) => void (h.lives[0]!.end = 'died')],
    ['a process that grew', 'I9', (h) => void (h.lives[0]!.rssMib = 600)],
    ['a lost connection', 'I10', (h) => void (h.lostConnections = 1)],
  ];
  test.each(DOCTORED)('finds %s (%s)', (_name, rule, doctor) => {
    expect(broken(doctor)).toContain(rule);
  });

  const FORGIVEN: [name: string, doctor: (history: History) => void][] = [
    [
      'a call that met a change under way',
      (h) => Object.assign(callOf(h, 'one'), { invokedMs: T0 + 310, endedMs: T0 + 360 }),
    ],
    [
      'a call after a change whose acknowledgement was lost',
      (h) => {
        h.changes[0]!.result = 'unknown';
        Object.assign(callOf(h, 'one'), { invokedMs: T0 + 400, endedMs: T0 + 450 });
        rowOf(h, 'record 0').atMs = T0 + 402;
        for (const arrival of h.arrivals.slice(0, 2)) arrival.atMs = T0 + 405;
      },
    ],
    [
      'an outcome that a kill took along',
      (h) => {
        lose(h, 'outcome 0');
        h.lives[0]!.end = 'killed';
        h.shownWithoutOutcome['record 0'] = 'unknown';
      },
    ],
    [
      'a record of a call that was refused while the database was going',
      (h) => {
        const { argumentsHash, tool } = Object.assign(callOf(h, 'four'), { tool: 'search_tasks' });
        const facts = { id: 'intent', method: 'tools/call', tool, argumentsHash, decision: 'allow' } as const;
        h.audit.push(row({ ...facts, kind: 'call' }));
        h.chain.linked += 1;
      },
    ],
    [
      'a slow refusal on a machine that stood still',
      (h) => {
        h.probes[0]!.endedMs = T0 + 2_400;
        h.stalls.push({ fromMs: T0 + 500, toMs: T0 + 1_500 });
      },
    ],
    [
      'a process that was told to end before it had to serve again, and takes its time',
      (h) => {
        h.faults.push({ name: 'stopping', process: 0, fromMs: T0 + 1_100, toMs: T0 + 9_000 });
        Object.assign(h.probes[1]!, { startedMs: T0 + 12_000, endedMs: T0 + 12_010 });
      },
    ],
  ];
  test.each(FORGIVEN)('lets pass %s', (_name, doctor) => {
    expect(broken(doctor)).toEqual([]);
  });
});
