// The verdict on one answer that went through the gate: the agent may hear one answer, to its own call, as Asana really gave it, with
// the tools that it may see. What the agent hears is read by the SDK and by readers of the judge's own.
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { HIDDEN, type Answer, type Question } from './answers';
import type { Caller } from './callers';
import { eventsOf, FRAMINGS, linesOf } from './event-readings';
import { canonical, readWhole, type Tree } from './json-readings';
import { judgeList } from './judge-requests';
import type { Exchange, HttpAnswer } from './raw-client';

const ALLOWED_HEADERS = new Set([
  ...[
    'content-type',
    'content-length',
    'transfer-encoding',
    'cache-control',
    'connection',
    'keep-alive',
    'date',
  ],
  ...['mcp-session-id', 'x-accel-buffering', 'retry-after'],
]);

/** What is wrong with what the agent heard; empty: nothing. `answer` is what Asana said, null where it was not asked. */
export async function judgeHeard(
  question: Question,
  caller: Caller,
  answer: Answer | null,
  { answers, end, strays }: Exchange & { strays: string },
): Promise<string[]> {
  if (end === 'silent') return ['no answer came, and the connection stayed open'];
  const [heard, ...more] = answers;
  if (!heard) return [];
  const findings: string[] = [];
  if (more.length > 0 || strays !== '') findings.push('more than one answer came');
  if (heard.status === 500) findings.push('something broke inside (500)');
  for (const [name, value] of heard.headers)
    if (!ALLOWED_HEADERS.has(name)) findings.push(`the answer has the header ${name}: ${value}`);
  const responses = new Set<string>();
  for (const messages of waysToHear(heard)) {
    const [first, ...others] = messages.filter(isResponse);
    if (others.length > 0) findings.push('two answers were heard');
    if (first) responses.add(canonical(first));
    for (const message of messages) findings.push(...judgeMessage(question, caller, answer, message));
  }
  if (responses.size > 1) findings.push('two readers hear two answers');
  findings.push(...(await judgeSdk(question, caller, heard, responses.size)));
  return [...new Set(findings)];
}

/** The messages that an agent hears, by every way to read them. */
function waysToHear({ headers, body }: HttpAnswer): Tree[][] {
  const text = body.toString('utf8');
  const type = headers.find(([name]) => name === 'content-type')?.[1] ?? '';
  const read = (texts: string[]) => texts.map(readWhole).filter((tree) => tree !== null);
  if (!/event-stream/i.test(type)) return [read([text])];
  return [...FRAMINGS.map((framing) => read(eventsOf(text, framing, { flush: true }))), read(linesOf(text))];
}

function at(tree: Tree | undefined, key: string): Tree | undefined {
  return tree?.kind === 'object' ? tree.members.find(([known]) => known === key)?.[1] : undefined;
}

function isResponse(message: Tree): boolean {
  return at(message, 'result') !== undefined || at(message, 'error') !== undefined;
}

function judgeMessage(question: Question, caller: Caller, answer: Answer | null, message: Tree): string[] {
  if (!isResponse(message)) return judgeNotification(question, message);
  const findings: string[] = [];
  const [id, result] = [at(message, 'id'), at(message, 'result')];
  if (!id || canonical(id) !== canonical(readWhole(question.agentId)!))
    findings.push('the answer has another id than the request');
  const text = canonical(message);
  // What Asana says to who called a tool is data; beside a list or an opening it could name what is hidden (RF-17).
  const checked = question.method === 'initialize' || (question.method === 'tools/list' && !result);
  if (checked && HIDDEN.some((name) => text.includes(name))) findings.push('the answer names a hidden tool');
  if (!result) return findings;
  if (question.method === 'tools/list') findings.push(...judgeList(caller, result));
  const said = answer && firstAnswer(question, answer);
  // A mutation can put that word into the true answer too.
  const isForeign = text.includes('FOREIGN') && !(said && canonical(said).includes('FOREIGN'));
  if (isForeign && question.method !== 'tools/call') findings.push('another call\u2019s answer was heard');
  if (!said) findings.push('a success was heard, and Asana gave no whole answer to this call');
  else if (question.method === 'tools/call' && canonical(said) !== canonical(result))
    findings.push('the result is another than Asana\u2019s');
  else if (question.method === 'tools/list') {
    const known = new Set(itemsOf(said).map((tool) => canonical(tool)));
    if (itemsOf(result).some((tool) => !known.has(canonical(tool))))
      findings.push('a listed tool is not as Asana listed it');
  }
  return findings;
}

