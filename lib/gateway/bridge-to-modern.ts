// An agent of the older era on an Asana that speaks the modern one only (MCP 2026-07-28). Its session is ours alone: sealed with the agent,
// and every request of it goes up by itself, in the version that Asana speaks.
import {
  forgetModernOnly,
  isModernOnly,
  isModernRefusal,
  noteModernOnly,
  refusesSessions,
} from '../asana/modern-only';
import type { FreshToken } from '../asana/refresh';
import { pool } from '../db';
import type { OutboundAnswer } from '../http';
import { readWholeAnswer, type RpcFailure } from './asana-error';
import { giveAnswer } from './client-answers';
import { ANSWER_LIMITS, decodeJson, encodeJson, type Json, type JsonObject } from './decode';
import { META, metaOf, MODERN_VERSION } from './era';
import type { Outgoing } from './forward';
import { paramHeadersFor, type ParamHeaders } from './headers-agree';
import { LEGACY_VERSIONS, sessionOpening } from './initialize';
import { isOfModern } from './legacy-result';
import { cancelFlight, cancellable, factsOf, ownerOf, pass, type Journey } from './journey';
import type { Message } from './message';
import { isLevel, keptMeta, modernRequest } from './modern-request';
import { answerAccepted, answerError, answerResult, type McpAnswer } from './respond';
import { sealSession, type AgentSession } from './sealed-ids';
import { sendThroughOwnSession } from './through-own-session';
import { doubtStanding, standingOf } from './upstream-era';

/** From which level on log messages pass in a session that asked for none. */
const DEFAULT_LEVEL = 'info';
const MAX_LEVELS = 5_000;
/** What sessions asked for, by their own id. Where another process serves the next call, it hears from the default level on. */
const levels = new Map<string, string>();

/**
 * Opens a session of ours where Asana has none; null where it speaks the older era by now. `relays`: what of Asana's may reach the agent
 * in it. Throws `UpstreamError`.
 */
export async function openBridgedSession(
  journey: Journey,
  token: FreshToken,
  relays: string[],
): Promise<McpAnswer | null> {
  const { message, admitted, connection, settled } = journey;
  const { era, offered } = await standingOf(factsOf(journey), token.accessToken);
  if (era === 'legacy') {
    forgetModernOnly(connection.id);
    return null;
  }
  const asked = message.params.get('protocolVersion');
  const protocolVersion = LEGACY_VERSIONS.find((known) => known === asked) ?? LEGACY_VERSIONS[0];
  const session: AgentSession = { upstreamId: crypto.randomUUID(), protocolVersion, relays, isBridged: true };
  settled('ok', 'bridged');
  const opening = sessionOpening(protocolVersion, {
    families: admitted.families ?? [],
    offered: decodeJson(JSON.stringify(offered ?? {}), ANSWER_LIMITS) as JsonObject,
    hasSession: false,
  });
  return answerResult(message.id ?? null, opening, {
    'mcp-session-id': sealSession(ownerOf(journey), session),
  });
}

/** Whether Asana refused a session as one does that has none, and answers requests of the modern era instead. */
export async function hasNoSessions(
  journey: Journey,
  token: FreshToken,
  refused: OutboundAnswer | { error: unknown },
): Promise<boolean> {
  const isRefused =
    'error' in refused
      ? refusesSessions(refused.error)
      : isModernRefusal({ status: refused.status, code: (await refusalIn(journey, refused))?.code });
  if (!isRefused) return false;
  const { connection } = journey;
  const before = await standingOf(factsOf(journey), token.accessToken);
  if (before.era === 'legacy') doubtStanding(connection.id, before);
  const { era } = await standingOf(factsOf(journey), token.accessToken);
  if (era === 'modern') noteModernOnly(connection.id);
  return era === 'modern';
}

const REFUSALS = [400, 404];

/** Why Asana refused, kept on the journey because it can be read once. */
async function refusalIn(journey: Journey, answer: OutboundAnswer): Promise<RpcFailure | null> {
  if (!REFUSALS.includes(answer.status)) return null;
  journey.refusal = (await readWholeAnswer(answer)).error;
  return journey.refusal;
}

/** What a session of ours answers without Asana, or null. In a cancel stands Asana's id already. */
export function answerInBridgedSession(journey: Journey): McpAnswer | Promise<McpAnswer> | null {
  const { message, request, session, settled } = journey;
  if (!session?.isBridged) return null;
  if (request.method !== 'POST') {
    settled('ok');
    return answerError(
      405,
      null,
      -32000,
      `There is nothing to ${request.method} in this session; it runs out by itself.`,
      {
        headers: { allow: 'POST' },
      },
    );
  }
  if (message.method === 'logging/setLevel') return setLevel(journey, session);
  if (message.answer) return takeAnswer(journey);
  if (message.id !== undefined) return null;
  if (message.method === 'notifications/cancelled') cancelFlight(String(message.params.get('requestId')));
  settled('ok');
  return answerAccepted();
}

/** Takes an agent's answer in a session of ours. The question is one that this agent was asked in it: its seal says so. */
async function takeAnswer({ message, admitted, askedAs, settled }: Journey): Promise<McpAnswer> {
  const [callId, question] = JSON.parse(askedAs!) as [string, number];
  const { member, value } = message.answer!;
  await giveAnswer(
    { organizationId: admitted.organizationId, callId, question },
    { member, value: encodeJson(value) },
  );
  settled('ok');
  return answerAccepted();
}

