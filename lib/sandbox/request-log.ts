// Every request that reached the sandbox, as raw as Node gives it: the ground truth of "not a byte went to Asana".
// Header values stay in memory (tests assert what was sent) and are never printed. Requests to /sandbox are left out.
import type { IncomingHttpHeaders } from 'node:http';

export interface LogEntry {
  /** Counts up from 1 over the life of the sandbox; clearing the log does not set it back. */
  readonly n: number;
  /** When the request's head had arrived, in milliseconds since 1970. */
  readonly at: number;
  readonly method: string;
  /** Path and query as received. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  /** The body as UTF-8, at most its first 64 KiB; `bodyBytes` is the full length. */
  body: string;
  bodyBytes: number;
  /** Of a POST to the MCP endpoint: its method and tool, or those of every message of a batch. */
  rpc?: Rpc;
  /** E-mail of the person whose token or code came with the request, where it is one of ours. */
  user?: string;
  /** Status of the answer; absent while there is none, and for good when the connection was dropped. */
  status?: number;
  /** The other side closed the connection before the answer was complete. */
  closedEarly?: true;
}
export interface Rpc {
  method: string;
  id?: unknown;
  tool?: string;
  batch?: { method: string; id?: unknown; tool?: string }[];
}

export interface RequestLog {
  /** The newest 10,000, oldest first. */
  readonly entries: readonly LogEntry[];
  clear(): void;
  count(matches: (entry: LogEntry) => boolean): number;
  /** Entries with a number above `n`, oldest first. */
  since(n: number): LogEntry[];
}
/** For judges that need more than the log keeps. */
export type Heard = (entry: LogEntry, body: Buffer) => void;
export interface WritableLog extends RequestLog {
  add(request: Pick<LogEntry, 'method' | 'path' | 'headers' | 'rawHeaders'>): LogEntry;
  keepBody(entry: LogEntry, body: Buffer): void;
}

const MAX_ENTRIES = 10_000;
const MAX_BODY_BYTES = 64 * 1024;
/** All bodies together: 10,000 large ones would not fit into a small container. */
const MAX_KEPT_CHARACTERS = 64 * 1024 * 1024;

/** `heard` gets the body of every request as bytes, whole, in the moment it is here and before it is answered. */
export function createRequestLog(heard?: Heard): WritableLog {
  const entries: LogEntry[] = [];
  let count = 0;
  let kept = 0;
  const forgetOldest = () => {
    kept -= entries.shift()!.body.length;
  };
  return {
    entries,
    add(request) {
      const entry: LogEntry = { n: ++count, at: Date.now(), ...request, body: '', bodyBytes: 0 };
      entries.push(entry);
      if (entries.length > MAX_ENTRIES) forgetOldest();
      return entry;
    },
    keepBody(entry, body) {
      entry.bodyBytes = body.length;
      entry.body = body.subarray(0, MAX_BODY_BYTES).toString('utf8');
      heard?.(entry, body);
      // The log may have been cleared while the body was on its way.
      if (entry.n < (entries[0]?.n ?? Infinity)) return;
      kept += entry.body.length;
      while (kept > MAX_KEPT_CHARACTERS && entries.length > 1) forgetOldest();
    },
    clear() {
      entries.length = 0;
      kept = 0;
    },
    count: (matches) => entries.filter(matches).length,
    since: (n) => entries.filter((entry) => entry.n > n),
  };
}
