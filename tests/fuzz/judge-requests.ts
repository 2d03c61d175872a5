// The verdict on one try: what arrived at Asana is held against what its agent may do and what it really said, and every answer
// against what that agent may hear. Uses nothing of the gate's.
import { forbidden, type Caller } from './callers';
import {
  canonical,
  difference,
  readingsOf,
  readWhole,
  type Reading,
  type Readings,
  type Tree,
} from './json-readings';
import type { Exchange, HttpAnswer } from './raw-client';
import type { Shot } from './shots';

/** What the audit holds about a call in the moment the call arrived at Asana. */
export interface AuditedCall {
  memberId: string;
  decision: string;
  method: string | null;
  tool: string | null;
}

/** A request that reached Asana. */
export interface Arrival {
  httpMethod: string;
  rawHeaders: readonly string[];
  body: Buffer;
  /** Of Asana's answer; 401 and 404 say that it was not carried out. */
  status(): number | undefined;
  /** Null: there was none. Undefined for what carries no id. */
  record: AuditedCall | null | undefined;
  /** Resolves when `record` is known. */
  known: Promise<void>;
}

export interface Judged {
  caller: Caller;
  memberId: string;
  token: string;
  asanaToken: string;
  /** Secrets of others, which must not turn up anywhere. */
  secrets: readonly string[];
  /** Names of tools that this caller must not hear of unless it says them itself. */
  hidden: readonly string[];
}

/** The members of `params` that a method means something by; a forwarded message has no others. */
const MEANT: ReadonlyMap<string, readonly string[]> = new Map([
  ['tools/call', ['name', 'arguments', '_meta']],
  ['tools/list', ['cursor', '_meta']],
  ['resources/list', ['cursor', '_meta']],
  ['resources/templates/list', ['cursor', '_meta']],
  ['resources/read', ['uri', '_meta']],
  ['resources/subscribe', ['uri', '_meta']],
  ['resources/unsubscribe', ['uri', '_meta']],
  ['notifications/initialized', ['_meta']],
  ['notifications/cancelled', ['requestId', 'reason', '_meta']],
]);
const SENT_HEADERS = new Set([
  ...[
    'host',
    'connection',
    'authorization',
    'accept',
    'accept-encoding',
    'user-agent',
    'content-type',
    'content-length',
  ],
  ...['mcp-session-id', 'mcp-protocol-version'],
]);
const ANSWERED_HEADERS = new Set([
  ...[
    'content-type',
    'content-length',
    'transfer-encoding',
    'cache-control',
    'connection',
    'keep-alive',
    'date',
    'allow',
  ],
  ...['retry-after', 'www-authenticate', 'mcp-session-id', 'x-accel-buffering'],
]);

/** Whether Gatehouse sent this in its own name: the two messages that open a session. They carry nothing of an agent's. */
export function isOwnOpening({ body, httpMethod }: Pick<Arrival, 'body' | 'httpMethod'>): boolean {
  const { strict } = readingsOf(body);
  if (httpMethod !== 'POST' || !strict || strict.params.size > 0) return false;
  const isOpening =
    strict.method === '"initialize"' && !strict.id?.startsWith('"') && strict.id !== undefined;
  return isOpening || (strict.method === '"notifications/initialized"' && strict.id === undefined);
}

/** What is wrong with what arrived during a try; empty: nothing. */
export function judgeArrivals(judged: Judged, shot: Shot, arrivals: readonly Arrival[]): string[] {
  const findings: string[] = [];
  const asked = shot.bodies.map((body) => readingsOf(body));
  const answeredFor = new Map<number, number>();
  for (const arrival of arrivals) {
    findings.push(...judgeHeaders(judged, arrival));
    if (isOwnOpening(arrival)) continue;
    if (arrival.httpMethod === 'DELETE') {
      if (shot.exact && shot.httpMethod !== 'DELETE')
        findings.push('a session was ended that nobody asked to end');
      continue;
    }
    if (shot.exact) findings.push(...judgeAsking(judged, shot));
    const { strict: sent, others } = readingsOf(arrival.body);
    if (!sent) {
      findings.push('what was forwarded is not one JSON object in UTF-8');
      continue;
    }
    for (const other of others()) {
      const told = difference(sent, other, { ids: true });
      if (told) findings.push(`what was forwarded reads in two ways (${other.how}): ${told}`);
      const why = forbidden(judged.caller, other);
      if (why) findings.push(`forwarded ${why}, which this caller may not use (${other.how})`);
    }
    findings.push(...judgeRecord(judged, sent, arrival));
    if (!shot.exact) continue;
    const whys = asked.map((readings) => mismatch(readings, sent));
    const n = whys.findIndex((why, at) => why === null && !answeredFor.has(at));
    const again = whys.indexOf(null);
    if (n !== -1) {
      answeredFor.set(n, arrivals.indexOf(arrival));
      findings.push(...judgeRepeatedNames(shot, asked[n]!.strict!));
    }
    if (n === -1 && again === -1) findings.push(`forwarded what was not asked for: ${whys[0]}`);
    else if (n === -1 && ![401, 404].includes(arrivals[answeredFor.get(again)!]!.status() ?? 0))
      findings.push('forwarded twice, although the first may have been carried out');
  }
  return [...new Set(findings)];
}

