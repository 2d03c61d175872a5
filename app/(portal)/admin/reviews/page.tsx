// What Asana changed since an admin reviewed it: held until somebody has compared it, and decided here, one by one or several at once.
import ShieldCheck from 'lucide-react/icons/shield-check';
import { ReviewBoard, type BoardItem } from '@/components/reviews/review-board';
import { ReviewTabs } from '@/components/reviews/review-tabs';
import type { Review } from '@/components/reviews/words';
import { DefinitionDiff } from '@/components/tools/definition-diff';
import { SyncTools } from '@/components/tools/sync-tools';
import { ToolDefinitionView } from '@/components/tools/tool-definition';
import { Callout } from '@/components/ui/callout';
import { Disclosure } from '@/components/ui/disclosure';
import { EmptyState } from '@/components/ui/empty-state';
import { PageHeader } from '@/components/ui/page-header';
import { read, requireRole } from '@/lib/portal/read';

export const metadata = { title: 'Reviews' };

export default async function ReviewsPage() {
  const { role } = await requireRole('admin', 'auditor');
  const isAdmin = role === 'admin';
  const [{ reviews }, organization] = await Promise.all([
    read('GET /tools/reviews'),
    isAdmin ? read('GET /organization') : null,
  ]);
  const mayStay = organization?.driftPolicy === 'warn';
  const waiting = reviews.filter(({ kept, blocked }) => !kept && !blocked);
  const decided = reviews.filter(({ kept, blocked }) => kept || blocked);
  return (
    <>
      <PageHeader
        title="Reviews"
        description="Tools that Asana added, changed or took away since an admin looked at them."
        actions={isAdmin && <SyncTools />}
      />
      <ReviewTabs current="waiting" />
      {mayStay && waiting.some(({ status }) => status === 'changed') && (
        <Callout tone="warn" className="mb-5" title="Changed tools stay open">
          Your organization lets a tool that Asana changed go on until somebody has reviewed it. Under
          Organization you can have it held instead.
        </Callout>
      )}
      {waiting.length === 0 ? (
        <div className="border-line bg-surface rounded-box border">
          <EmptyState icon={<ShieldCheck />} title="Nothing waits for review">
            Every hour, and whenever an agent lists its tools, Gatehouse compares what Asana offers with what
            you accepted. What differs is held, and stands here.
          </EmptyState>
        </div>
      ) : (
        <ReviewBoard items={waiting.map(itemOf)} mayDecide={isAdmin} mayStay={mayStay} />
      )}
      {decided.length > 0 && (
        <div className="mt-8">
          <Disclosure summary={`Looked at and left closed (${decided.length.toLocaleString('en')})`}>
            <ReviewBoard items={decided.map(itemOf)} mayDecide={isAdmin} mayStay={mayStay} />
          </Disclosure>
        </div>
      )}
    </>
  );
}

function itemOf({ before, after, ...review }: Review): BoardItem {
  return {
    review,
    definitions:
      before && after ? (
        <DefinitionDiff
          name={review.name}
          predecessor={review.successorOf?.name}
          before={before}
          after={after}
        />
      ) : (
        <div className="max-h-112 overflow-auto px-4 py-3">
          <Disclosure summary={after ? 'What a model would be told' : 'What it was when Asana listed it'}>
            <ToolDefinitionView definition={after ?? before ?? {}} />
          </Disclosure>
        </div>
      ),
  };
}