function itemsOf(result: Tree): Tree[] {
  const tools = at(result, 'tools');
  return tools?.kind === 'array' ? tools.items : [];
}

function judgeNotification({ progressToken }: Question, message: Tree): string[] {
  const method = at(message, 'method');
  const token = at(at(message, 'params'), 'progressToken');
  if (method?.kind !== 'string' || method.text !== 'notifications/progress' || at(message, 'id'))
    return [`heard ${canonical(message).slice(0, 100)}, which is not relayed`];
  return progressToken !== undefined && token && canonical(token) === canonical(readWhole(progressToken)!)
    ? []
    : ['heard progress of something else'];
}

/** The result of the first whole answer to this call in what Asana sent, by the standard; null where there is none. */
function firstAnswer({ upstreamId }: Question, { status, headers, pieces, cut }: Answer): Tree | null {
  const value = (name: string) => headers.find(([known]) => known === name)?.[1].toLowerCase() ?? '';
  const type = value('content-type').split(';')[0]!.trim();
  if (status < 200 || status > 299 || !/^(identity)?$/.test(value('content-encoding'))) return null;
  const text = Buffer.concat(pieces).toString('utf8');
  // One byte order mark at the start is none of the text (WHATWG HTML §9.2); a second one is.
  const texts =
    type === 'text/event-stream'
      ? eventsOf(text, 'standard', { flush: !cut })
      : type === 'application/json' && !cut
        ? [text.replace(/^\ufeff/, '')]
        : [];
  for (const one of texts) {
    const tree = readWhole(one);
    if (tree?.kind !== 'object' || new Set(tree.members.map(([key]) => key)).size !== tree.members.length)
      continue;
    const [version, id, result] = [at(tree, 'jsonrpc'), at(tree, 'id'), at(tree, 'result')];
    const isOurs =
      version?.kind === 'string' && version.text === '2.0' && id?.kind === 'string' && id.text === upstreamId;
    if (isOurs && at(tree, 'method') === undefined && isResponse(tree))
      return result && at(tree, 'error') === undefined ? result : null;
  }
  return null;
}

/** What the SDK's client makes of the same bytes. */
async function judgeSdk(
  question: Question,
  caller: Caller,
  heard: HttpAnswer,
  responses: number,
): Promise<string[]> {
  const findings: string[] = [];
  const received: any[] = [];
  const headers = heard.headers.filter(([name]) => /^(content-type|mcp-session-id)$/.test(name));
  const transport = new StreamableHTTPClientTransport(new URL('http://127.0.0.1/mcp'), {
    fetch: () => Promise.resolve(new Response(new Uint8Array(heard.body), { status: heard.status, headers })),
    reconnectionOptions: {
      maxRetries: 0,
      initialReconnectionDelay: 1,
      maxReconnectionDelay: 1,
      reconnectionDelayGrowFactor: 1,
    },
  });
  transport.onmessage = (message) => received.push(message);
  transport.onerror = () => undefined;
  await transport.start();
  const request = {
    jsonrpc: '2.0' as const,
    id: JSON.parse(question.agentId) as string | number,
    method: question.method,
  };
  const failed = await transport.send(request).then(
    () => false,
    () => true,
  );
  // The stream is read on without anybody waiting for it.
  if (/event-stream/.test(headers.join())) await new Promise((resolve) => setTimeout(resolve, 5));
  await transport.close();
  const answers = received.filter((message) => 'result' in message || 'error' in message);
  if (answers.length > 1) findings.push('the SDK hears two answers');
  if (answers.length > responses) findings.push('the SDK hears an answer that nobody else hears');
  if (failed && answers.length > 0) findings.push('the SDK hears an answer with an error status');
  for (const message of received) {
    if ('method' in message && message.method !== 'notifications/progress')
      findings.push(`the SDK hears ${message.method}`);
    for (const tool of message.result?.tools ?? [])
      if (question.method === 'tools/list' && !caller.tools.has(tool?.name))
        findings.push(`the SDK hears of the tool ${tool?.name}`);
  }
  return findings;
}
