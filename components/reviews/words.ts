// What the review room says of changes, their finder and the decisions.
import type { OperationAnswer } from '@/lib/portal/operations';
import type { Tone } from '../ui/badge';

export type Review = OperationAnswer<'GET /tools/reviews'>['reviews'][number];
export type Drift = OperationAnswer<'GET /tools/drift'>['drifts'][number];
export type Decision = 'accept' | 'keep' | 'block';

/** The part of a review that goes to the browser; definitions stay on the server. */
export type ReviewLine = Omit<Review, 'before' | 'after'>;

export const kindWords: Record<Drift['kinds'][number], string> = {
  added: 'added',
  removed: 'removed',
  returned: 'came back',
  renamed: 'added in place of another',
  title: 'title',
  description: 'description',
  arguments: 'arguments',
  hints: 'hints',
  other: 'other parts',
};

export const finderWords: Record<string, string> = {
  sync: 'a sync',
  schedule: 'the hourly sync',
  agent: 'a list that an agent got',
};

export const decisionWords: Record<NonNullable<Drift['decision']>, { text: string; tone: Tone }> = {
  accepted: { text: 'Accepted', tone: 'success' },
  kept: { text: 'Kept closed', tone: 'neutral' },
  blocked: { text: 'Blocked', tone: 'danger' },
  superseded: { text: 'Changed again', tone: 'neutral' },
};

/** Names of the groups that have a tool once it is accepted. `carry`: those of the tool that it replaces get it too. */
export function groupsOf(
  { groups, successorOf }: Pick<Review, 'groups' | 'successorOf'>,
  carry: boolean,
): string[] {
  const all = [...groups, ...(carry ? (successorOf?.groups ?? []) : [])];
  return [...new Set(all.map(({ name }) => name))];
}

/** What each decision brings about. `mayStay`: the organization lets changed tools stay. */
export function effectOf(
  decision: Decision,
  { status, groups, successorOf }: Pick<Review, 'status' | 'groups' | 'successorOf'>,
  mayStay: boolean,
  carry = false,
): string {
  const names = groupsOf({ groups, successorOf }, carry);
  const whom = names.length === 0 ? 'nobody yet, for no group has it' : names.join(', ');
  if (decision === 'accept') return `Opens for ${whom}, from the next call on, as Asana lists it now.`;
  if (decision === 'block')
    return 'No agent sees or calls it, whatever its groups allow, until an admin unblocks it.';
  if (status === 'missing') return 'Nobody can call it while Asana does not list it. Its ticks stay.';
  return mayStay && status === 'changed'
    ? 'Your organization lets changed tools stay, so it stays open as Asana has it now; only this question is put away. To close it, block it.'
    : 'Nobody can call it, and you are asked again only when Asana changes it once more. Gatehouse never offers the old definition: Asana would carry out the new one.';
}
