// Which eras Asana speaks, found once for a connection and believed for ten minutes: a verdict of legacy that is never looked at again
// would hold for ever, because legacy requests keep on working (facts/mcp 1.4).
import { throttleConnection } from '../asana/mcp-post';
import { UpstreamError, type ConnectionFacts } from '../asana/mcp-client';
import { retryAfterMs } from '../asana/retry-after';
import { recordOutcomes, recordSystemCall, type Outcome } from '../audit/system-call';
import { outboundError, type OutboundAnswer } from '../http';
import { log } from '../log';
import { readWholeAnswer } from './asana-error';
import type { Capabilities } from './discover';
import { MODERN_VERSION } from './era';
import { forward } from './forward';
import { LEGACY_VERSIONS } from './initialize';
import { modernMeta } from './modern-request';
import type { Era } from '../policy/policy';
import { encodeJson, type Json } from './decode';

/** What Asana said of itself. `offered` is null where only its session tells (legacy). */
export interface Standing {
  /** The era a request of the modern era goes up in. */
  era: Era;
  offered: Capabilities | null;
}

const TRUSTED_MS = 10 * 60_000;
const MAX_KEPT = 5_000;
/** A refusal that comes again and again must not double the requests. */
const DOUBTED_AFTER_MS = 1_000;
// Asana's own advice to plugins, where it does not say how long (facts/asana 2.6).
const UNSAID_WAIT_MS = 10_000;

interface Kept {
  standing: Promise<Standing>;
  /** What was found before, for as long as Asana answers nothing else. */
  last: Standing | null;
  askedMs: number;
}

const kept = new Map<string, Kept>();

/** The connection's standing; asked of Asana where it is not known or too old (one POST on record). Throws `UpstreamError`. */
export function standingOf(
  facts: ConnectionFacts & { connectionId: string },
  accessToken: string,
  nowMs = performance.now(),
): Promise<Standing> {
  const existing = kept.get(facts.connectionId);
  if (existing && nowMs - existing.askedMs < TRUSTED_MS) return existing.standing;
  const last = existing?.last ?? null;
  const entry: Kept = { standing: probe(facts, accessToken, last), last, askedMs: nowMs };
  kept.delete(facts.connectionId);
  kept.set(facts.connectionId, entry);
  if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value!);
  entry.standing.then(
    (found) => (entry.last = found),
    () => {
      if (kept.get(facts.connectionId) === entry) kept.delete(facts.connectionId);
    },
  );
  return entry.standing;
}

/** Asana answered a request as only a server of another era does: it is asked again before the next, unless it was just now. */
export function doubtStanding(connectionId: string, found: Standing, nowMs = performance.now()): void {
  const existing = kept.get(connectionId);
  if (existing?.last === found && nowMs - existing.askedMs > DOUBTED_AFTER_MS) kept.delete(connectionId);
}

const REQUEST_ID = 'gatehouse-discover';

async function probe(
  facts: ConnectionFacts & { connectionId: string },
  accessToken: string,
  last: Standing | null,
): Promise<Standing> {
  const { organizationId } = facts;
  const method = 'server/discover';
  const callId = await recordSystemCall({ ...facts, purpose: 'which era Asana speaks', method });
  const startedMs = performance.now();
  let outcome: Outcome = 'unknown';
  try {
    const answer = await ask(accessToken);
    const { status } = answer;
    outcome = status < 300 ? 'ok' : status < 500 ? 'upstream_error' : 'unknown';
    if (status === 401) throw new UpstreamError('unauthorized', { status });
    if (status === 429) {
      const said = String(answer.headers['retry-after'] ?? '');
      const waitMs = retryAfterMs(said, Date.now()) ?? UNSAID_WAIT_MS;
      await throttleConnection(facts, waitMs);
      throw new UpstreamError('rate_limited', { status, retryAfterMs: waitMs });
    }
    // Says nothing about the era: an outage. What was found before holds on.
    if (status >= 500 && !last) throw new UpstreamError('failed', { status, mayHaveRun: false });
    return status >= 500 ? last! : verdictOf(answer);
  } catch (error) {
    if (error instanceof UpstreamError) throw error;
    const failure = outboundError(error);
    if (last) return last;
    throw new UpstreamError('failed', { mayHaveRun: false }, { cause: failure });
  } finally {
    const latencyMs = performance.now() - startedMs;
    await recordOutcomes([{ organizationId, callId, outcome, latencyMs }]).catch((error) =>
      log().warn({ err: error }, 'the outcome of a call of our own could not be recorded'),
    );
  }
}

/** The whole answer to a `server/discover` of ours. Throws `OutboundError`. */
async function ask(accessToken: string): Promise<WholeAnswer> {
  const meta = encodeJson(modernMeta(new Map<string, Json>(), []));
  const upstream = await forward({
    method: 'POST',
    body: `{"jsonrpc":"2.0","id":"${REQUEST_ID}","method":"server/discover","params":{"_meta":${meta}}}`,
    accessToken,
    sessionId: null,
    protocolVersion: MODERN_VERSION,
    headers: { 'mcp-method': 'server/discover' },
    reads: true,
  });
  return { status: upstream.status, headers: upstream.headers, ...(await readWholeAnswer(upstream)) };
}

interface WholeAnswer {
  status: number;
  headers: OutboundAnswer['headers'];
  result: Record<string, unknown> | null;
  error: { code: number; data?: unknown } | null;
}

const LEGACY: Standing = { era: 'legacy', offered: null };

/** Recognised errors of the modern era speak for it; any other refusal, and nonsense, for the older one (facts/mcp 1.4). */
function verdictOf({ status, result, error }: WholeAnswer): Standing {
  const versions =
    result?.supportedVersions ?? (error?.data as { supported?: unknown } | undefined)?.supported;
  const speaksModern = Array.isArray(versions) && versions.includes(MODERN_VERSION);
  if (status < 300 && result)
    return speaksModern ? { era: 'modern', offered: objectOf(result.capabilities) } : LEGACY;
  const speaksLegacy =
    Array.isArray(versions) && versions.some((version) => LEGACY_VERSIONS.includes(version as never));
  const isModern =
    (status === 400 && error !== null && [-32020, -32021, -32022].includes(error.code)) ||
    (status === 404 && error?.code === -32601);
  return isModern && (speaksModern || !speaksLegacy) ? { era: 'modern', offered: {} } : LEGACY;
}

function objectOf(value: unknown): Capabilities {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Capabilities) : {};
}