/** Why a forwarded message is not what these bytes say to every reader; null where it is. */
function mismatch({ strict, others }: Readings, sent: Reading): string | null {
  if (!strict) return 'the body is not one JSON object in UTF-8';
  // A method that nobody knows here may mean anything.
  const meant = MEANT.get(JSON.parse(strict.method ?? 'null') as string);
  for (const other of others()) {
    const told = difference(strict, other, { ids: true, meant });
    if (told) return `the body reads in two ways (${other.how}): ${told}`;
  }
  if (strict.method !== sent.method) return `method ${sent.method} instead of ${strict.method}`;
  if ((strict.id === undefined) !== (sent.id === undefined))
    return 'a request became a notification, or the other way';
  const method = JSON.parse(sent.method!) as string;
  if (method === 'initialize')
    return sent.params.size > 0 ? 'an opening carries what nobody means by it' : null;
  for (const key of sent.params.keys())
    if (!MEANT.get(method)?.includes(key)) return `${key} was forwarded, which ${method} has no use for`;
  for (const key of MEANT.get(method) ?? [])
    // What is cancelled upstream has another id there; it is looked up in the audit instead.
    if (key !== 'requestId' && strict.params.get(key) !== sent.params.get(key))
      return `${key} ${sent.params.get(key)?.slice(0, 200)} instead of ${strict.params.get(key)?.slice(0, 200)}`;
  return null;
}

function judgeRecord({ memberId }: Judged, sent: Reading, { record }: Arrival): string[] {
  if (record === undefined) return sent.id === undefined ? [] : ['the id upstream is not that of a record'];
  if (record === null) return ['it reached Asana and no record of it existed'];
  const quoted = (text: string | null) => (text === null ? undefined : JSON.stringify(text));
  const tool = sent.method === '"tools/call"' ? sent.params.get('name') : undefined;
  const findings: string[] = [];
  if (record.decision !== 'allow') findings.push(`its record says ${record.decision}`);
  if (record.memberId !== memberId) findings.push('its record is another member\u2019s');
  if (quoted(record.method) !== sent.method || quoted(record.tool) !== tool)
    findings.push(`its record says ${record.method} ${record.tool}, forwarded was ${sent.method} ${tool}`);
  return findings;
}

function judgeHeaders({ token, asanaToken, secrets }: Judged, { rawHeaders, body }: Arrival): string[] {
  const findings: string[] = [];
  const names = rawHeaders.filter((_, n) => n % 2 === 0).map((name) => name.toLowerCase());
  const values = (name: string) =>
    names.flatMap((known, n) => (known === name ? [rawHeaders[2 * n + 1]!] : []));
  for (const name of names) if (!SENT_HEADERS.has(name)) findings.push(`the header ${name} went along`);
  if (new Set(names).size !== names.length) findings.push('a header went along twice');
  const [authorization, ...more] = values('authorization');
  if (authorization !== `Bearer ${asanaToken}` || more.length > 0)
    findings.push('it went with another token than the caller\u2019s own of Asana');
  const head = rawHeaders.join('\n');
  if (head.includes(token) || secrets.some((secret) => head.includes(secret) || body.includes(secret)))
    findings.push('a secret went along');
  return findings;
}

/** What in the head of an exact try forbids that anything is forwarded. */
function judgeAsking({ token }: Judged, { httpMethod, headers }: Shot): string[] {
  const all = (name: string) =>
    headers.filter(([known]) => known.toLowerCase() === name).map(([, value]) => value.trim());
  const bearers = all('authorization');
  const findings: string[] = [];
  if (httpMethod !== 'POST') findings.push(`${httpMethod} was forwarded as a message`);
  if (
    bearers.length !== 1 ||
    !new RegExp(`^bearer ${token}$`, 'i').test(bearers[0]!) ||
    !bearers[0]!.includes(token)
  )
    findings.push('forwarded for somebody who is not authenticated');
  const readable = (type: string) =>
    /^application\/json\s*(;|$)/i.test(type) &&
    [...type.matchAll(/;\s*charset\s*=\s*"?([^";\s]*)/gi)].every(([, charset]) => /^utf-8$/i.test(charset!));
  if (!all('content-type').some(readable)) findings.push('forwarded although its type is not JSON in UTF-8');
  if (all('content-encoding').some((encoding) => !/^(identity)?$/i.test(encoding)))
    findings.push('forwarded although its body is encoded');
  return findings;
}

/** What the head says about a forwarded call must be what the body says (MCP 2026-07-28). */
function judgeRepeatedNames({ headers }: Shot, { method, params }: Reading): string[] {
  const findings: string[] = [];
  const text = (value: string | undefined) =>
    value?.startsWith('"') ? (JSON.parse(value) as string) : undefined;
  for (const [name, value] of headers) {
    const said = value.replace(/^[ \t]+|[ \t]+$/g, '');
    const sentinel = /^=\?base64\?(.*)\?=$/i.exec(said)?.[1];
    const meant = sentinel === undefined ? said : Buffer.from(sentinel, 'base64').toString();
    if (/^mcp-method$/i.test(name) && said !== text(method))
      findings.push(`forwarded against Mcp-Method: ${said}`);
    if (/^mcp-name$/i.test(name) && meant !== text(params.get('name') ?? params.get('uri')))
      findings.push(`forwarded against Mcp-Name: ${meant}`);
  }
  return findings;
}

