// My activity: what my agents called and what I changed, newest first. The URL holds filter and place.
import Activity from 'lucide-react/icons/activity';
import { CallLine } from '@/components/activity/call-line';
import { ActivityFilter, type ActivityView } from '@/components/activity/activity-filter';
import { ButtonLink } from '@/components/ui/button';
import { EmptyState } from '@/components/ui/empty-state';
import { PageHeader } from '@/components/ui/page-header';
import { read } from '@/lib/portal/read';

export const metadata = { title: 'Activity' };

const PAGE = 50;

export default async function ActivityPage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const query = await searchParams;
  const text = (name: string) => (typeof query[name] === 'string' ? query[name].trim() : '') || undefined;
  const decision = text('decision');
  const view: ActivityView = {
    tool: text('tool')?.slice(0, 200),
    decision: decision === 'deny' || decision === 'allow' ? decision : undefined,
  };
  const cursor = text('cursor');
  const [{ records, nextCursor }, { bundles }] = await Promise.all([
    read('GET /me/activity', { query: { ...view, cursor, limit: PAGE } }),
    read('GET /undo'),
  ]);
  const kept = new Set(bundles.filter(({ isOwn }) => isOwn).map(({ id }) => id));
  const filtered = Boolean(view.tool || view.decision);
  return (
    <>
      <PageHeader
        title="Activity"
        description="What your agents called and what you changed here. Every call is on record, refused ones too."
      />
      <ActivityFilter view={view} />
      <div className="border-line bg-surface rounded-box border">
        {records.length === 0 ? (
          <EmptyState
            icon={<Activity />}
            title={filtered ? 'Nothing matches' : 'Nothing yet'}
            action={
              filtered ? (
                <ButtonLink href="/activity">Show everything</ButtonLink>
              ) : (
                <ButtonLink href="/">Go to your home</ButtonLink>
              )
            }
          >
            {filtered
              ? 'Tools are matched by their whole name, such as search_tasks.'
              : 'Your agents’ calls appear here the moment they are made. Your home says how to set one up.'}
          </EmptyState>
        ) : (
          <ul className="divide-line divide-y">
            {records.map((record) => (
              <CallLine key={record.id} record={record} undo={kept.has(record.id)} />
            ))}
          </ul>
        )}
      </div>
      {(cursor !== undefined || nextCursor !== null) && (
        <nav aria-label="Pages" className="mt-4 flex justify-between gap-2">
          {cursor !== undefined ? <ButtonLink href={hrefOf(view)}>Newest</ButtonLink> : <span />}
          {nextCursor !== null && <ButtonLink href={hrefOf(view, nextCursor)}>Older</ButtonLink>}
        </nav>
      )}
    </>
  );
}

function hrefOf(view: ActivityView, cursor?: string): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...view, cursor })) if (value) query.set(name, value);
  return query.size > 0 ? `/activity?${query}` : '/activity';
}
