// What an admin can do about a refusal, from the explanation alone. Pure.
import type { OperationAnswer } from '@/lib/portal/operations';
import { cellAddress } from '../matrix/model';

export type Explanation = OperationAnswer<'GET /explain'>;

export interface Remedy {
  text: string;
  href: string;
  /** What the step brings about, or why it may not be enough. */
  note: string;
}

const toolPage = (name: string) => `/admin/tools/${encodeURIComponent(name)}`;

/** In the order in which they should be looked at; empty where the tool is allowed or nothing helps. */
export function remediesFor(explanation: Explanation): Remedy[] {
  const { allowed, checks, tool, toolName, groups, candidates, member, request } = explanation;
  if (allowed || toolName === '') return [];
  if (!tool)
    return [
      {
        text: 'Look at the catalogue',
        href: `/admin/tools?${new URLSearchParams({ q: toolName })}`,
        note: 'Asana may call the tool otherwise now. Compare with Asana there if it should exist.',
      },
    ];
  const failed = new Set(checks.filter(({ passed }) => passed === false).map(({ id }) => id));
  const remedies: Remedy[] = [];
  if (explanation.reason === 'argument_rule' || explanation.reason === 'approval_required')
    remedies.push(
      ...groups
        .filter(({ hasTool, rules }) => hasTool && rules.length > 0)
        .map(({ slug, name }) => ({
          text: `Look at the rules of ${name}`,
          href: `/admin/groups/${slug}`,
          note:
            explanation.reason === 'argument_rule'
              ? 'They hold for everybody in it. The agent was told what to change in its call.'
              : 'They say who approves such calls. The agent was told where its call waits.',
        })),
    );
  if (request?.status === 'open')
    remedies.push({
      text: 'Decide the request',
      href: `/admin/requests#${request.id}`,
      note: `${member.name} has asked for ${toolName}.`,
    });
  if (failed.has('blocked'))
    remedies.push({
      text: 'Unblock it',
      href: toolPage(toolName),
      note: 'It is blocked for everybody; its groups get it back all at once.',
    });
  if (failed.has('review') && tool.status !== 'missing')
    remedies.push({
      text: 'Review it',
      href: toolPage(toolName),
      note: 'Read what Asana lists now, then mark it reviewed.',
    });
  if (failed.has('groups')) remedies.push(...throughGroups(toolName, member, groups, candidates));
  if (failed.has('token'))
    remedies.push({
      text: `Look at ${member.name}’s agents`,
      href: `/admin/people/${encodeURIComponent(member.email)}`,
      note: 'Only its owner can widen a token, by making a new one.',
    });
  return remedies;
}

function throughGroups(
  tool: string,
  member: Explanation['member'],
  groups: Explanation['groups'],
  candidates: Explanation['candidates'],
): Remedy[] {
  return [
    ...groups
      .filter(({ hasTool }) => !hasTool)
      .map(({ slug, name }) => ({
        text: `Tick it for ${name}`,
        href: cellAddress(tool, slug),
        note: `${member.name} is in ${name}; everybody else in it gets the tool, too.`,
      })),
    ...candidates.map(({ slug, name }) => ({
      text: `Add ${member.name} to ${name}`,
      href: `/admin/groups/${slug}`,
      note: `${name} has the tool, and others that come with it.`,
    })),
  ];
}