/** What is wrong with the answers to a try; empty: nothing. */
export function judgeAnswers(
  judged: Judged,
  shot: Shot,
  { answers, end, strays }: Exchange & { strays: string },
  arrivals: readonly Arrival[],
): string[] {
  const findings: string[] = [];
  if (end === 'silent') findings.push('no answer came, and the connection stayed open');
  if (shot.exact && answers.length > shot.bodies.length) findings.push('more answers than requests');
  if (shot.exact && strays !== '') findings.push('bytes came that belong to no answer');
  for (const [n, answer] of answers.entries()) {
    findings.push(...judgeAnswer(judged, shot, answer));
    const message = messageOf(answer);
    if (message === undefined) continue;
    if (message === null) {
      findings.push('an answer is not one JSON-RPC message');
      continue;
    }
    if (shot.exact && shot.bodies[n])
      findings.push(...judgeMessage(judged, shot.bodies[n]!, message, arrivals));
  }
  return [...new Set(findings)];
}

function judgeAnswer(
  { token, secrets, asanaToken, hidden }: Judged,
  shot: Shot,
  answer: HttpAnswer,
): string[] {
  const findings: string[] = [];
  const text = answer.body.toString('utf8');
  for (const [name] of answer.headers)
    if (!ANSWERED_HEADERS.has(name)) findings.push(`the answer has the header ${name}`);
  const whole = answer.headers.flat().join('\n') + text;
  if (answer.status === 500) findings.push('something broke inside (500)');
  if ([token, asanaToken, ...secrets].some((secret) => whole.includes(secret)))
    findings.push('an answer holds a secret');
  const named = hidden.filter((name) => text.includes(name));
  if (named.length === 0) return findings;
  const said = Buffer.concat([...shot.pieces, ...shot.bodies]).toString('utf8');
  const unescaped = said.replace(/\\u([0-9a-f]{4})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  for (const name of named)
    if (!said.includes(name) && !unescaped.includes(name))
      findings.push(`an answer names ${name}, which the agent did not say and may not see`);
  return findings;
}

/** The one JSON-RPC message of an answer; undefined where there is none to expect, null where it is none or several. */
export function messageOf({ status, headers, body }: HttpAnswer): Tree | undefined | null {
  const type = headers.find(([name]) => name === 'content-type')?.[1] ?? '';
  const isRpc = body.length > 0 && status !== 401;
  if (!isRpc || !/^(application\/json|text\/event-stream)/.test(type)) return undefined;
  const text = body.toString('utf8');
  if (type.startsWith('application/json')) return readWhole(text);
  const messages = text
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => readWhole(line.slice(6)))
    .filter((tree) => tree?.kind !== 'object' || !tree.members.some(([key]) => key === 'method'));
  return messages.length === 1 ? messages[0]! : null;
}

function judgeMessage(judged: Judged, body: Buffer, message: Tree, arrivals: readonly Arrival[]): string[] {
  if (message.kind !== 'object') return ['an answer is not a JSON-RPC message'];
  const member = (key: string) => message.members.find(([known]) => known === key)?.[1];
  const [id, result, error] = [member('id'), member('result'), member('error')];
  const findings: string[] = [];
  const { strict } = readingsOf(body);
  if ((result === undefined) === (error === undefined))
    findings.push('an answer has not exactly one of result and error');
  const answered = id && canonical(id);
  const isNull = answered === 'null' && error !== undefined;
  if (!isNull && answered !== strict?.id)
    findings.push(`an answer has the id ${answered} instead of ${strict?.id}`);
  if (!result) return findings;
  if (strict?.method === '"tools/list"') findings.push(...judgeList(judged.caller, result));
  else if (
    strict?.method !== '"ping"' &&
    !arrivals.some((arrival) => !isOwnOpening(arrival) || strict?.method === '"initialize"')
  )
    findings.push('a result came, and nothing was asked of Asana');
  return findings;
}

/** A list holds allowed tools only, under every reading. */
export function judgeList(caller: Caller, result: Tree): string[] {
  const tools = result.kind === 'object' ? result.members.filter(([key]) => key === 'tools') : [];
  const list = tools[0]?.[1];
  if (tools.length !== 1 || list?.kind !== 'array') return ['a list of tools is none'];
  return list.items.flatMap((tool) => {
    const names =
      tool.kind === 'object' ? tool.members.filter(([key]) => key.trim().toUpperCase() === 'NAME') : [];
    const [[key, value] = ['', undefined]] = names;
    if (names.length !== 1 || key !== 'name' || value?.kind !== 'string')
      return ['a listed tool has no one name'];
    return caller.tools.has(value.text) ? [] : [`a list shows ${value.text}`];
  });
}
