// What Gatehouse answers itself when no usable Asana connection stands behind the bearer: tools never vanish because a sign-in broke.
import { db } from '../db';
import { endClaim } from '../write-safety/claims';
import type { Admitted } from './admit';
import { discovery } from './discover';
import { visibleTools } from './filter-tools';
import { LEGACY_VERSIONS, sessionOpening } from './initialize';
import { STREAM, type Message } from './message';
import { finishToolList } from './modern-result';
import { noteOutcome } from './outcomes';
import {
  answerAccepted,
  answerError,
  answerResult,
  connectionsUrl,
  notConnectedResult,
  sessionUnknown,
  type McpAnswer,
} from './respond';

/** The local answer, or null where the call has a connection to go through. */
export async function answerLocally(
  admitted: Admitted,
  message: Message,
  callId: string,
): Promise<McpAnswer | null> {
  if (admitted.connection?.status === 'active') return null;
  return answerWithoutConnection(admitted, message, callId);
}

/** Also for a connection that turns out to be refused while the call was on its way. */
export async function answerWithoutConnection(
  admitted: Admitted,
  message: Message,
  callId: string,
): Promise<McpAnswer> {
  const { id, method, params, era } = message;
  const isModern = era === 'modern';
  const settle = (outcome: 'ok' | 'tool_error' | 'upstream_error', reason?: string) => {
    // Nothing went to Asana, or Asana refused the token: the same call may go once the person has connected.
    if (admitted.kept) endClaim({ organizationId: admitted.organizationId, callId }, admitted.kept, outcome);
    noteOutcome({
      organizationId: admitted.organizationId,
      callId,
      outcome,
      latencyMs: 0,
      reason,
      credentialId: admitted.credentialId,
      connectionId: admitted.connection?.id ?? null,
    });
  };
  if (id === undefined) {
    settle('ok');
    // Without a connection no session is anybody's.
    return message.answer || method === STREAM ? sessionUnknown(null) : answerAccepted();
  }
  if (method === 'initialize') {
    settle('ok');
    const asked = params.get('protocolVersion');
    const version = LEGACY_VERSIONS.find((known) => known === asked) ?? LEGACY_VERSIONS[0];
    return answerResult(id, sessionOpening(version, null));
  }
  if (method === 'server/discover') {
    settle('ok');
    return answerResult(id, discovery(null));
  }
  if (method === 'tools/list') {
    settle('ok');
    if (params.has('cursor'))
      return answerError(200, id, -32602, 'Unknown cursor; list again from the first page.');
    const tools = `"tools":${await catalogueList(admitted)}`;
    return answerResult(id, isModern ? finishToolList(tools, 0) : `{${tools}}`);
  }
  settle('tool_error', 'no_connection');
  const text = `${whyNot(admitted)} Then repeat the call.`;
  return method === 'tools/call'
    ? answerResult(id, notConnectedResult(text, isModern))
    : answerError(200, id, -32603, text, { data: { url: connectionsUrl() } });
}

function whyNot(admitted: Admitted): string {
  if (admitted.connection)
    return `Asana no longer accepts ${admitted.memberEmail}\u2019s authorization. Reconnect at ${connectionsUrl()}.`;
  if (admitted.activeConnections > 1)
    return `${admitted.memberEmail} has several Asana connections and this token names none. Mint a token for one of them; they are listed at ${connectionsUrl()}.`;
  return `${admitted.memberEmail} has not connected Asana, or this token\u2019s connection has ended. Connect at ${connectionsUrl()}.`;
}

/** The allowed tools as they were reviewed, whole and in Asana's order, as JSON. */
async function catalogueList({ organizationId, visible }: Admitted): Promise<string> {
  const rows = await db().tool.findMany({
    where: { organizationId, name: { in: [...visibleTools(visible).keys()] } },
    select: { definition: true, seen: true },
    orderBy: [{ position: 'asc' }, { name: 'asc' }],
  });
  return JSON.stringify(rows.map(({ definition, seen }) => seen ?? definition));
}
