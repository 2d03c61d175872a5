// Holds what the clients saw, what reached the sandbox and what is on record against each other. Every rule names the calls that
// break it; no rule takes the gate's word for what another side can say better.
import type { AuditRow, Call, Change, Fault, History, Life } from './history';

/** A promise that was broken, and by what. */
export interface Violation {
  rule: 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'I8' | 'I9' | 'I10';
  said: string;
}

/** What each rule says, for the report. */
export const RULES: Record<Violation['rule'], string> = {
  I1: 'what reached the sandbox was admitted and on record before',
  I2: 'nothing acknowledged is lost: calls have one record, changes their event',
  I3: 'no write was executed twice',
  I4: 'what was refused never reached the sandbox',
  I5: 'no call was decided on a policy or token that was gone when it was invoked',
  I6: 'what the client heard is what happened',
  I7: 'the chain is whole and soon complete, and outcomes agree with what the clients saw',
  I8: 'without its database a process refuses within a second, and serves within two of its return',
  I9: 'no process died by itself, and none grew without bound',
  I10: 'no connection to Asana was lost',
};

/** PostgreSQL's clock and ours are one machine's; they are read at different moments of the same millisecond. */
const CLOCK_MS = 5;
const REFUSED_WITHIN_MS = 1_000;
const SERVED_WITHIN_MS = 2_000;
/** What a machine that runs all of this may add (the tests of the gate allow the same). */
const BUSY_MS = 500;
/** The run itself wants this much of each core; where more do, everything takes longer by as much. */
const OWN_LOAD = 2;
/** PostgreSQL serves a moment before we know that it does. */
const RETURN_MS = 300;
const CAUGHT_UP_WITHIN_MS = 10_000;
const RSS_MAX_MIB = 512;

interface Known extends History {
  byHash: Map<string, AuditRow[]>;
  byId: Map<string, AuditRow>;
  outcomes: Map<string, AuditRow[]>;
  callOf: Map<string, Call>;
  arrivalsOf: Map<string, History['arrivals']>;
}

/** Every violation, in the order of the rules. Pure. */
export function checkHistory(history: History): Violation[] {
  const records = history.audit.filter(({ kind }) => kind === 'call');
  const known: Known = {
    ...history,
    byHash: groupBy(records, ({ argumentsHash }) => argumentsHash),
    byId: new Map(records.map((record) => [record.id, record])),
    outcomes: groupBy(
      history.audit.filter(({ kind }) => kind === 'outcome'),
      ({ callId }) => callId,
    ),
    callOf: new Map(history.calls.map((call) => [call.argumentsHash, call])),
    arrivalsOf: groupBy(
      history.arrivals.filter(({ method }) => method === 'tools/call'),
      ({ marker }) => marker,
    ),
  };
  const rules: Record<Violation['rule'], (known: Known) => string[]> = {
    I1: admittedBefore,
    I2: nothingLost,
    I3: writtenOnce,
    I4: refusedStaysHere,
    I5: decidedOnWhatIs,
    I6: heardWhatHappened,
    I7: auditAgrees,
    I8: inTime,
    I9: processesLive,
    I10: ({ lostConnections: lost }) => (lost > 0 ? [`${lost} connections need to be made again`] : []),
  };
  return Object.entries(rules).flatMap(([rule, check]) =>
    check(known).map((said) => ({ rule: rule as Violation['rule'], said })),
  );
}

function groupBy<T>(entries: T[], key: (entry: T) => string | null): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const entry of entries) {
    const name = key(entry);
    if (name === null) continue;
    const group = groups.get(name);
    if (group) group.push(entry);
    else groups.set(name, [entry]);
  }
  return groups;
}

const time = (atMs: number) => new Date(atMs).toISOString().slice(11, 23);
const say = ({ marker, kind, bearer, process, invokedMs, endedMs, heard }: Call) =>
  `${kind} ${marker} of ${bearer.slice(0, 8)} at process ${process}, ${time(invokedMs)} to ${time(endedMs)}, heard ${JSON.stringify(heard)}`;

