// What a receipt says of each step. Pure.
import type { OperationAnswer } from '@/lib/portal/operations';
import { count } from '../tools/words';

export type Receipt = OperationAnswer<'GET /offboardings/{id}'>;

export interface Step {
  name: string;
  text: string;
  /** Null while it is not over, or was not measured. */
  ms: number | null;
  state: 'done' | 'waiting' | 'failed';
}

/** "0.1 s"; below a twentieth of a second "under 0.1 s". */
export function seconds(ms: number): string {
  if (ms < 50) return 'under 0.1 s';
  return ms < 100_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000).toLocaleString('en')} s`;
}

const ordinal = (n: number): string => {
  const tens = n % 100;
  const ending = tens >= 11 && tens <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th');
  return `${n.toLocaleString('en')}${ending}`;
};

/** The steps in the order in which they come. */
export function stepsOf({ portal, agents, asana, isDrill, problem }: Receipt): Step[] {
  const all = agents.tokens + agents.grants;
  const { processes } = agents;
  const seen =
    processes.all === 0
      ? ''
      : `; seen in ${processes.confirmed.toLocaleString('en')} of ${count(processes.all, 'process', 'processes')}${processes.lost > 0 ? `, ${processes.lost.toLocaleString('en')} ended meanwhile` : ''}`;
  const steps: Step[] = [
    {
      name: 'Portal',
      text:
        portal.sessions === 0
          ? 'Nobody was signed in; password and invite links have ended.'
          : `${count(portal.sessions, 'sign-in has', 'sign-ins have')} ended, the password and invite links too.`,
      ms: portal.ms,
      state: portal.ms === null ? 'waiting' : 'done',
    },
    {
      name: 'Agents',
      text: `${all === 0 ? 'There was no agent' : `${count(all, 'agent')} refused`}, ${agents.streams === 0 ? 'no call was under way' : `${count(agents.streams, 'open call or stream', 'open calls and streams')} ended`}${seen}.`,
      ms: agents.ms,
      state: problem !== null ? 'failed' : agents.ms === null ? 'waiting' : 'done',
    },
  ];
  return isDrill ? steps : [...steps, asanaStep(asana)];
}

function asanaStep({ connections, confirmed, impossible, state, attempts, ms }: Receipt['asana']): Step {
  const lost =
    impossible > 0
      ? ` ${count(impossible, 'authorization')} can\u2019t be revoked from here, for its token can\u2019t be opened: remove the app in that person\u2019s Asana account.`
      : '';
  const texts: Record<typeof state, string> = {
    nothing: 'There was no authorization at Asana to revoke.',
    confirmed: `Asana has confirmed that ${connections === 1 ? 'its authorization is' : `its ${connections} authorizations are`} revoked.`,
    waiting: `Asana has not confirmed${attempts > 0 ? `, ${ordinal(attempts)} try` : ' yet'}. Nothing uses the authorization any more, and Gatehouse goes on asking.${lost}`,
    impossible:
      `${confirmed > 0 ? `Asana has confirmed ${confirmed.toLocaleString('en')}.` : ''}${lost}`.trim(),
  };
  return {
    name: 'Asana',
    text: texts[state],
    ms,
    state: state === 'waiting' ? 'waiting' : state === 'impossible' ? 'failed' : 'done',
  };
}
