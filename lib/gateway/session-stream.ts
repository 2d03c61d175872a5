// What passes on the streams of an agent's own session beside its answers (legacy era): log messages, and questions of Asana's that the
// agent declared and its groups open now. What may not pass is dropped; a question that may not is refused in the agent's stead, because
// Asana must not wait for ever.
import { freshAccessToken } from '../asana/refresh';
import { recordOutcomes, recordSystemCall, type Outcome } from '../audit/system-call';
import { log } from '../log';
import { CLIENT_ANSWER, type MethodFamily } from '../policy/policy';
import type { Admitted, AdmittedConnection } from './admit';
import { standingsOf } from './caller-standing';
import { ANSWER_LIMITS, decodeJson, encodeJson, type Json } from './decode';
import { forward } from './forward';
import { NEEDS } from './input-required';
import { sealPlace, sealQuestion, type AgentSession, type SealOwner, type StreamCall } from './sealed-ids';

export interface SessionStream {
  /** The id of an event as the agent sees it; null where it can't come back. */
  placeOf(eventId: string): string | null;
  /** A message of Asana's (its members as raw JSON) as the agent may have it, or null. */
  relay(members: ReadonlyMap<string, string>): Promise<string | null>;
}

export type Caller = Pick<Admitted, 'organizationId' | 'memberId' | 'memberEmail' | 'credentialId'> & {
  connection: AdmittedConnection;
};

/** Asked or refused, on one stream. What asks more often is not answered any more. */
const MAX_QUESTIONS = 20;
/** So long what the caller's groups open is believed on one stream. */
const STANDING_MS = 500;

/** `call`: whose answer the stream carries; null on the session's own. `opens`: where it is known what the caller's groups open now. */
export function createSessionStream(given: {
  caller: Caller;
  session: AgentSession;
  call: StreamCall | null;
  opens?: (family: MethodFamily) => boolean;
}): SessionStream {
  const { caller, session, call } = given;
  const owner = ownerOf(caller);
  const opens = given.opens ?? lookUp(caller);
  let questions = 0;

  async function question(method: string, id: string, params: Json | undefined): Promise<string | null> {
    questions += 1;
    if (questions > MAX_QUESTIONS) return null;
    const needed = NEEDS.get(method);
    const mayAsk =
      needed !== undefined && session.relays.includes(needed) && (await opens('client_requests'));
    const sealed = mayAsk ? sealQuestion(owner, session, id, Date.now()) : null;
    if (sealed !== null) return messageText({ id: sealed, method, params });
    // Not waited for: the stream goes on meanwhile.
    void refuseQuestion(caller, { ...session, sessionId: session.upstreamId }, id);
    return null;
  }

  return {
    placeOf: (eventId) => sealPlace(owner, session, { eventId, call }),
    async relay(members) {
      const method: unknown = JSON.parse(members.get('method') ?? 'null');
      const id = members.get('id');
      if (typeof method !== 'string') return null;
      const raw = members.get('params');
      const params = raw === undefined ? undefined : decodeJson(raw, ANSWER_LIMITS);
      if (id !== undefined) return isId(id) ? question(method, id, params) : null;
      const needed = NOTIFICATIONS.get(method);
      if (!needed || !session.relays.includes(needed[0]) || !(await opens(needed[1]))) return null;
      return messageText({ method, params });
    },
  };
}

/** What Asana may tell on any stream, what the session must have been opened with for it, and the family that opens it. */
const NOTIFICATIONS: ReadonlyMap<string, readonly [string, MethodFamily]> = new Map([
  ['notifications/message', ['logging', 'logging']],
  ['notifications/elicitation/complete', ['elicitation', 'client_requests']],
]);

function ownerOf({ organizationId, credentialId, connection }: Caller): SealOwner {
  return { organizationId, credentialId, connectionId: connection.id };
}

/** A string or an integer, as JSON. */
const isId = (id: string) => id.startsWith('"') || /^-?\d+$/.test(id);

/** A message of Asana's, written anew. */
function messageText({ id, method, params }: { id?: string; method: string; params: Json | undefined }) {
  const message = new Map<string, Json>([['jsonrpc', '2.0']]);
  if (id !== undefined) message.set('id', id);
  message.set('method', method);
  if (params !== undefined) message.set('params', params);
  return encodeJson(message);
}

/** What the caller's groups open at the moment something comes; nothing where that can't be known. */
function lookUp(caller: Caller): (family: MethodFamily) => Promise<boolean> {
  let families: Promise<readonly string[]> = Promise.resolve([]);
  let askedMs = -Infinity;
  return async (family) => {
    const nowMs = performance.now();
    if (nowMs - askedMs > STANDING_MS) {
      askedMs = nowMs;
      families = standingsOf([caller]).then(
        ([standing]) => standing?.families ?? [],
        () => [],
      );
    }
    return (await families).includes(family);
  };
}

/** Tells Asana that a question of its will not be answered (on record). Never throws. */
export async function refuseQuestion(
  caller: Caller,
  session: { sessionId: string | null; protocolVersion: string },
  id: string,
): Promise<void> {
  const { organizationId, memberId, memberEmail, connection } = caller;
  const facts = { connectionId: connection.id, workspaceGid: connection.workspaceGid };
  try {
    const callId = await recordSystemCall({
      ...{ organizationId, memberId, memberEmail, ...facts },
      ...{ purpose: 'a question that may not be asked', method: CLIENT_ANSWER },
    });
    const startedMs = performance.now();
    let outcome: Outcome = 'unknown';
    try {
      const { accessToken } = await freshAccessToken({ ...connection, organizationId });
      const { status, body } = await forward({
        ...{ method: 'POST', accessToken },
        ...{ sessionId: session.sessionId, protocolVersion: session.protocolVersion },
        body: `{"jsonrpc":"2.0","id":${id},"error":{"code":-32601,"message":"The client can not be asked this."}}`,
      });
      body.destroy();
      outcome = status < 300 ? 'ok' : 'upstream_error';
    } finally {
      const latencyMs = performance.now() - startedMs;
      await recordOutcomes([{ organizationId, callId, outcome, latencyMs }]);
    }
  } catch (error) {
    log().warn({ err: error }, 'Asana could not be told that a question of its may not be asked');
  }
}
