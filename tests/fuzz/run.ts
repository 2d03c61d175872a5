// The fuzzer: throws tries at a gate until the time is over or something is found, and says what was tried and what was found.
import { answerOf, type Answer, type Question } from './answers';
import { CALLERS } from './callers';
import { judgeHeard } from './judge-answers';
import { isOwnOpening, judgeAnswers, judgeArrivals, judgeList, messageOf } from './judge-requests';
import { canonical } from './json-readings';
import { randomOf } from './random';
import type { Exchange } from './raw-client';
import { answerOpening, openSession, type Lane, type Setting } from './setting';
import { shotOf } from './shots';

export interface FuzzOptions {
  seed: number;
  /** Whichever comes first ends the run. */
  seconds?: number;
  count?: number;
  /** Only this try. */
  only?: number;
}

export interface Finding {
  number: number;
  what: string[];
  /** What was sent, and for tries about answers what Asana answered. */
  sent: Buffer;
  answered?: Buffer;
}

export const CLASSES = [
  'refused before the database',
  'denied',
  'answered here',
  'forwarded',
  'answers heard',
] as const;

export interface FuzzReport {
  tried: number;
  outcomes: Record<(typeof CLASSES)[number], number>;
  /** Answers of Asana that passed as a result. */
  passed: number;
  honest: number;
  findings: Finding[];
  seconds: number;
}

/** Tries are numbered; of each block the first are requests to the sandbox, the rest answers of another Asana. */
const BLOCK = 500;
const REQUESTS = 375;
const HONEST_EVERY = 40;
const MAX_FINDINGS = 5;

/** Runs against a setting. Ends early after a few findings. */
export async function fuzz(setting: Setting, options: FuzzOptions): Promise<FuzzReport> {
  const { seed, seconds = Infinity, count = Infinity, only } = options;
  const startedMs = performance.now();
  const report: FuzzReport = {
    ...{ tried: 0, passed: 0, honest: 0, findings: [], seconds: 0 },
    outcomes: Object.fromEntries(CLASSES.map((name) => [name, 0])) as FuzzReport['outcomes'],
  };
  const isOver = () =>
    (performance.now() - startedMs) / 1000 > seconds ||
    report.findings.length >= MAX_FINDINGS ||
    setting.unexpected.length > 0;
  const last = only === undefined ? count : only + 1;
  for (let from = only ?? 0; from < last && !isOver();) {
    const isRequests = from % BLOCK < REQUESTS;
    const to = Math.min(last, from - (from % BLOCK) + (isRequests ? REQUESTS : BLOCK));
    const numbers = numbersOf(from, to, isOver);
    setting.ask(isRequests ? 'sandbox' : 'raw');
    await (isRequests
      ? tryRequests(setting, seed, numbers, report)
      : tryAnswers(setting, seed, numbers, report));
    from = to;
  }
  const lost = [...setting.unexpected, ...(await setting.unrecorded())];
  if (lost.length > 0) report.findings.push({ number: report.tried, what: lost, sent: Buffer.alloc(0) });
  report.seconds = (performance.now() - startedMs) / 1000;
  return report;
}

interface Numbers {
  /** The next number of this kind of caller; undefined when there is none. */
  next(kind: number): number | undefined;
}

/** Hands out the numbers of a block; which caller makes a try follows from its number, so that it can be made again alone. */
function numbersOf(from: number, to: number, isOver: () => boolean): Numbers {
  const kinds = CALLERS.length;
  const at = Array.from({ length: kinds }, (_, kind) => from + ((kind - (from % kinds) + kinds) % kinds));
  return {
    next(kind) {
      const number = at[kind]!;
      if (number >= to || isOver()) return undefined;
      at[kind] = number + kinds;
      return number;
    },
  };
}

async function tryRequests(
  setting: Setting,
  seed: number,
  numbers: Numbers,
  report: FuzzReport,
): Promise<void> {
  const { lanes } = setting;
  await Promise.all(
    lanes.map(async (lane, n) => {
      const kind = CALLERS.indexOf(lane.caller);
      const foreign = lanes[(n + 1) % lanes.length]!;
      for (let number = numbers.next(kind); number !== undefined; number = numbers.next(kind)) {
        await tryRequest(setting, { lane, foreign, seed, number }, report);
        report.tried += 1;
        if (Math.floor(number / CALLERS.length) % HONEST_EVERY === 0)
          await tryHonest(setting, lane, number, report);
      }
    }),
  );
}