function admittedBefore({ arrivals, byId, audit }: Known): string[] {
  const wrong: string[] = [];
  for (const { method, id, tool, marker, atMs } of arrivals.filter((a) => a.method === 'tools/call')) {
    const record = id === null ? undefined : byId.get(id);
    const what = `${tool} ${marker} reached the sandbox at ${time(atMs)}`;
    if (!record) wrong.push(`${what} without a record (id ${id})`);
    else if (record.decision !== 'allow' || record.method !== method || record.tool !== tool)
      wrong.push(`${what} under record ${id}, which says ${record.decision} ${record.method} ${record.tool}`);
    else if (record.atMs > atMs + CLOCK_MS)
      wrong.push(`${what} before its record ${id} of ${time(record.atMs)}`);
  }
  return [...wrong, ...openingsOnRecord(arrivals, audit)];
}

/** Gatehouse's own messages carry numbers as ids: the nth that arrived needs n records from before. */
function openingsOnRecord(arrivals: History['arrivals'], audit: AuditRow[]): string[] {
  const methods = new Set(arrivals.map(({ method }) => method).filter((method) => method !== 'tools/call'));
  return [...methods].flatMap((method) => {
    const recordedMs = audit
      .filter((row) => row.kind === 'call' && row.method === method && row.decision === 'allow')
      .map(({ atMs }) => atMs)
      .toSorted((a, b) => a - b);
    const early = arrivals
      .filter((arrival) => arrival.method === method)
      .map(({ atMs }) => atMs)
      .toSorted((a, b) => a - b)
      .findIndex((atMs, n) => !(recordedMs[n]! <= atMs + CLOCK_MS));
    return early === -1 ? [] : [`${method} number ${early + 1} reached the sandbox without a record before`];
  });
}

/** Whether an answer of the gate's implies a record: junk has none, nor has what the database could not take. */
function impliesRecord({ heard }: Call): boolean {
  if (heard.is === 'ok' || heard.is === 'denied') return true;
  return heard.is === 'refused' && heard.status !== 503;
}

function nothingLost(known: Known): string[] {
  const { calls, changes, byHash, audit, groups, tokens } = known;
  const lost = calls.flatMap((call) => {
    const count = byHash.get(call.argumentsHash)?.length ?? 0;
    if (count > 1) return [`${count} records of ${say(call)}`];
    return count === 0 && impliesRecord(call) ? [`no record of ${say(call)}`] : [];
  });
  const events = groupBy(
    audit.filter(({ kind }) => kind === 'event'),
    ({ action, target }) => `${action} ${target}`,
  );
  for (const [slug, made] of groupBy(
    changes.filter(({ kind }) => kind === 'tools'),
    ({ target }) => target,
  )) {
    const written = events.get(`group.updated group:${slug}`) ?? [];
    const acknowledged = made.filter(({ result }) => result === 'ok').length;
    if (written.length < acknowledged || written.length > made.length)
      lost.push(
        `${written.length} events of group ${slug}, of ${acknowledged} acknowledged and ${made.length} tried changes`,
      );
    lost.push(...halfApplied(slug, groups[slug], written));
  }
  for (const { kind, target, result } of changes) {
    if (kind === 'tools' || target === null) continue;
    const action = kind === 'mint' ? 'minted' : 'revoked';
    const count = events.get(`agent_token.${action} agent_token:${target}`)?.length ?? 0;
    if (count > 1 || (result === 'ok' && count === 0))
      lost.push(`${count} events of token ${target}, whose change (${kind}) was ${result}`);
    if (kind === 'revoke' && count > 0 === tokens.includes(target))
      lost.push(`token ${target} is ${count > 0 ? 'there' : 'gone'} with ${count} events of its revocation`);
  }
  return lost;
}

/** A change and its event are one transaction: the last event tells what the group is, its version how many there were. */
function halfApplied(
  slug: string,
  group: History['groups'][string] | undefined,
  written: AuditRow[],
): string[] {
  const last = written.toSorted((a, b) => (a.version ?? 0) - (b.version ?? 0)).at(-1);
  if (!last) return [];
  if (!group) return [`group ${slug} is gone`];
  const same = group.version === last.version && sameTools(group.tools, last.tools ?? []);
  return same
    ? []
    : [
        `group ${slug} is ${group.tools.join(' ')} in version ${group.version}; its last event says ${last.tools?.join(' ')} in version ${last.version}`,
      ];
}

