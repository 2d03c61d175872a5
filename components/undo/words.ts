// What the portal says of calls that can be put back.
import type { OperationAnswer } from '@/lib/portal/operations';
import type { Tone } from '../ui/badge';

export type KeptCall = OperationAnswer<'GET /undo/{id}'>;
export type Preview = OperationAnswer<'POST /undo/{id}/preview'>;
export type Item = Preview['items'][number];
export type Restored = OperationAnswer<'POST /undo/{id}/restore'>;

export const states: Record<KeptCall['state'], { text: string; tone: Tone }> = {
  kept: { text: 'Kept', tone: 'accent' },
  restoring: { text: 'Being put back', tone: 'warn' },
  restored: { text: 'Put back', tone: 'success' },
  broken_off: { text: 'Broken off', tone: 'danger' },
};

/** Why it can't be put back, and what to do next. */
export function hindranceWords({ hindrance, state, isOwn, member, begunBy }: KeptCall): string | null {
  if (hindrance === null) return null;
  if (hindrance === 'no_connection')
    return isOwn
      ? 'Asana no longer accepts your authorization. Reconnect it under Connections, then come back.'
      : `Asana no longer accepts ${member.name}’s authorization. Once ${member.name} has reconnected, it can be put back.`;
  if (hindrance === 'not_made') return 'Asana did not carry the call out, so there is nothing to put back.';
  if (hindrance === 'role') return `${member.name} or an admin can put it back.`;
  if (state === 'broken_off')
    return `${begunBy ?? 'Somebody'} began to put it back, and that broke off. The audit says which calls were made; look at Asana for the rest.`;
  if (state === 'restoring') return `${begunBy ?? 'Somebody'} is putting it back at this moment.`;
  return `${begunBy ?? 'Somebody'} has put it back; that is done once.`;
}

/** What a deleted task comes back as, and what does not; facts of Asana's tools, said before anything is looked up. */
export const ABOUT_DELETIONS =
  'Asana’s tools can’t undelete. The task is created anew, under a new id and link; comments, attachments, likes, tags and its history are gone.';

export const itemStates: Record<Item['state'], { text: string; tone: Tone }> = {
  differs: { text: 'To be put back', tone: 'accent' },
  same: { text: 'As it was', tone: 'neutral' },
  gone: { text: 'Can’t be put back', tone: 'warn' },
  new: { text: 'To be created anew', tone: 'accent' },
};

export const results: Record<Restored['items'][number]['result'], { text: string; tone: Tone }> = {
  back: { text: 'Back', tone: 'success' },
  not_back: { text: 'Not back', tone: 'danger' },
  unknown: { text: 'Not known', tone: 'warn' },
};

export const titleOf = ({ title, kind, gid }: Pick<Item, 'title' | 'kind' | 'gid'>): string =>
  title ?? `${kind === 'task' ? 'Task' : 'Project'} ${gid}`;
