// The health room: what Gatehouse needs, whether it has it, and what to do about each red line.
import { Suspense } from 'react';
import { HealthBoard } from '@/components/health/health-board';
import { PageHeader } from '@/components/ui/page-header';
import { Skeleton } from '@/components/ui/skeleton';
import { read, requireRole } from '@/lib/portal/read';

export const metadata = { title: 'Health' };

export default async function HealthPage() {
  await requireRole('admin');
  return (
    <>
      <PageHeader title="Health" description="What Gatehouse needs to do its work, and whether it has it." />
      {/* Asking Asana may take seconds; the page does not wait for it. */}
      <Suspense fallback={<Waiting />}>
        <Looked />
      </Suspense>
    </>
  );
}

async function Looked() {
  const health = await read('GET /health');
  return <HealthBoard first={{ health, at: nowIso() }} />;
}

const nowIso = () => new Date().toISOString();

// The same heights as the lines that come, so that nothing jumps.
function Waiting() {
  return (
    <div>
      <output className="sr-only">Looking</output>
      <Skeleton className="mb-4 h-10 w-full" />
      <div className="flex flex-col gap-5">
        {[3, 4, 2].map((lines, n) => (
          // oxlint-disable-next-line react/no-array-index-key -- shapes that never change
          <div key={n} className="border-line bg-surface divide-line rounded-box divide-y border">
            <div className="flex h-11.5 items-center px-4">
              <Skeleton className="h-4 w-40" />
            </div>
            {Array.from({ length: lines }, (_, line) => (
              <div key={line} className="flex h-10 items-center gap-4 px-4">
                <Skeleton className="h-4 w-28" />
                <Skeleton className="h-4 w-1/2" />
              </div>
            ))}
          </div>
        ))}
      </div>
    </div>
  );
}