const sameTools = (a: string[], b: string[]) => a.toSorted().join() === b.toSorted().join();

function writtenOnce({ tasks, calls }: Known): string[] {
  const callOf = new Map(calls.map((call) => [call.marker, call]));
  return Object.entries(tasks)
    .filter(([, count]) => count > 1)
    .map(([marker, count]) => {
      const call = callOf.get(marker);
      return `${count} tasks of ${call ? say(call) : marker}`;
    });
}

function refusedStaysHere({ calls, arrivals, arrivalsOf, byId }: Known): string[] {
  const heard = calls
    .filter((call) => ['denied', 'unauthenticated'].includes(call.heard.is) && arrivalsOf.has(call.marker))
    .map((call) => `the sandbox has ${say(call)}`);
  const recorded = arrivals
    .filter(({ id }) => id !== null && byId.get(id)?.decision === 'deny')
    .map(({ id, marker }) => `the sandbox has ${marker}, of which record ${id} says deny`);
  return [...heard, ...recorded];
}

/** The states that a call may have met: the last that was acknowledged before it, and what was under way since. */
function statesDuring(
  changes: Change[],
  first: string,
  stateOf: (change: Change) => string,
  call: Call,
): Set<string> {
  // What becomes of a call that nobody heard of may be decided much later.
  const untilMs = call.heard.is === 'broken' ? Infinity : call.endedMs;
  let states = new Set([first]);
  for (const change of changes) {
    if (change.invokedMs > untilMs) break;
    if (change.result === 'ok' && change.settledMs < call.invokedMs) states = new Set();
    states.add(stateOf(change));
  }
  return states;
}

function decidedOnWhatIs({ calls, changes, byHash, arrivalsOf }: Known): string[] {
  const inOrder = changes.toSorted((a, b) => a.invokedMs - b.invokedMs);
  const ofTarget = groupBy(inOrder, ({ target }) => target);
  return calls.flatMap((call) => {
    const [record] = byHash.get(call.argumentsHash) ?? [];
    const allowed = call.heard.is === 'ok' || record?.decision === 'allow' || arrivalsOf.has(call.marker);
    const deniedByPolicy = record?.decision === 'deny' && record.reason === 'not_in_group';
    const tools = statesDuring(
      (ofTarget.get(call.group) ?? []).filter(({ kind }) => kind === 'tools'),
      'open',
      (change) => (change.tools.includes(call.tool) ? 'open' : 'closed'),
      call,
    );
    const token = statesDuring(
      (ofTarget.get(call.bearer) ?? []).filter(({ kind }) => kind === 'revoke'),
      'alive',
      () => 'revoked',
      call,
    );
    if (allowed && !tools.has('open')) return [`allowed against the policy: ${say(call)}`];
    if (deniedByPolicy && !tools.has('closed')) return [`denied against the policy: ${say(call)}`];
    if ((allowed || call.heard.is === 'denied') && !token.has('alive'))
      return [`accepted with a revoked token: ${say(call)}`];
    if (call.heard.is === 'unauthenticated' && !token.has('revoked'))
      return [`refused with a living token: ${say(call)}`];
    return [];
  });
}

function heardWhatHappened({ calls, tasks, arrivalsOf }: Known): string[] {
  return calls.flatMap((call) => {
    const arrived = arrivalsOf.get(call.marker) ?? [];
    const answered = arrived.filter(({ status }) => status !== null && status < 300).length;
    const executed = call.kind === 'write' ? (tasks[call.marker] ?? 0) : answered;
    const { heard } = call;
    if (heard.is === 'ok' && executed === 0) return [`never executed: ${say(call)}`];
    // A read may be repeated once (README of the gate); a write never, and more than one answer of its own is more than one try.
    if (answered > (call.kind === 'write' ? 1 : 2)) return [`answered ${answered} times: ${say(call)}`];
    const promised = heard.is === 'refused' && ['not_sent', 'not_executed'].includes(heard.outcome ?? '');
    if (promised && executed > 0) return [`executed although it was said not to be: ${say(call)}`];
    return [];
  });
}

