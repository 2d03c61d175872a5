// DELETE of an agent: ends its session at Asana, its own and no other (MCP 2025-11-25, transports).
import type { FreshToken } from '../asana/refresh';
import { sessionGone } from './answer-failure';
import { hear, pass, type Journey } from './journey';
import { answerError, answerJson, CODES, errorText, type McpAnswer } from './respond';

/** Throws what `pass` throws. */
export async function endSession(journey: Journey, token: FreshToken): Promise<McpAnswer> {
  if (!journey.session) {
    journey.settled('ok');
    return answerError(400, null, -32000, 'Mcp-Session-Id is needed to end a session.');
  }
  const { upstreamId, protocolVersion } = journey.session;
  const upstream = await pass(journey, {
    method: 'DELETE',
    accessToken: token.accessToken,
    sessionId: upstreamId,
    protocolVersion,
  });
  const { status, body } = upstream;
  hear(journey, upstream);
  body.destroy();
  if (status === 404) return sessionGone(journey);
  const ended = status < 300 || status === 405;
  const outcome = ended ? 'ok' : status < 500 ? 'upstream_error' : 'unknown';
  journey.settled(outcome, status < 300 ? undefined : `status_${status}`);
  if (status === 405)
    return answerError(405, null, -32000, 'Asana does not let sessions be ended.', {
      headers: { allow: 'POST' },
    });
  return status < 300
    ? { status: 200, headers: {}, body: null }
    : answerJson(
        502,
        errorText(null, CODES.upstreamFailed, 'Asana did not end the session.', {
          outcome: status < 500 ? 'not_executed' : 'unknown',
        }),
      );
}
