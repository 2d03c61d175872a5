// `input_required` (MCP 2026-07-28, multi round-trip requests): what was answered in earlier rounds travels in `requestState`, sealed
// and bound to who asks, the method, the name and the arguments; the tool runs again from its start in every round.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { missingCapabilities, RpcError, type InputRequest, type Json } from './fixture-call';

const TTL_MS = 600_000;

/** Thrown by `ask` where the client must answer first; `result` is the call's result. */
export class InputRequired extends Error {
  constructor(readonly result: Json) {
    super('input required');
  }
}

interface Asked {
  method: string;
  params: Json;
  capabilities: Json;
  /** Whose call this is. */
  caller: string;
  /** Seals `requestState`. */
  key: Buffer;
}

/** `Call.ask` of the modern era. Throws `RpcError` at once for a state that is not ours and for `inputResponses` of no use. */
export function inputRounds({ method, params, capabilities, caller, key }: Asked) {
  const { name, uri, arguments: args, requestState, inputResponses } = params;
  const about = createHash('sha256')
    .update(JSON.stringify([method, name ?? uri, args ?? {}, caller]))
    .digest('base64url');
  const answered = requestState === undefined ? [] : openState(key, about, requestState);
  if (inputResponses !== undefined && !isObject(inputResponses))
    throw new RpcError(-32602, 'inputResponses must be an object.', undefined, 400);
  // What came with this retry answers the first question that has no answer yet, and no other.
  let fresh: Json | undefined = inputResponses;
  let round = 0;
  return async (
    requests: Record<string, InputRequest>,
    { keep = false } = {},
  ): Promise<Record<string, Json>> => {
    const missing = missingCapabilities(Object.values(requests), capabilities);
    if (missing)
      throw new RpcError(-32021, 'The client can’t answer this.', { requiredCapabilities: missing }, 400);
    const earlier = answered[round];
    round += 1;
    if (earlier) return earlier;
    const given = fresh;
    fresh = undefined;
    const trusted = !keep || requestState !== undefined;
    if (
      given &&
      trusted &&
      Object.entries(requests).every(([key, request]) => answers(request, given[key]))
    ) {
      const kept = Object.fromEntries(Object.keys(requests).map((key) => [key, given[key]]));
      answered.push(kept);
      return kept;
    }
    const state = keep || answered.length > 0 ? { requestState: sealState(key, about, answered) } : {};
    throw new InputRequired({ resultType: 'input_required', inputRequests: requests, ...state });
  };
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function answers({ method, params }: InputRequest, given: unknown): boolean {
  if (!isObject(given)) return false;
  if (method === 'roots/list') return Array.isArray(given.roots);
  if (method === 'sampling/createMessage') return typeof given.role === 'string' && isObject(given.content);
  if (given.action !== 'accept') return given.action === 'decline' || given.action === 'cancel';
  const required = (params.requestedSchema.required ?? []) as string[];
  return isObject(given.content) && required.every((field) => given.content[field] !== undefined);
}

function sealState(key: Buffer, about: string, answered: Record<string, Json>[]): string {
  const state = Buffer.from(JSON.stringify({ answered, untilMs: Date.now() + TTL_MS })).toString('base64url');
  return `${state}.${macOf(key, about, state)}`;
}

function openState(key: Buffer, about: string, sealed: unknown): Record<string, Json>[] {
  const [state = '', mac = ''] = typeof sealed === 'string' ? sealed.split('.', 2) : [];
  const [expected, given] = [Buffer.from(macOf(key, about, state)), Buffer.from(mac)];
  const intact = expected.length === given.length && timingSafeEqual(expected, given);
  const opened = intact && (JSON.parse(Buffer.from(state, 'base64url').toString()) as Json);
  if (!opened || opened.untilMs < Date.now() || sealed !== `${state}.${mac}`)
    throw new RpcError(-32602, 'requestState is not one that was given for this call.', undefined, 400);
  return opened.answered;
}

const macOf = (key: Buffer, about: string, state: string) =>
  createHmac('sha256', key).update(`${about}.${state}`).digest('base64url');
