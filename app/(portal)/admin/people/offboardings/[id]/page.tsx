// The receipt of one offboarding, or of a drill: what ended when; it goes on by itself while something is under way.
import Link from 'next/link';
import { ReceiptView } from '@/components/people/receipt';
import { ButtonLink } from '@/components/ui/button';
import { PageHeader } from '@/components/ui/page-header';
import { RelativeTime } from '@/components/ui/relative-time';
import { read, requireRole } from '@/lib/portal/read';

export const metadata = { title: 'Offboarding' };

export default async function OffboardingPage({ params }: { params: Promise<{ id: string }> }) {
  await requireRole('admin');
  const { id } = await params;
  const receipt = await read('GET /offboardings/{id}', { path: { id } });
  const { member, isDrill, by, startedAt } = receipt;
  return (
    <>
      <PageHeader
        back={
          <Link href="/admin/people/offboardings" className="text-accent hover:underline">
            Offboardings
          </Link>
        }
        title={isDrill ? 'Offboarding drill' : `Offboarding of ${member.name}`}
        description={
          <>
            {!isDrill && `${member.email}, by ${by}, `}
            <RelativeTime iso={startedAt} />
          </>
        }
        actions={
          <ButtonLink href={`/admin/audit?member=${encodeURIComponent(member.email)}`}>
            In the audit
          </ButtonLink>
        }
      />
      <div className="max-w-2xl">
        <ReceiptView first={receipt} />
      </div>
    </>
  );
}
