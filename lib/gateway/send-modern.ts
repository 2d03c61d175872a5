// One forward for an agent of the modern era (MCP 2026-07-28), in the era that Asana speaks; and what such a request must not say.
import { UpstreamError } from '../asana/mcp-client';
import type { FreshToken } from '../asana/refresh';
import type { OutboundAnswer } from '../http';
import { readWholeAnswer, type RpcFailure } from './asana-error';
import { MODERN_VERSION } from './era';
import type { McpRequest } from './handle-mcp';
import { paramHeaderMismatch, paramHeadersFor } from './headers-agree';
import { broughtBack } from './input-required';
import { factsOf, ownerOf, pass, type Journey } from './journey';
import { bridgedRequest, modernRequest } from './modern-request';
import { answerError, type McpAnswer } from './respond';
import { sendThroughOwnSession } from './through-own-session';
import { doubtStanding, standingOf, type Standing } from './upstream-era';

/** What is wrong with a request of the modern era beside its message; null where it may go. Keeps on the journey what goes up. */
export function modernRefused(journey: Journey): McpAnswer | null {
  return paramHeadersRefused(journey) ?? retryRefused(journey);
}

/** An `Mcp-Param-*` header that contradicts the body, by the definition that an admin reviewed (SEP-2243). */
function paramHeadersRefused(journey: Journey): McpAnswer | null {
  const { message, request, admitted, settled } = journey;
  if (message.method !== 'tools/call') return null;
  const annotated = admitted.paramHeaders ?? {};
  const suffix = paramHeaderMismatch(message, annotated, request.header);
  const sent = suffix === null ? paramHeadersFor(message, annotated, paramHeadersOf(request)) : null;
  if (sent !== null) {
    journey.paramHeaders = sent;
    return null;
  }
  settled('upstream_error', 'header_mismatch');
  const text =
    suffix === null
      ? 'The Mcp-Param headers are too many or too long.'
      : `Mcp-Param-${suffix} is missing or differs from the body.`;
  return answerError(400, message.id, -32020, text);
}

/** A retry whose state was not given for this very call (T14, F10). */
function retryRefused(journey: Journey): McpAnswer | null {
  const { message, admitted, settled } = journey;
  const brought = broughtBack({ ...ownerOf(journey), message }, admitted.families ?? []);
  if (brought !== null) {
    Object.assign(journey, brought);
    return null;
  }
  settled('upstream_error', 'request_state');
  const text =
    'requestState is not one that was given for this very call, or it is too old. Begin again without it.';
  return answerError(400, message.id, -32602, text);
}

function paramHeadersOf(request: McpRequest): ReadonlyMap<string, string> {
  return request.headersFrom?.('mcp-param-') ?? new Map<string, string>();
}

const MODERN_REFUSALS = [400, 404];

/** A request of the modern era, in the era that Asana speaks; twice where the first answer says that it speaks another by now. */
export async function sendModern(
  journey: Journey,
  token: FreshToken,
  spentMs: number,
): Promise<OutboundAnswer> {
  const first = await sendOnce(journey, token, spentMs).catch(openingRefused);
  const standing = journey.standing!;
  if (first !== null && !speaksOtherEra(first, standing, journey.refusal)) return first;
  // Such a refusal says that nothing was executed.
  doubtStanding(journey.connection.id, standing);
  const isSame = (await standingOf(factsOf(journey), token.accessToken)).era === standing.era;
  return first !== null && isSame ? first : sendOnce(journey, token, spentMs);
}

/** One forward; a short refusal is read at once, because it says which era Asana speaks. */
async function sendOnce(journey: Journey, token: FreshToken, spentMs: number): Promise<OutboundAnswer> {
  const answer = await sendInEraOf(journey, token, spentMs);
  journey.refusal = MODERN_REFUSALS.includes(answer.status) ? (await readWholeAnswer(answer)).error : null;
  return answer;
}

/** Null where our own session was not opened because Asana has none: it may speak the modern era by now. */
function openingRefused(error: unknown): null {
  if (error instanceof UpstreamError && (error.reason === 'malformed' || error.reason === 'refused'))
    return null;
  throw error;
}

function speaksOtherEra({ status }: OutboundAnswer, { era }: Standing, refusal: RpcFailure | null): boolean {
  if (!MODERN_REFUSALS.includes(status)) return false;
  const code = refusal?.code ?? 0;
  return era === 'legacy' ? code === -32020 || code === -32022 : !MODERN_CODES.includes(code);
}

/** What a server of the modern era refuses a well-formed request of ours with. */
const MODERN_CODES = [-32020, -32021, -32601, -32602, -32603];

async function sendInEraOf(journey: Journey, token: FreshToken, spentMs: number): Promise<OutboundAnswer> {
  const { message, callId, admitted, left } = journey;
  const standing = await standingOf(factsOf(journey), token.accessToken);
  journey.standing = standing;
  const { reads } = admitted;
  const base = {
    method: 'POST' as const,
    accessToken: token.accessToken,
    reads,
    spentMs,
    signal: left ?? undefined,
  };
  if (standing.era === 'legacy')
    return sendThroughOwnSession(journey, token, { ...base, body: bridgedRequest(message, callId) });
  const families = admitted.families ?? [];
  const { paramHeaders, brought: instead } = journey;
  const made = modernRequest(message, callId, { families, paramHeaders, instead });
  return pass(journey, { ...base, ...made, sessionId: null, protocolVersion: MODERN_VERSION });
}
