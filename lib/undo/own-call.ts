// One call to our own gate, as an agent would make it, in this process: admission, policy, limits, audit and everything else that is asked of
// any call is asked of it too. There is no other way from here to Asana for what changes something.
import { db } from '../db';
import { handleMcp } from '../gateway/handle-mcp';
import { flushOutcomes } from '../gateway/outcomes';
import { isWhole } from '../gateway/respond';
import { isObject } from './what-is-there';

export interface OwnCall {
  /** Of its audit record; null where there is none. */
  id: string | null;
  /** Whether Asana may have carried it out. */
  mayHaveRun: boolean;
  /** What the tool said as JSON; null where it refused, or where its answer is not understood. */
  said: Readonly<Record<string, unknown>> | null;
  /** In words, where it was not carried out as asked. */
  problem: string | null;
}

/** Calls a tool with this agent token. Never throws for what an agent would read as an answer. */
export async function callAsAgent(
  by: { organizationId: string; tokenId: string; token: string },
  tool: string,
  args: Record<string, unknown>,
): Promise<OwnCall> {
  const headers: Record<string, string> = {
    ...{ authorization: `Bearer ${by.token}`, 'content-type': 'application/json' },
    ...{ accept: 'application/json, text/event-stream', 'user-agent': 'gatehouse' },
  };
  const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool, arguments: args } };
  const answer = await handleMcp({
    method: 'POST',
    authorizations: 1,
    header: (name) => headers[name],
    body: () => Promise.resolve(Buffer.from(JSON.stringify(message))),
  });
  const body = messageIn(await textOf(answer.body));
  const record = await lastRecord(by);
  const base = { id: record?.id ?? null, mayHaveRun: record?.mayHaveRun ?? true, said: null };
  if (isObject(body?.error)) {
    const { message: text } = body.error;
    return { ...base, problem: typeof text === 'string' ? text : 'The call was refused.' };
  }
  if (!isObject(body?.result)) return { ...base, problem: 'There was no answer that could be understood.' };
  const text = textIn(body.result);
  if (body.result.isError === true) return { ...base, problem: text ?? 'Asana refused it.' };
  return { ...base, said: objectIn(text) ?? asObject(body.result.structuredContent), problem: null };
}

/** What the audit says of the token's last call: a call that was refused, or did not leave, changed nothing. */
async function lastRecord({ organizationId, tokenId }: { organizationId: string; tokenId: string }) {
  await flushOutcomes();
  const record = await db().auditRecord.findFirst({
    where: { organizationId, kind: 'call', credentialId: tokenId },
    orderBy: { id: 'desc' },
    select: { id: true, decision: true },
  });
  if (!record) return null;
  const outcome = await db().auditRecord.findFirst({
    where: { organizationId, kind: 'outcome', callId: record.id },
    select: { outcome: true, reason: true },
  });
  const stayed =
    record.decision === 'deny' ||
    outcome?.outcome === 'upstream_error' ||
    outcome?.reason === 'no_connection';
  return { id: record.id, mayHaveRun: !stayed };
}

async function textOf(body: Awaited<ReturnType<typeof handleMcp>>['body']): Promise<string> {
  if (isWhole(body)) return Array.isArray(body) ? Buffer.concat(body).toString() : (body ?? '');
  const pieces: Buffer[] = [];
  for await (const piece of body) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces).toString();
}

/** The message of an answer: all of it, or its last event. */
function messageIn(text: string): Readonly<Record<string, unknown>> | null {
  if (text.startsWith('{')) return objectIn(text);
  const events = text.split('\n').filter((line) => line.startsWith('data:'));
  return objectIn(events.at(-1)?.slice(5));
}

const asObject = (value: unknown) => (isObject(value) ? value : null);

function objectIn(text: string | null | undefined): Readonly<Record<string, unknown>> | null {
  try {
    return text ? asObject(JSON.parse(text)) : null;
  } catch {
    return null;
  }
}

function textIn({ content }: Readonly<Record<string, unknown>>): string | null {
  const block = (Array.isArray(content) ? (content as unknown[]) : []).find(
    (one) => isObject(one) && one.type === 'text' && typeof one.text === 'string',
  );
  return block ? (block as { text: string }).text : null;
}
