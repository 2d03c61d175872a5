// The load generator's other work: agents that hold an event stream open, and one that sends a hostile request.
import { openClient, requestBytes, type Client } from './cheap-client';
import type { Attack } from './hostile';
import { TOOLS } from './workloads';

export interface Held {
  /** How many streams got their first event and are still open. */
  open: number;
  /** What the first that got none was answered. */
  refusal: string | null;
}

const OPENING_MS = 20_000;
const EVENT_MS = 5_000;
const AT_ONCE = 100;
const held: Client[] = [];
let refusal: string | null = null;

/** Opens streams until `total` are held, or until nothing more comes of it. */
export async function hold({
  port,
  bearers,
  total,
}: {
  port: number;
  bearers: string[];
  total: number;
}): Promise<Held> {
  const untilMs = performance.now() + OPENING_MS;
  while (held.length < total && performance.now() < untilMs) {
    const count = Math.min(AT_ONCE, total - held.length);
    const opened = await Promise.all(
      Array.from({ length: count }, (_, n) => openStream(port, bearers[(held.length + n) % bearers.length]!)),
    );
    const streams = opened.filter((client) => client !== null);
    held.push(...streams);
    if (streams.length < count) break;
  }
  return { open: held.filter(({ socket }) => !socket.destroyed).length, refusal };
}

/** Resolves with the stream once its first event is here; null where none came. */
function openStream(port: number, bearer: string): Promise<Client | null> {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: TOOLS.endless, arguments: {}, _meta: { progressToken: 1 } },
  });
  return new Promise((resolve) => {
    const refused = (why: string) => {
      refusal ??= why;
      resolve(null);
    };
    const opening = openClient({
      port,
      onAnswer: ({ status, body: said }) => refused(`${status}: ${said?.toString('utf8', 0, 300)}`),
      onEnd: () => refused('the connection was closed'),
    });
    opening.then(
      (client) => {
        const timer = setTimeout(() => {
          client.close();
          refused('no event came');
        }, EVENT_MS);
        client.socket.on('data', (bytes: Buffer) => {
          clearTimeout(timer);
          if (bytes.includes('notifications/progress')) resolve(client);
        });
        client.send(requestBytes('/mcp', bearer, body));
      },
      (error: Error) => refused(error.message),
    );
  });
}

/** Lets all streams go. */
export function release(): void {
  for (const { close } of held.splice(0)) close();
}

/** Sends one hostile request and reads the answer, if one comes; status 0 where the connection ended without. */
export async function attack({ port, bearer, body, withheld, waitMs }: Attack): Promise<{ status: number }> {
  let done: (status: number) => void = () => undefined;
  const answered = new Promise<number>((resolve) => (done = resolve));
  const client = await openClient({ port, onAnswer: ({ status }) => done(status), onEnd: () => done(0) });
  const bytes = requestBytes('/mcp', bearer, body);
  client.send(withheld > 0 ? bytes.subarray(0, -withheld) : bytes);
  const timer = setTimeout(() => done(0), waitMs);
  const status = await answered;
  clearTimeout(timer);
  client.close();
  return { status };
}