interface Try {
  lane: Lane;
  foreign: Lane;
  seed: number;
  number: number;
}

async function tryRequest(
  setting: Setting,
  { lane, foreign, seed, number }: Try,
  report: FuzzReport,
): Promise<void> {
  const { host } = new URL(setting.url);
  const { token, session, caller, client } = lane;
  const shot = shotOf(randomOf(seed, number), { caller, host, token, session, foreign });
  const arrivals = (lane.arrivals = []) as NonNullable<Lane['arrivals']>;
  const exchange = await client.exchange(shot.pieces, {
    expected: shot.bodies.length,
    fresh: shot.fresh,
    // A body that never ends is ended, or its caller would wait as long as the gate does.
    ...(shot.exact ? {} : { hangUpMs: 60 }),
  });
  await settle(setting, shot.exact, exchange);
  lane.arrivals = null;
  await Promise.all(arrivals.map(({ known }) => known));
  const heard = { ...exchange, strays: client.strays() };
  const what = [...judgeArrivals(lane, shot, arrivals), ...judgeAnswers(lane, shot, heard, arrivals)];
  report.outcomes[
    classOf(
      exchange,
      arrivals.some((arrival) => !isOwnOpening(arrival)),
    )
  ] += 1;
  if (shot.httpMethod === 'DELETE' && arrivals.length > 0) lane.session = await openSessionOf(setting, lane);
  if (what.length > 0) report.findings.push({ number, what, sent: Buffer.concat(shot.pieces) });
}

/** Waits for what is on its way to Asana although its agent hung up; what comes later would be taken for the next try's. */
async function settle({ gate, isDirect }: Setting, exact: boolean, { leftPort }: Exchange): Promise<void> {
  if (isDirect && leftPort !== null) await gate.quiet(leftPort);
  else if (!exact) await new Promise((resolve) => setTimeout(resolve, 25));
}

async function openSessionOf(setting: Setting, lane: Lane): Promise<string> {
  lane.arrivals = [];
  const id = await openSession(lane, setting.gate.url).catch(() => '');
  lane.arrivals = null;
  return id;
}

function classOf({ answers }: Exchange, forwarded: boolean): (typeof CLASSES)[number] {
  if (forwarded) return 'forwarded';
  const [first] = answers;
  if (!first || [401, 403, 405, 406, 408, 411, 413, 414, 415, 431].includes(first.status))
    return 'refused before the database';
  const message = messageOf(first);
  if (message === null || (message === undefined && first.status >= 400))
    return 'refused before the database';
  return message?.kind === 'object' && message.members.some(([key]) => key === 'error')
    ? 'denied'
    : 'answered here';
}

/** A call that may go must go, and must give what it gives: failing closed on everything is no safety. */
async function tryHonest(setting: Setting, lane: Lane, number: number, report: FuzzReport): Promise<void> {
  const isNobody = lane.caller.tools.size === 0;
  const message = isNobody
    ? { method: 'tools/list' }
    : { method: 'tools/call', params: { name: 'get_me', arguments: {} } };
  const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: number, ...message }));
  const head = [
    ...['POST /mcp HTTP/1.1', `Host: ${new URL(setting.url).host}`, `Authorization: Bearer ${lane.token}`],
    ...[
      'Content-Type: application/json',
      'Accept: application/json, text/event-stream',
      `Content-Length: ${body.length}`,
      '',
      '',
    ],
  ].join('\r\n');
  const sent = Buffer.concat([Buffer.from(head), body]);
  // 503 is an answer of a machine under load, and a kept connection may end between two requests: both are worth another try.
  for (let attempt = 1; ; attempt += 1) {
    lane.arrivals = [];
    const { answers, end } = await lane.client.exchange([sent], { expected: 1 });
    lane.arrivals = null;
    const answer = answers[0];
    if (attempt < 20 && (end === 'closed' || answer?.status === 503)) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      continue;
    }
    report.honest += 1;
    const tree = answer && messageOf(answer);
    const result = tree?.kind === 'object' ? tree.members.find(([key]) => key === 'result')?.[1] : undefined;
    const text = result ? canonical(result) : '';
    const isRight = isNobody
      ? result !== undefined && judgeList(lane.caller, result).length === 0
      : text.includes('email');
    if (!isRight)
      report.findings.push({
        number,
        what: [
          `an honest call was not answered as it should be: ${answer?.status} ${answer?.body.toString().slice(0, 300)}`,
        ],
        sent,
      });
    return;
  }
}

