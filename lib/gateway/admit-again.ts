// A call that waited, or that was ended before it was sent, is judged again like one that comes now.
import type { Admission } from './admit';
import { QUESTIONS_REFUSED } from './argument-rules';
import { answerWithoutConnection } from './answer-locally';
import type { AdmittedCall, Journey } from './journey';
import { answerError, answerLimit, answerStopped, answerUnauthenticated, type McpAnswer } from './respond';

const READMIT_AFTER_MS = 1_000;

/** A call that waited (a refresh) is judged again before it is sent; null where it may still go. */
export async function admittedStill(journey: Journey): Promise<McpAnswer | null> {
  return performance.now() - journey.startedMs < READMIT_AFTER_MS ? null : judgedAgain(journey);
}

/** The answer to a call that may not go any more; null where it may. Throws `AdmissionUnavailable`. */
export async function judgedAgain(journey: Journey): Promise<McpAnswer | null> {
  const again: Admission = await journey.admitAgain();
  if (mayGo(again, journey.connection.id)) return null;
  const reason =
    'unauthenticated' in again ? 'revoked_meanwhile' : (again.admitted.denial ?? 'no_connection');
  journey.settled('upstream_error', reason);
  return answerRefused(again, journey);
}

/** Whether a call was admitted, and still goes through the connection that it began with. */
export function mayGo(again: Admission, connectionId: string): boolean {
  if ('unauthenticated' in again) return false;
  const { denial, rules, connection } = again.admitted;
  // Rules that were not asked refuse: a further round carries more than the arguments they would judge.
  return denial === null && rules === null && connection?.id === connectionId;
}

/** What the agent of a call hears that may not go. */
export async function answerRefused(
  again: Admission,
  { message, request, callId }: AdmittedCall,
): Promise<McpAnswer> {
  if ('unauthenticated' in again) return answerUnauthenticated('The agent token was revoked');
  const { denial, limit } = again.admitted;
  const { id, method, params, era } = message;
  if (limit) return answerLimit(id ?? null, limit);
  if (denial === 'organization_stopped') return answerStopped(id, request.method);
  if (again.admitted.rules) return answerError(200, id ?? null, -32602, QUESTIONS_REFUSED);
  if (denial === null) return answerWithoutConnection(again.admitted, message, callId);
  return method === 'tools/call'
    ? answerError(
        200,
        id ?? null,
        -32602,
        again.admitted.refusal ?? `Unknown tool: ${String(params.get('name'))}`,
      )
    : answerError(era === 'modern' ? 404 : 200, id ?? null, -32601, `Method not found: ${method}`);
}
