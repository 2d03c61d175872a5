// Which connections met an Asana that speaks the modern era of MCP (2026-07-28) only. Believed for ten minutes by the process; whoever
// finds otherwise forgets it at once.
import { UpstreamError } from './mcp-post';

const TRUSTED_MS = 10 * 60_000;
const MAX_KEPT = 5_000;

const foundMs = new Map<string, number>();

/** Whether sessions are not worth trying through this connection. */
export function isModernOnly(connectionId: string, nowMs = performance.now()): boolean {
  const since = foundMs.get(connectionId);
  return since !== undefined && nowMs - since < TRUSTED_MS;
}

/** Asana refused a session and answered a request of the modern era. */
export function noteModernOnly(connectionId: string, nowMs = performance.now()): void {
  foundMs.delete(connectionId);
  foundMs.set(connectionId, nowMs);
  if (foundMs.size > MAX_KEPT) foundMs.delete(foundMs.keys().next().value!);
}

export function forgetModernOnly(connectionId: string): void {
  foundMs.delete(connectionId);
}

/** Whether an error of Asana's is one that only a server of the modern era gives (facts/mcp 1.4). */
export function isModernRefusal({ status, code }: { status?: number; code?: number }): boolean {
  return code === -32020 || code === -32021 || code === -32022 || (status === 404 && code === -32601);
}

/** Whether a session was refused as only a server does that has none. */
export function refusesSessions(error: unknown): boolean {
  if (!(error instanceof UpstreamError)) return false;
  return isModernRefusal({ status: error.detail.status, code: error.detail.rpcCode });
}
