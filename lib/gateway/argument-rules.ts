// A call of a tool that every granting group restricts, or lets wait for a person: judged by its arguments before it is admitted. The first look at the policy says that
// the caller may use the tool at all and under which rules; then comes the verdict; then the call is admitted with it, as long as the rules
// are still those that were asked. So the record is durable before the call is sent, and a rule that an admin changes is in force at once.
import { uuidv7 } from '../audit/append';
import { judgeCall, type Approver } from '../policy/judge-approvals';
import {
  refusalTarget,
  refusalText,
  type Known,
  type LookedUp,
  type Lookup,
} from '../policy/judge-arguments';
import { admit, type Admission, type AdmissionRequest, type Admitted, type LimitName } from './admit';
import { lookUpAll, LookupLimited, LookupUnavailable, NoConnection } from './argument-lookups';
import { APPROVAL_OVER } from './hold-call';
import type { Message } from './message';

/** How often a verdict may be overtaken by a change of the rules. */
const MAX_JUDGEMENTS = 3;
/** Of one call. Fifty tasks with what hangs on them; more is refused. */
const MAX_LOOKUPS = 60;
/** A task and five steps up to its parents, then their projects. */
const MAX_ROUNDS = 8;

type Judgement =
  | { rule: string | null; text: string | null; waitsFor?: Approver[] }
  | { limit: { name: LimitName; waitMs: number } };

/**
 * `admit`, and where rules on arguments stand between, what they say; where a write has a budget or a window for repeats, it is asked again
 * as one. The answer is never undecided (`rules` is null, `unguarded` false). Throws `AdmissionUnavailable`.
 */
export async function admitUnderRules(asked: AdmissionRequest, message: Message): Promise<Admission> {
  let admission = await admit(asked);
  let request = asked;
  for (
    let judgements = 0;
    'admitted' in admission && (admission.admitted.rules || admission.admitted.unguarded);
    judgements += 1
  ) {
    const { admitted } = admission;
    if (judgements === MAX_JUDGEMENTS) return refused(asked, 'rules kept changing', CHANGING);
    if (admitted.unguarded) request = { ...request, guarded: { eventId: uuidv7() } };
    if (!admitted.rules) {
      admission = await admit(request);
      continue;
    }
    const judgement = await judge(admitted, message);
    if ('limit' in judgement) return limited(asked, judgement.limit);
    const { rule, text, waitsFor } = judgement;
    const as = admitted.rules.version;
    request = { ...request, judged: { as, rule, waits: waitsFor !== undefined } };
    admission = await admit(request);
    if ('admitted' in admission) {
      admission.admitted.judgedAs = as;
      if (admission.admitted.denial === 'argument_rule') admission.admitted.refusal = text;
      if (admission.admitted.denial === 'approval_required')
        Object.assign(admission.admitted, { waitsFor, refusal: APPROVAL_OVER });
    }
  }
  return admission;
}

const CHANGING =
  'Refused: the rules on arguments changed while they were asked. Nothing was sent to Asana. Call again in a moment.';
const ROUNDS =
  'Refused by a rule on arguments: to judge this call, too many tasks or projects would have to be looked up. Nothing was sent to Asana. Name fewer in one call.';
const UNAVAILABLE =
  'Refused by a rule on arguments: Asana could not be asked where the things lie that this call names. Nothing was changed. Try again in a moment.';
/** For what Asana asks in the middle of a call. */
export const QUESTIONS_REFUSED =
  'Refused by a rule on arguments: answers to questions of Asana\u2019s can\u2019t be judged. Nothing was sent to Asana. Begin again with all arguments in the call.';

async function refused(asked: AdmissionRequest, rule: string, text: string): Promise<Admission> {
  const admission = await admit({ ...asked, denial: 'argument_rule', judged: { as: '', rule } });
  if ('admitted' in admission && admission.admitted.denial === 'argument_rule')
    admission.admitted.refusal = text;
  return admission;
}

/** A lookup found the connection's calls of this minute used up: the call is refused like one that counts too many itself. */
async function limited(
  asked: AdmissionRequest,
  limit: { name: LimitName; waitMs: number },
): Promise<Admission> {
  const denial = limit.name === 'asana' ? 'asana_rate_limited' : 'rate_limited';
  const admission = await admit({ ...asked, denial });
  if ('admitted' in admission && admission.admitted.denial === denial) admission.admitted.limit = limit;
  return admission;
}

/** The verdict on one call, with as many rounds of lookups as it takes. */
async function judge(admitted: Admitted, message: Message): Promise<Judgement> {
  const { groups, inputSchema } = admitted.rules!;
  const refuse = (rule: string, text: string) => ({
    rule: groups.map(({ slug }) => `group:${slug} rule:${rule}`).join(', '),
    text,
  });
  // What Asana asks for in the middle of a call is no argument that the map knows (MCP 2026-07-28, multi-round requests).
  if (message.params.has('inputResponses')) return refuse('unmapped', QUESTIONS_REFUSED);
  const call = {
    tool: message.params.get('name') as string,
    arguments: message.params.get('arguments') ?? new Map(),
    inputSchema,
  };
  const known = new Map<string, LookedUp[Lookup['kind']] | null>();
  for (let round = 0; ; round += 1) {
    const verdict = judgeCall(groups, call, known as Known);
    if ('passed' in verdict) return { rule: null, text: null };
    if ('refusals' in verdict)
      return { rule: refusalTarget(verdict.refusals), text: refusalText(verdict.refusals) };
    // Without a connection nothing can be asked, and nothing be sent: the agent is to hear how to connect.
    if (admitted.connection?.status !== 'active') return { rule: null, text: null };
    if ('waits' in verdict) return { rule: null, text: null, waitsFor: verdict.waits };
    if (round === MAX_ROUNDS || known.size + verdict.needs.length > MAX_LOOKUPS)
      return refuse('lookups', ROUNDS);
    try {
      for (const [key, found] of await lookUpAll(admitted, verdict.needs)) known.set(key, found);
    } catch (error) {
      if (error instanceof LookupLimited) return { limit: error.limit };
      // Its status has changed with it, so the next look at the policy says that nothing was judged yet.
      if (error instanceof NoConnection) return { rule: null, text: null };
      if (error instanceof LookupUnavailable) return refuse('lookups', UNAVAILABLE);
      throw error;
    }
  }
}
