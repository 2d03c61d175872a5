// What waits for an admin's decision: requests for tools, tools that Asana added, changed or took away.
import Link from 'next/link';
import { count } from '../tools/words';
import { Callout } from '../ui/callout';
import type { FirstRun } from './first-steps';

/** Nothing where nothing waits. */
export function WaitsForAdmin({ openRequests, toReview }: Pick<FirstRun, 'openRequests' | 'toReview'>) {
  if (openRequests + toReview === 0) return null;
  return (
    <Callout tone="warn" className="mb-5" title="Waiting for an admin">
      <ul>
        {openRequests > 0 && (
          <li>
            <Link href="/admin/requests" className="text-accent underline">
              {count(openRequests, 'request')} for tools
            </Link>
          </li>
        )}
        {toReview > 0 && (
          <li>
            <Link href="/admin/reviews" className="text-accent underline">
              {count(toReview, 'tool')} that Asana added, changed or took away
            </Link>
            : new ones stay closed until they are reviewed.
          </li>
        )}
      </ul>
    </Callout>
  );
}