function auditAgrees(known: Known): string[] {
  const { calls, chain, byHash, byId, outcomes, shownWithoutOutcome, audit } = known;
  const wrong: string[] = [];
  if (!chain.ok) wrong.push(`the chain does not verify: bad after ${chain.records} records`);
  if (chain.linked !== audit.length) wrong.push(`${audit.length} records, but ${chain.linked} links`);
  if (chain.caughtUpMs > CAUGHT_UP_WITHIN_MS)
    wrong.push(`the chain took ${(chain.caughtUpMs / 1000).toFixed(1)} s to catch up`);
  for (const [id, shown] of Object.entries(shownWithoutOutcome))
    if (shown !== 'unknown') wrong.push(`record ${id} has no outcome and reads ${shown}`);
  for (const [callId, written] of outcomes) {
    if (written.length > 1) wrong.push(`${written.length} outcomes of record ${callId}`);
    if (byId.get(callId)?.decision !== 'allow') wrong.push(`an outcome of ${callId}, which no record allows`);
  }
  for (const call of calls) {
    const [record] = byHash.get(call.argumentsHash) ?? [];
    if (record?.decision !== 'allow') continue;
    wrong.push(...outcomeAgrees(known, call, outcomes.get(record.id)?.[0]?.outcome ?? null));
  }
  return wrong;
}

function outcomeAgrees(known: Known, call: Call, outcome: string | null): string[] {
  const { heard } = call;
  if (heard.is === 'broken') return [];
  // An intent whose admission was given up: the database wrote it all the same, and it reads `unknown`.
  if (heard.is === 'refused' && heard.status === 503)
    return outcome === 'ok' ? [`ok on record: ${say(call)}`] : [];
  if (outcome === null)
    return diedSoonAfter(known.lives, call) ? [] : [`no outcome, though its process lived on: ${say(call)}`];
  const fits: Record<string, string[]> = {
    ok: ['ok', 'tool_error'],
    not_sent: ['upstream_error', 'tool_error'],
    not_executed: ['upstream_error', 'tool_error'],
    unknown: ['unknown'],
  };
  const said = heard.is === 'ok' ? 'ok' : heard.is === 'refused' ? heard.outcome : null;
  if (said === null || fits[said]!.includes(outcome)) return [];
  return [`outcome ${outcome}: ${say(call)}`];
}

/** Outcomes wait in memory while the database is away: only a kill may take them along. */
const diedSoonAfter = (lives: Life[], call: Call) =>
  lives.some(
    (life) =>
      life.process === call.process &&
      life.end === 'killed' &&
      life.readyMs <= call.endedMs &&
      life.endedMs >= call.invokedMs,
  );

function inTime(known: Known): string[] {
  const { faults } = known;
  const outages = faults.filter(({ name }) => name === 'without database');
  return outages.flatMap((outage) => [...refusedInTime(known, outage), ...servedInTime(known, outage)]);
}

/** How long the machine stood still within a time. */
function stalledMs({ stalls }: Known, fromMs: number, toMs: number): number {
  return stalls.reduce(
    (sum, stall) => sum + Math.max(0, Math.min(stall.toMs, toMs) - Math.max(stall.fromMs, fromMs)),
    0,
  );
}

/** Whether something else befell a process within a time, for which this promise is not made. */
function disturbed(
  known: Known,
  process: number,
  fromMs: number,
  toMs: number,
  but: Fault,
  names = ['without database', 'paused', 'starting'],
): boolean {
  return (
    known.faults.some(
      (fault) =>
        fault !== but &&
        names.includes(fault.name) &&
        (fault.process === null || fault.process === process) &&
        fault.fromMs < toMs &&
        fault.toMs > fromMs,
    ) ||
    !known.lives.some((life) => life.process === process && life.readyMs <= fromMs && life.endedMs >= toMs)
  );
}

