// What a call is to the fixture's tools, prompts and resources: the same in both eras, so that one definition serves either.

export type Json = Record<string, any>;
export type Era = 'legacy' | 'modern';
export type Level = 'debug' | 'info' | 'notice' | 'warning' | 'error' | 'critical' | 'alert' | 'emergency';
export type Change = 'tools' | 'prompts';

/** A JSON-RPC error; `status` is the HTTP status in the modern era (MCP 2026-07-28, transports). */
export class RpcError extends Error {
  constructor(
    readonly code: number,
    message: string,
    readonly data?: Json,
    readonly status = 200,
  ) {
    super(message);
  }
}

/** One thing that is asked of the client: `elicitation/create`, `sampling/createMessage` or `roots/list`. */
export interface InputRequest {
  method: string;
  params: Json;
}

export interface Call {
  era: Era;
  params: Json;
  /** What the client declared: at `initialize`, or in `_meta`. */
  capabilities: Json;
  /** Aborted when the call is cancelled: by a notification (legacy) or by a disconnect (modern). */
  signal: AbortSignal;
  /** Sends progress where the request brought a token. */
  progress(progress: number, total: number): void;
  /** Sends a log message where the client wants this level. */
  log(level: Level, text: string): void;
  /**
   * Asks the client and returns its answers by key: server requests on the call's own stream (legacy), an `input_required` result
   * that the client answers with a retry (modern). `keep` puts a `requestState` into the first round already. Throws `RpcError`.
   */
  ask(requests: Record<string, InputRequest>, options?: { keep?: boolean }): Promise<Record<string, Json>>;
  /** Tells subscribers that a list changed. */
  changed(list: Change): void;
  /** Tells subscribers that a resource changed. */
  updated(uri: string): void;
  /** Answers as an event stream even where nothing but the result is sent. */
  openStream(): void;
  /** Ends the present connection; the result waits for a GET with `Last-Event-ID` (legacy, SEP-1699). */
  closeStream(): void;
}

const CAPABILITY: Record<string, string> = {
  'elicitation/create': 'elicitation',
  'sampling/createMessage': 'sampling',
  'roots/list': 'roots',
};

/** The capabilities that these requests need and the client did not declare, as a ClientCapabilities object; null: none. */
export function missingCapabilities(requests: InputRequest[], declared: Json): Json | null {
  const missing = requests.map(({ method }) => CAPABILITY[method]!).filter((name) => !declared[name]);
  return missing.length === 0 ? null : Object.fromEntries(missing.map((name) => [name, {}]));
}

/** Throws what the era says about a capability that is needed and was not declared. */
export function requireCapabilities({ era, capabilities }: Call, requests: InputRequest[]): void {
  const missing = missingCapabilities(requests, capabilities);
  if (!missing) return;
  const names = Object.keys(missing).join(', ');
  if (era === 'modern')
    throw new RpcError(-32021, `The client declared no ${names}.`, { requiredCapabilities: missing }, 400);
  throw new RpcError(-32602, `The client declared no ${names}.`);
}
