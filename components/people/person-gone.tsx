// Leads on from the page of a person who is not a member: to the people, and to what the audit has under the address.
'use client';
import { useParams } from 'next/navigation';
import { ButtonLink } from '../ui/button';
import { EmptyState } from '../ui/empty-state';

export function PersonGone() {
  const { email } = useParams<{ email?: string }>();
  const address = email === undefined ? '' : decodeURIComponent(email);
  return (
    <div className="border-line bg-surface rounded-box border">
      <EmptyState
        title={address ? `${address} is not a member` : 'There is no such member'}
        action={
          <>
            <ButtonLink href="/admin/people">All people</ButtonLink>
            {address && (
              <ButtonLink href={`/admin/audit?member=${encodeURIComponent(address)}`}>
                In the audit
              </ButtonLink>
            )}
          </>
        }
      >
        They may have been offboarded, or the address is another one. What somebody did stays in the audit.
      </EmptyState>
    </div>
  );
}
