// What the portal calls the states of a call that waits, or waited.
import type { OperationAnswer } from '@/lib/portal/operations';
import type { Tone } from '../ui/badge';

export type Approval = OperationAnswer<'GET /approvals'>['approvals'][number];
export type ReadableCall = NonNullable<OperationAnswer<'GET /approvals/{id}'>['call']>;

export const approvalStates: Record<Approval['state'], { text: string; tone: Tone }> = {
  open: { text: 'Waits', tone: 'accent' },
  approved: { text: 'Approved, not made yet', tone: 'success' },
  used: { text: 'Approved and made', tone: 'success' },
  declined: { text: 'Declined', tone: 'danger' },
  ended: { text: 'Ended unmade', tone: 'neutral' },
};

/** `tasks[0].due_on` as people say it: "Task 1: due on". */
export function placeWords(place: string): string {
  const parts = place.split('.').map((part) => {
    const [, name = part, at] = /^(.*?)\[(\d+)\](?:\[\d+\])*$/.exec(part) ?? [];
    const words = name.replace(/_/g, ' ');
    return at === undefined ? words : `${singular(words)} ${Number(at) + 1}`;
  });
  const said = parts.join(': ');
  return said.charAt(0).toUpperCase() + said.slice(1);
}

const singular = (words: string) => words.replace(/ies$/, 'y').replace(/(?<![su])s$/, '');

/** The same for lists of the same calls. */
export const keyOf = (approvals: readonly Approval[]): string => approvals.map(({ id }) => id).join(' ');
