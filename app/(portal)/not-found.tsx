// A room or thing that does not exist, or not for this person: both look the same.
import { ButtonLink } from '@/components/ui/button';
import { EmptyState } from '@/components/ui/empty-state';
import { PageHeader } from '@/components/ui/page-header';

export default function PortalNotFound() {
  return (
    <>
      <PageHeader title="There is no such page" />
      <div className="border-line bg-surface rounded-box border">
        <EmptyState title="Nothing is here" action={<ButtonLink href="/">Go to your home</ButtonLink>}>
          The address is wrong, or what was here is gone.
        </EmptyState>
      </div>
    </>
  );
}
