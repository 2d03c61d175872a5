// Whose connections the health room means, each with its own reason and remedy.
import Link from 'next/link';
import type { ReactNode } from 'react';
import { hrefOfPerson } from '../people/words';
import { count } from '../tools/words';
import { RelativeTime } from '../ui/relative-time';
import type { Health } from './lines';

/** Cases shown at once: a reset secret breaks hundreds of connections with one cause. */
const SHOWN = 5;

/** Nothing where nobody is concerned. */
export function Affected({ health: { soon, overdueRevocations } }: { health: Health }) {
  const cases = [
    ...soon.map(({ member, workspace, asanaEmail, why, fix }) => (
      <Case
        key={`${member} ${asanaEmail} ${workspace}`}
        member={member}
        where={workspace ? `${asanaEmail} in ${workspace}` : asanaEmail}
        fix={fix}
      >
        {why}
      </Case>
    )),
    ...overdueRevocations.map(({ member, attempts, since, fix }) => (
      <Case key={`${member} ${since}`} member={member} where="Revocation" gone fix={fix}>
        Asked for <RelativeTime iso={since} />, {count(attempts, 'attempt')} so far.
      </Case>
    )),
  ];
  if (cases.length === 0) return null;
  return (
    <div className="border-line border-t text-sm">
      <ul aria-label="Whose, and what to do" className="divide-line divide-y">
        {cases.slice(0, SHOWN)}
      </ul>
      {cases.length > SHOWN && (
        <details className="border-line border-t">
          <summary className="text-ink-3 hover:text-ink px-4 py-2.5 md:pl-11">
            {count(cases.length - SHOWN, 'more person', 'more')}
          </summary>
          <ul className="border-line divide-line divide-y border-t">{cases.slice(SHOWN)}</ul>
        </details>
      )}
    </div>
  );
}

function Case({
  member,
  where,
  gone = false,
  fix,
  children,
}: {
  member: string;
  where: string;
  /** The person may have been offboarded. */
  gone?: boolean;
  fix: string;
  children: ReactNode;
}) {
  return (
    <li className="grid gap-x-6 px-4 py-2.5 md:grid-cols-[16rem_minmax(0,1fr)] md:pl-11">
      <p className="min-w-0 [overflow-wrap:anywhere]">
        {gone ? (
          member
        ) : (
          <Link href={hrefOfPerson(member)} prefetch={false} className="hover:underline">
            {member}
          </Link>
        )}
        <span className="text-ink-3 block text-xs">{where}</span>
      </p>
      <div className="text-ink-2 min-w-0">
        <p>{children}</p>
        <p className="text-ink">{fix}</p>
      </div>
    </li>
  );
}
