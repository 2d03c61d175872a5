// Agents that spent their budget of writes for the day: to their person what it means, to an admin who they are, with the way back.
import Link from 'next/link';
import type { OperationAnswer } from '@/lib/portal/operations';
import { count } from '../tools/words';
import { Badge } from '../ui/badge';
import { Callout } from '../ui/callout';
import { RelativeTime } from '../ui/relative-time';
import { Section } from '../ui/section';
import { LiftBudget } from './lift-budget';

export type SpentBudget = OperationAnswer<'GET /budgets'>['budgets'][number];

/** `all 20 writes of the day`. */
const spentWords = ({ reason, budget }: SpentBudget) =>
  reason === 'delete_budget'
    ? count(budget, 'change or deletion', 'changes and deletions')
    : count(budget, 'write');

/** To the person whose agents they are; nothing where none is read-only. */
export function MyReadOnlyAgents({ budgets }: { budgets: readonly SpentBudget[] }) {
  if (budgets.length === 0) return null;
  return (
    <Callout
      tone="warn"
      className="mb-5"
      title={`${budgets.length === 1 ? 'One of your agents' : `${budgets.length} of your agents`} may only read today`}
    >
      <ul>
        {budgets.map((spent) => (
          <li key={spent.id}>
            “{spent.agent}” has spent its budget of {spentWords(spent)} for today,{' '}
            <RelativeTime iso={spent.trippedAt} />.
          </li>
        ))}
      </ul>
      It reads on, and writes again after midnight UTC. If it should write earlier, ask an admin; if it should
      not have written so much, look at{' '}
      <Link href="/activity" className="text-accent underline">
        what it did
      </Link>
      .
    </Callout>
  );
}

/** To admins on their home page: that there are some, and where. */
export function ReadOnlyAgentsNotice({ budgets }: { budgets: readonly SpentBudget[] }) {
  if (budgets.length === 0) return null;
  return (
    <Callout tone="warn" className="mb-5" title={`${count(budgets.length, 'agent')} may only read today`}>
      A budget on writes is spent.{' '}
      <Link href="/admin/people#read-only" className="text-accent underline">
        See whose, and let them write again
      </Link>
    </Callout>
  );
}

/** To admins, each with the button that lets it write again; nothing where there is none. */
export function ReadOnlyAgents({ budgets }: { budgets: readonly SpentBudget[] }) {
  if (budgets.length === 0) return null;
  return (
    <Section
      flush
      id="read-only"
      className="mb-5"
      title="Agents that only read today"
      description="They have spent a budget on writes that one of their person’s groups sets. They write again after midnight UTC, or when you let them."
    >
      <ul className="divide-line divide-y">
        {budgets.map((spent) => (
          <li
            key={spent.id}
            className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 px-4 py-2.5 text-sm"
          >
            <span className="min-w-0 flex-1 basis-56">
              <span className="block font-medium [overflow-wrap:anywhere]">
                {spent.agent} <Badge tone="warn">Only reads</Badge>
              </span>
              <span className="text-ink-3 block text-xs [overflow-wrap:anywhere]">
                <Link
                  href={`/admin/people/${encodeURIComponent(spent.member.email)}`}
                  className="text-accent underline"
                >
                  {spent.member.name}
                </Link>
                , budget of {spentWords(spent)} spent <RelativeTime iso={spent.trippedAt} />
              </span>
            </span>
            <LiftBudget id={spent.id} agent={spent.agent} person={spent.member.name} />
          </li>
        ))}
      </ul>
    </Section>
  );
}
