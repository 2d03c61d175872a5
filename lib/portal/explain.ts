// Finds out whom an explanation is about: a member by e-mail, the owner of an agent token, the caller, or a call on record.
import { explainTool, type Explanation } from '../catalogue/explain';
import { explainRecord, type RecordExplanation } from '../catalogue/explain-record';
import { db } from '../db';
import { AppError } from '../errors';

type Explained = Explanation & { record: RecordExplanation['record'] | null };

/** For admins and auditors: `tool` with `member` or `token` (or both: a token of that member), or `record`. Throws `not_found`. */
export async function explainFor(
  organizationId: string,
  asked: { tool?: string; member?: string; token?: string; record?: string },
): Promise<Explained> {
  if (asked.record !== undefined) {
    const explained = await explainRecord(organizationId, asked.record);
    if (!explained) throw new AppError('not_found', 'The audit has no such call.');
    return explained;
  }
  const memberId = await memberOf(organizationId, asked);
  const explained =
    memberId === undefined
      ? null
      : await explainTool(
          organizationId,
          { memberId, tokenId: asked.token ?? null, tool: asked.tool! },
          { isSelf: false },
        );
  if (!explained)
    throw new AppError(
      'not_found',
      asked.token === undefined
        ? `There is no member "${asked.member}".`
        : 'There is no such agent token, or it is somebody else\u2019s.',
    );
  return { ...explained, record: null };
}

/** For the signed-in person, about themself and their own tokens. Throws `not_found`. */
export async function explainOwn(
  person: { organizationId: string; memberId: string; memberEmail: string },
  asked: { tool: string; token?: string },
): Promise<Explained> {
  const explained = await explainTool(
    person.organizationId,
    { memberId: person.memberId, tokenId: asked.token ?? null, tool: asked.tool },
    { isSelf: true, email: person.memberEmail },
  );
  if (!explained) throw new AppError('not_found', 'You have no such agent token.');
  return { ...explained, record: null };
}

/** Whom a question is about: the member with this e-mail, or the owner of this agent token. */
async function memberOf(
  organizationId: string,
  { member, token }: { member?: string; token?: string },
): Promise<string | undefined> {
  const at = { organizationId };
  if (member === undefined)
    return (await db().agentToken.findFirst({ where: { ...at, id: token }, select: { memberId: true } }))
      ?.memberId;
  const email = member.toLowerCase();
  return (await db().member.findFirst({ where: { ...at, email }, select: { id: true } }))?.id;
}