/** How much longer than promised an answer may take on a machine as busy as this. */
const slowdown = ({ load }: { load: number }) => Math.max(1, load / OWN_LOAD);

function refusedInTime(known: Known, outage: Fault): string[] {
  return known.probes
    .filter(
      ({ process, startedMs, endedMs }) =>
        (outage.process === null || outage.process === process) &&
        startedMs >= outage.fromMs &&
        startedMs < outage.toMs &&
        !disturbed(known, process, startedMs, endedMs, outage),
    )
    .flatMap((probe) => {
      const { process, startedMs, endedMs, status } = probe;
      const tookMs = endedMs - startedMs;
      const allowedMs =
        (REFUSED_WITHIN_MS + BUSY_MS) * slowdown(probe) + stalledMs(known, startedMs, endedMs);
      // What ends after the outage may have been served after all.
      if (endedMs <= outage.toMs - RETURN_MS * slowdown(probe) && status !== 503)
        return [`process ${process} said ${status} at ${time(endedMs)} without its database`];
      return tookMs > allowedMs
        ? [
            `process ${process} took ${Math.round(tookMs)} ms to answer at ${time(startedMs)}, without its database`,
          ]
        : [];
    });
}

function servedInTime(known: Known, outage: Fault): string[] {
  const processes = new Set(known.probes.map(({ process }) => process));
  return [...processes].flatMap((process) => {
    if (outage.process !== null && outage.process !== process) return [];
    const first = known.probes.find(
      (probe) => probe.process === process && probe.status === 200 && probe.startedMs >= outage.toMs,
    );
    const servedMs = first?.endedMs ?? Infinity;
    const after = first ?? known.probes.findLast((probe) => probe.process === process)!;
    const limitMs = outage.toMs + (SERVED_WITHIN_MS + BUSY_MS) * slowdown(after);
    if (servedMs <= limitMs + stalledMs(known, outage.toMs, limitMs)) return [];
    // A process that is told to end may go on for longer than that, and serves nobody new.
    const names = ['without database', 'paused', 'starting', 'stopping'];
    if (disturbed(known, process, outage.fromMs, limitMs, outage, names)) return [];
    const tookMs = servedMs - outage.toMs;
    return [
      `process ${process} served ${Number.isFinite(tookMs) ? `${Math.round(tookMs)} ms` : 'nothing'} after its database was back at ${time(outage.toMs)}`,
    ];
  });
}

/** How long refusals and the return of service took at most, in milliseconds, of how many outages that nothing else disturbed. */
export function timesOf(history: History): { outages: number; refusedMs: number; servedMs: number } {
  const known = history as Known;
  const times = history.faults
    .filter(({ name }) => name === 'without database')
    .flatMap((outage) => {
      const { fromMs, toMs } = outage;
      return [...new Set(history.probes.map(({ process }) => process))].flatMap((process) => {
        const own = history.probes.filter((probe) => probe.process === process);
        const first = own.find(({ status, startedMs }) => status === 200 && startedMs >= toMs);
        const befell = outage.process === null || outage.process === process;
        if (!befell || !first || disturbed(known, process, fromMs, first.endedMs, outage)) return [];
        const refused = own.filter(({ startedMs }) => startedMs >= fromMs && startedMs < toMs);
        return [
          {
            servedMs: first.endedMs - toMs,
            refusedMs: Math.max(0, ...refused.map(({ startedMs, endedMs }) => endedMs - startedMs)),
          },
        ];
      });
    });
  const most = (key: 'servedMs' | 'refusedMs') => Math.round(Math.max(0, ...times.map((each) => each[key])));
  return { outages: times.length, refusedMs: most('refusedMs'), servedMs: most('servedMs') };
}

function processesLive({ lives }: Known): string[] {
  return lives.flatMap(({ process, endedMs, end, said, rssMib }) => [
    ...(end === 'died' ? [`process ${process} died at ${time(endedMs)}: ${said}`] : []),
    ...(rssMib > RSS_MAX_MIB ? [`process ${process} grew to ${Math.round(rssMib)} MiB`] : []),
  ]);
}