async function tryAnswers(
  setting: Setting,
  seed: number,
  numbers: Numbers,
  report: FuzzReport,
): Promise<void> {
  const { listeners, raw, url } = setting;
  const plans = new Map<string, (upstreamId: string) => Answer>();
  raw.answerAll((response, { headers, message, path }) => {
    // The gate's own session, not an agent's.
    if (message.method === 'initialize' && typeof message.id === 'number')
      return answerOpening(response, message.id);
    const plan = plans.get((headers.authorization ?? '').replace('Bearer ', ''));
    if (path !== '/v2/mcp' || !plan)
      return void setting.unexpected.push(`Asana was asked for ${path}, and nobody had asked`);
    const answer = plan(String(message.id));
    response.writeHead(answer.status, answer.headers.flat());
    void (async () => {
      for (const piece of answer.pieces) {
        response.write(piece);
        await new Promise(setImmediate);
      }
      if (answer.cut) response.destroy();
      else response.end();
    })();
  });
  await Promise.all(
    listeners.map(async (lane, n) => {
      // Every number belongs to a kind of caller; here the kinds are shared out among the listeners.
      for (let kind = n; kind < CALLERS.length; kind += listeners.length)
        for (let number = numbers.next(kind); number !== undefined; number = numbers.next(kind)) {
          await tryAnswer(setting, { lane, seed, number, plans, host: new URL(url).host }, report);
          report.tried += 1;
          raw.requests.length = 0;
        }
    }),
  );
}

interface AnswerTry {
  lane: Lane;
  seed: number;
  number: number;
  plans: Map<string, (upstreamId: string) => Answer>;
  host: string;
}

async function tryAnswer(
  setting: Setting,
  { lane, seed, number, plans, host }: AnswerTry,
  report: FuzzReport,
): Promise<void> {
  const random = randomOf(seed, number);
  const agentId = random.pick(['1', '"a"', '0', '-5', '"\\u2028"', '"1"']);
  const progressToken = random.chance(0.5) ? random.pick(['"p"', '1', '0']) : undefined;
  const method = random.pick<Question['method']>([
    'tools/list',
    'tools/list',
    'tools/list',
    'tools/call',
    'tools/call',
    'initialize',
  ]);
  const params = {
    ...(method === 'tools/call' ? { name: 'get_me', arguments: {} } : {}),
    ...(method === 'initialize'
      ? { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'fuzz', version: '1' } }
      : {}),
    ...(progressToken === undefined
      ? {}
      : { _meta: { progressToken: JSON.parse(progressToken) as unknown } }),
  };
  const body = Buffer.from(
    `{"jsonrpc":"2.0","id":${agentId},"method":"${method}","params":${JSON.stringify(params)}}`,
  );
  const head = [
    ...[
      'POST /mcp HTTP/1.1',
      `Host: ${host}`,
      `Authorization: Bearer ${lane.token}`,
      'Content-Type: application/json',
    ],
    ...['Accept: application/json, text/event-stream', `Content-Length: ${body.length}`, '', ''],
  ].join('\r\n');
  const sent = Buffer.concat([Buffer.from(head), body]);
  const given: { question?: Question; answer?: Answer; times: number } = { times: 0 };
  plans.set(lane.asanaToken, (upstreamId) => {
    given.times += 1;
    given.question = { method, upstreamId, agentId, progressToken };
    given.answer = answerOf(random, given.question);
    return given.answer;
  });
  const exchange = await lane.client.exchange([sent], { expected: 1 });
  await settle(setting, true, exchange);
  const heard = { ...exchange, strays: lane.client.strays() };
  const question = given.question ?? { method, upstreamId: '', agentId, progressToken };
  const what = await judgeHeard(question, lane.caller, given.answer ?? null, heard);
  // A circuit that is open answers without asking.
  report.outcomes[given.times === 0 ? 'answered here' : 'answers heard'] += 1;
  const [answer] = exchange.answers;
  if (answer?.status === 200 && answer.body.includes('"result"')) report.passed += 1;
  if (what.length > 0)
    report.findings.push({ number, what, sent, answered: Buffer.concat(given.answer?.pieces ?? []) });
}
