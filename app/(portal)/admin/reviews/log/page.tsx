// The drift log: when Asana changed what, how it was found, and who decided what about it.
import Link from 'next/link';
import History from 'lucide-react/icons/history';
import { ReviewTabs } from '@/components/reviews/review-tabs';
import { decisionWords, finderWords, kindWords, type Drift } from '@/components/reviews/words';
import { DefinitionDiff } from '@/components/tools/definition-diff';
import { Badge } from '@/components/ui/badge';
import { ButtonLink } from '@/components/ui/button';
import { Disclosure } from '@/components/ui/disclosure';
import { EmptyState } from '@/components/ui/empty-state';
import { PageHeader } from '@/components/ui/page-header';
import { RelativeTime } from '@/components/ui/relative-time';
import { read, requireRole } from '@/lib/portal/read';

export const metadata = { title: 'Drift log' };

export default async function DriftPage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  await requireRole('admin', 'auditor');
  const query = await searchParams;
  const one = (key: string) => (typeof query[key] === 'string' ? query[key] : undefined);
  const [tool, cursor] = [one('tool'), one('after')];
  const { drifts, nextCursor } = await read('GET /tools/drift', { query: { tool, cursor, limit: 50 } });
  const older = new URLSearchParams({ ...(tool ? { tool } : {}), after: nextCursor ?? '' });
  return (
    <>
      <PageHeader
        title="Drift log"
        description={
          tool
            ? `What Asana changed in ${tool}, newest first.`
            : 'What Asana changed in its tools, newest first.'
        }
      />
      <ReviewTabs current="log" />
      {tool && (
        <div className="mb-4">
          <ButtonLink size="sm" href="/admin/reviews/log">
            Show all tools
          </ButtonLink>
        </div>
      )}
      <div className="border-line bg-surface rounded-box border">
        {drifts.length === 0 ? (
          <EmptyState icon={<History />} title={tool ? 'It has not changed yet' : 'Nothing has changed yet'}>
            When a sync or an agent’s list shows that Asana added, changed or took away a tool, it is written
            down here, with both definitions.
          </EmptyState>
        ) : (
          <ul className="divide-line divide-y">
            {drifts.map((drift) => (
              <Entry key={drift.id} drift={drift} />
            ))}
          </ul>
        )}
      </div>
      {nextCursor && (
        <div className="mt-3">
          <ButtonLink size="sm" href={`/admin/reviews/log?${older}`}>
            Older
          </ButtonLink>
        </div>
      )}
    </>
  );
}

function Entry({ drift }: { drift: Drift }) {
  const { tool, kinds, foundAt, foundBy, successorOf, decision, decidedBy, decidedAt, before, after } = drift;
  return (
    <li className="px-4 py-3 text-sm">
      <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
        <Link
          href={`/admin/tools/${encodeURIComponent(tool)}`}
          prefetch={false}
          className="font-mono text-xs font-medium [overflow-wrap:anywhere] hover:underline"
        >
          {tool}
        </Link>
        {kinds.map((kind) => (
          <Badge key={kind}>{kindWords[kind]}</Badge>
        ))}
        {decision ? (
          <Badge tone={decisionWords[decision].tone}>{decisionWords[decision].text}</Badge>
        ) : (
          <Badge tone="warn">Waits for review</Badge>
        )}
      </div>
      <p className="text-ink-3 mt-0.5 [overflow-wrap:anywhere]">
        Found <RelativeTime iso={foundAt} /> by {finderWords[foundBy]}.
        {successorOf && ` In place of ${successorOf}.`}
        {decidedBy && decidedAt && (
          <>
            {' '}
            Decided <RelativeTime iso={decidedAt} /> by {decidedBy}.
          </>
        )}
      </p>
      {before && after && (
        <div className="mt-1">
          <Disclosure summary="Compare">
            <div className="border-line rounded-box overflow-hidden border">
              <DefinitionDiff
                name={tool}
                predecessor={successorOf ?? undefined}
                before={before}
                after={after}
              />
            </div>
          </Disclosure>
        </div>
      )}
    </li>
  );
}