function setLevel({ message, settled }: Journey, { upstreamId }: AgentSession): McpAnswer {
  const level = message.params.get('level');
  const id = message.id ?? null;
  if (!isLevel(level)) {
    settled('upstream_error', 'unknown_level');
    return answerError(200, id, -32602, 'There is no such level.');
  }
  levels.delete(upstreamId);
  levels.set(upstreamId, level);
  if (levels.size > MAX_LEVELS) levels.delete(levels.keys().next().value!);
  settled('ok');
  return answerResult(id, '{}');
}

/** The level from which on log messages pass in this session; null where none do. */
export function levelIn(session: AgentSession | null): string | null {
  if (!session?.relays.includes('logging')) return null;
  return levels.get(session.upstreamId) ?? DEFAULT_LEVEL;
}

/** One forward for an agent without a session: through one of ours, or by itself where Asana has none. Throws what `pass` throws. */
export async function sendWithoutSession(
  journey: Journey,
  token: FreshToken,
  base: Omit<Outgoing, 'sessionId' | 'protocolVersion'>,
): Promise<OutboundAnswer> {
  const { connection } = journey;
  if (isModernOnly(connection.id)) {
    const answer = await sendBridged(journey, token, base.spentMs);
    if (!(await isOtherEra(journey, token, answer))) return answer;
    // Such a refusal says that nothing was executed.
    return sendThroughOwnSession(journey, token, base);
  }
  const sent = await sendThroughOwnSession(journey, token, base).catch((error: unknown) => ({ error }));
  if (await hasNoSessions(journey, token, sent)) return sendBridged(journey, token, base.spentMs);
  if ('error' in sent) throw sent.error;
  return sent;
}

/** Whether Asana refused a request of the modern era as a server of the other does; then that is no longer believed. */
async function isOtherEra(journey: Journey, token: FreshToken, { status }: OutboundAnswer): Promise<boolean> {
  const { connection, refusal } = journey;
  if (!REFUSALS.includes(status) || isOfModern(refusal)) return false;
  forgetModernOnly(connection.id);
  doubtStanding(connection.id, await standingOf(factsOf(journey), token.accessToken));
  return true;
}

/** One forward in a session of ours; where sessions may be had again, the agent is told to open one (`answer-failure`). */
export async function sendInBridgedSession(
  journey: Journey,
  token: FreshToken,
  spentMs: number,
): Promise<OutboundAnswer> {
  const answer = await sendBridged(journey, token, spentMs);
  await isOtherEra(journey, token, answer);
  return answer;
}

/** One forward by itself, in the modern era. The agent can cancel it; a short refusal is read at once. Throws what `pass` throws. */
async function sendBridged(journey: Journey, token: FreshToken, spentMs = 0): Promise<OutboundAnswer> {
  const { message, callId, admitted, session, brought: instead } = journey;
  const signal = cancellable(journey);
  journey.left = signal;
  journey.isBridged = true;
  const said = new Map<string, Json>(keptMeta(metaOf(message)));
  const capabilities = (session?.relays ?? []).map((name): [string, Json] => [name, new Map<string, Json>()]);
  said.set(`${META}clientCapabilities`, new Map<string, Json>(capabilities));
  const level = levelIn(session);
  if (level !== null) said.set(`${META}logLevel`, level);
  const asked: Message = { ...message, params: new Map([...message.params, ['_meta', said]]) };
  const paramHeaders = message.method === 'tools/call' ? await paramHeadersOf(journey) : {};
  const made = modernRequest(asked, callId, { families: admitted.families ?? [], paramHeaders, instead });
  const { reads } = admitted;
  const answer = await pass(journey, {
    ...{ method: 'POST', accessToken: token.accessToken, reads, spentMs, signal },
    ...made,
    ...{ sessionId: null, protocolVersion: MODERN_VERSION },
  });
  await refusalIn(journey, answer);
  return answer;
}

/** What the older era does not know of: arguments that the reviewed definition repeats in headers (SEP-2243). */
async function paramHeadersOf({ admitted, message }: Journey): Promise<Record<string, string>> {
  // Admission has read them for a session of ours.
  const annotated =
    admitted.families === null
      ? await annotationsOf(admitted.organizationId, message.params.get('name'))
      : (admitted.paramHeaders ?? {});
  return paramHeadersFor(message, annotated, new Map()) ?? {};
}

async function annotationsOf(organizationId: string, name: Json | undefined): Promise<ParamHeaders> {
  const { rows } = await pool().query<{ name: string; header: string }>(
    `SELECT p.key AS name, p.value ->> 'x-mcp-header' AS header
     FROM tools t, json_each(CASE WHEN json_typeof(t.definition #> '{inputSchema,properties}') = 'object'
       THEN t.definition #> '{inputSchema,properties}' ELSE '{}' END) p
     WHERE t.organization_id = $1 AND t.name = $2 AND json_typeof(p.value -> 'x-mcp-header') = 'string'`,
    [organizationId, name],
  );
  return Object.fromEntries(rows.map(({ name: argument, header }) => [argument, header]));
}
