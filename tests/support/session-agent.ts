// An agent of the legacy era in a session of its own: reads streams event by event, answers questions, asks for the rest of a stream.
import { headersFor, openSession, post, rpc, until, type RpcAnswer } from './gate';

export interface StreamEvent {
  id: string | undefined;
  retryMs: number | undefined;
  /** Null where the event has no message. */
  message: any;
}

export interface Stream {
  status: number;
  type: string | null;
  events: StreamEvent[];
  /** Messages only. */
  messages(): any[];
  /** All that came, as it came. */
  text: string;
  isOver: boolean;
  /** The answer, where the server answered in plain JSON. */
  body: any;
  leave(): void;
}

export interface SessionAgent {
  token: string;
  /** As the agent sees it. */
  session: string;
  /** A request whose answer is read as it comes. */
  ask(method: string, params?: object, id?: unknown): Promise<Stream>;
  call(name: string, args?: object): Promise<Stream>;
  /** One request and its whole answer. */
  post(message: object, extra?: Record<string, string>): Promise<RpcAnswer>;
  /** Answers a question. */
  answer(id: unknown, result: object): Promise<RpcAnswer>;
  /** The session's stream, or the rest of one. */
  get(lastEventId?: string): Promise<Stream>;
  leaveAll(): void;
}

/** Opens a session as a client that can be asked these things. */
export async function startSessionAgent(
  gate: { url: string },
  token: string,
  capabilities: object = { elicitation: {}, sampling: {}, roots: {} },
): Promise<SessionAgent> {
  return agentIn(gate, token, await openSession(gate, token, capabilities));
}

/** The same agent in a session that is open already, perhaps at another process. */
export function agentIn(gate: { url: string }, token: string, session: string): SessionAgent {
  const headers = { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' };
  const streams: Stream[] = [];
  const send = async (init: RequestInit) => {
    const stream = await readStream(gate.url, init);
    streams.push(stream);
    return stream;
  };
  const agent: SessionAgent = {
    ...{ token, session },
    ask: (method, params = {}, id = 'mine') =>
      send({
        ...{ method: 'POST', headers: headersFor(token, headers) },
        body: JSON.stringify({ ...rpc(method, params), id }),
      }),
    call: (name, args = {}) => agent.ask('tools/call', { name, arguments: args }),
    post: (message, extra = {}) => post(gate, token, message, { ...headers, ...extra }),
    answer: (id, result) => agent.post({ jsonrpc: '2.0', id, result }),
    get: (lastEventId) =>
      send({
        headers: {
          ...{ authorization: `Bearer ${token}`, accept: 'text/event-stream', ...headers },
          ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
        },
      }),
    leaveAll() {
      for (const { leave } of streams) leave();
    },
  };
  return agent;
}

async function readStream(url: string, init: RequestInit): Promise<Stream> {
  const leaving = new AbortController();
  const response = await fetch(url, { ...init, signal: leaving.signal });
  const stream: Stream = {
    ...{ status: response.status, type: response.headers.get('content-type') },
    ...{ events: [], text: '', isOver: false, body: null },
    messages: () => stream.events.flatMap(({ message }) => (message === null ? [] : [message])),
    leave: () => leaving.abort(),
  };
  if (stream.type === 'text/event-stream') void readEvents(response, stream);
  else {
    stream.text = await response.text();
    stream.body = stream.text === '' ? null : JSON.parse(stream.text);
    stream.isOver = true;
  }
  return stream;
}

async function readEvents(response: Response, stream: Stream): Promise<void> {
  let rest = '';
  try {
    const pieces = response.body!.pipeThrough(new TextDecoderStream()) as unknown as AsyncIterable<string>;
    for await (const piece of pieces) {
      stream.text += piece;
      const whole = (rest + piece).split('\n\n');
      rest = whole.pop()!;
      for (const event of whole) {
        const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, 'm').exec(event)?.[1];
        const data = field('data');
        if (data === undefined) continue;
        const retry = field('retry');
        stream.events.push({
          id: field('id'),
          retryMs: retry === undefined ? undefined : Number(retry),
          message: data === '' ? null : JSON.parse(data),
        });
      }
    }
  } catch {
    // It was left.
  }
  stream.isOver = true;
}

/** Waits for a message of the stream with this method (or, without one, for its answer) and returns it. */
export function messageOf(stream: Stream, method?: string): Promise<any> {
  return until(() =>
    stream
      .messages()
      .find((message) => (method === undefined ? !('method' in message) : message.method === method)),
  );
}
