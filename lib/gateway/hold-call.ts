// What an agent hears of a call that waits for a person's approval: a result of the tool, which every client shows its model, or in the modern
// era a question with the link, where the agent said that it can open one (MCP 2026-07-28, elicitation, url mode).
import { askForApproval, type Held } from '../approvals/ask';
import { env } from '../env';
import { log } from '../log';
import type { Admitted } from './admit';
import type { JsonObject } from './decode';
import { META, metaOf } from './era';
import type { Message } from './message';
import { answerResult, answerUnavailable, type McpAnswer } from './respond';

/** The one key of our question. */
const OUR_KEY = 'gatehouse_approval';

/** Takes the agent's answer to our own question out of a retry, which then is the same call as before. Whether there was one. */
export function takeOwnAnswer({ params }: Message): boolean {
  const responses = params.get('inputResponses');
  if (!(responses instanceof Map) || responses.size !== 1 || !responses.has(OUR_KEY)) return false;
  params.delete('inputResponses');
  return true;
}

/** Lets a refused call wait, and answers it. `wasAsked`: the agent comes back from our question. */
export async function answerHeld(
  admitted: Admitted,
  message: Message,
  call: { id: string; argumentsHash: string; argumentsText: string; wasAsked: boolean },
): Promise<McpAnswer> {
  const tool = String(message.params.get('name'));
  const asked = askForApproval({
    organizationId: admitted.organizationId,
    memberId: admitted.memberId,
    memberEmail: admitted.memberEmail,
    credentialId: admitted.credentialId,
    connectionId: admitted.connection!.id,
    callId: call.id,
    tool,
    argumentsHash: call.argumentsHash,
    argumentsText: call.argumentsText,
    judgedAs: admitted.judgedAs!,
    waitsFor: admitted.waitsFor!,
  });
  const held = await asked.catch((error: unknown) => {
    log().warn({ err: error }, 'a call that needs an approval could not be put before anybody');
    return null;
  });
  if (held === null) return answerUnavailable(message.id ?? null);
  const text = textOf(held, tool);
  const asks = held.state === 'waiting' && !call.wasAsked && opensLinks(message);
  return answerResult(
    message.id ?? null,
    JSON.stringify(asks ? question(text, linkTo(held.id)) : result(text, message.era)),
  );
}

const linkTo = (id: string) => `${env().GATEHOUSE_URL}/approvals#${id}`;
const moment = (date: Date) => `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
const REPEAT =
  'repeat the very same call, with the same tool and arguments; it then goes through once. Other arguments need an approval of their own.';

function textOf(held: Held, tool: string): string {
  const said = `${tool} needs a person\u2019s approval, so nothing was sent to Asana.`;
  switch (held.state) {
    case 'waiting':
      return `${said} It waits for ${held.approvers.join(' or ') || 'somebody who may decide'} until ${moment(held.expiresAt)}: ${linkTo(held.id)}. Tell the person you act for, and do not try in a loop. Once it is approved, ${REPEAT}`;
    case 'approved':
      return `${said} It was approved just now. Until ${moment(held.expiresAt)}, ${REPEAT}`;
    case 'declined':
      return `${said} ${held.by} declined this call: \u201c${held.answer}\u201d The same call can be put before somebody again after ${moment(held.expiresAt)}. Do not try again; tell the person you act for.`;
    case 'made':
      return `${tool} with these arguments was approved by ${held.by} and let through once, at ${moment(held.at)}; what came of it is in the answer to that call, and under Activity in the portal. This repeat was not sent to Asana. To make the same call once more, call again in a minute; it needs another approval.`;
    case 'nobody':
      return `${said} Nobody but the person you act for could approve it, who may not. An admin has to name somebody else in the group that has the tool.`;
    case 'too_long':
      return `${said} Its arguments are too long for anybody to read. Split the call.`;
    case 'too_many':
      return `${said} Too many calls wait already ${held.whose === 'person' ? 'for the person you act for' : 'in the organization'}; none was added. Wait until some are decided: ${env().GATEHOUSE_URL}/approvals.`;
  }
}

const result = (text: string, era: Message['era']) => ({
  ...(era === 'modern' ? { resultType: 'complete' } : {}),
  content: [{ type: 'text', text }],
  isError: true,
});

const question = (text: string, url: string) => ({
  resultType: 'input_required',
  inputRequests: { [OUR_KEY]: { method: 'elicitation/create', params: { mode: 'url', url, message: text } } },
});

/** Whether the agent said of itself, in this very request, that it can open links. */
function opensLinks(message: Message): boolean {
  if (message.era !== 'modern') return false;
  const declared = metaOf(message).get(`${META}clientCapabilities`);
  const elicitation = declared instanceof Map ? (declared as JsonObject).get('elicitation') : undefined;
  return elicitation instanceof Map && elicitation.get('url') instanceof Map;
}

/** What a call hears that was approved and may not go any more, because something changed while it was under way. */
export const APPROVAL_OVER =
  'The approval of this call ended while it was on its way: the policy, the tool or who may approve has changed. Nothing was sent to Asana. Call again to ask for another.';
