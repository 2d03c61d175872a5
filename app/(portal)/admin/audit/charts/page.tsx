// The audit in charts: how much is called, refused and failing, how fast, by whom. The URL holds the range.
import ChartColumn from 'lucide-react/icons/chart-column';
import Link from 'next/link';
import type { ReactNode } from 'react';
import { AuditTabs } from '@/components/audit/audit-tabs';
import { hrefWith, type AuditFilter } from '@/components/audit/filter';
import { CallsChart } from '@/components/charts/calls-chart';
import { LatencyChart } from '@/components/charts/latency-chart';
import { SeriesTable } from '@/components/charts/series-table';
import {
  chartRangeIn,
  chartRanges,
  duration,
  spanOf,
  type ChartRange,
  type Summary,
} from '@/components/charts/series';
import { TopList } from '@/components/charts/top-list';
import { count } from '@/components/tools/words';
import { ButtonLink } from '@/components/ui/button';
import { classNames } from '@/components/ui/class-names';
import { EmptyState } from '@/components/ui/empty-state';
import { PageHeader } from '@/components/ui/page-header';
import { Section } from '@/components/ui/section';
import { read, requireRole } from '@/lib/portal/read';

export const metadata = { title: 'Audit charts' };

export default async function AuditChartsPage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  await requireRole('admin', 'auditor');
  const range = chartRangeIn((await searchParams).range);
  const span = spanOf(range);
  const summary = await read('GET /audit/summary', { query: span });
  const filter = filterOf(range, span);
  return (
    <>
      <PageHeader
        title="Audit"
        description="What agents called, what was refused and how fast Asana answered."
        actions={<Ranges current={range.id} />}
      />
      <AuditTabs current="charts" />
      {summary.totals.calls === 0 ? (
        <div className="border-line bg-surface rounded-box border">
          <EmptyState
            icon={<ChartColumn />}
            title={`No calls in the last ${range.days === 1 ? 'day' : range.text}`}
            action={
              range.id === '90d' ? (
                <ButtonLink href="/connections">Connect Asana</ButtonLink>
              ) : (
                <ButtonLink href="/admin/audit/charts?range=90d">Look at 90 days</ButtonLink>
              )
            }
          >
            Connect an Asana account, make a token and point an agent at Gatehouse: its calls are counted here
            within a second.
          </EmptyState>
        </div>
      ) : (
        <Charts summary={summary} filter={filter} range={range} />
      )}
    </>
  );
}

function Charts({ summary, filter, range }: { summary: Summary; filter: AuditFilter; range: ChartRange }) {
  const { totals, series, bucket, tools, members } = summary;
  const per = bucket === 'hour' ? 'hour' : 'day';
  return (
    <div className="flex flex-col gap-5">
      <dl className="border-line bg-line rounded-box grid grid-cols-2 gap-px overflow-hidden border lg:grid-cols-5">
        <Total name="Calls" href={hrefWith(filter)}>
          {totals.calls.toLocaleString('en')}
        </Total>
        <Total
          name="Denied"
          href={hrefWith({ ...filter, decision: 'deny' })}
          note={share(totals.denied, totals.calls)}
        >
          {totals.denied.toLocaleString('en')}
        </Total>
        <Total
          name="Failed"
          href={hrefWith({ ...filter, outcome: 'failed' })}
          note={share(totals.failed, totals.calls)}
        >
          {totals.failed.toLocaleString('en')}
        </Total>
        <Total name="Half within (p50)">{duration(totals.p50Ms)}</Total>
        <Total name="95 of 100 within (p95)">{duration(totals.p95Ms)}</Total>
      </dl>
      <Section
        title="Calls"
        description={`Per ${per}, UTC. Failed ones were let through, and Asana or the tool answered with an error.`}
      >
        <CallsChart
          series={series}
          bucket={bucket}
          label={`Calls per ${per} over ${range.text}: ${count(totals.calls, 'call')}, of which ${totals.denied.toLocaleString('en')} were denied and ${totals.failed.toLocaleString('en')} failed. The table below has every ${per}.`}
        />
        <SeriesTable series={series} bucket={bucket} />
      </Section>
      <Section title="How long Asana took" description={`Per ${per}, of the calls that were let through.`}>
        <LatencyChart
          series={series}
          bucket={bucket}
          label={`Time of allowed calls per ${per} over ${range.text}: half within ${duration(totals.p50Ms)}, 95 of 100 within ${duration(totals.p95Ms)}. The table above has every ${per}.`}
        />
      </Section>
      <div className="grid items-start gap-5 lg:grid-cols-2">
        <Section flush title="Busiest tools" description="A bar leads to its calls.">
          <Top empty="No tool was called.">
            {tools.length > 0 && (
              <TopList
                mono
                entries={tools.map(({ tool, ...counts }) => ({
                  name: tool,
                  href: hrefWith({ ...filter, tool }),
                  ...counts,
                }))}
              />
            )}
          </Top>
        </Section>
        <Section flush title="Busiest people" description="By their agents’ calls.">
          <Top empty="Nobody’s agent called.">
            {members.length > 0 && (
              <TopList
                entries={members.map(({ member, ...counts }) => ({
                  name: member,
                  href: hrefWith({ ...filter, member }),
                  ...counts,
                }))}
              />
            )}
          </Top>
        </Section>
      </div>
    </div>
  );
}

function Top({ empty, children }: { empty: string; children: ReactNode }) {
  return <div className="py-2">{children || <p className="text-ink-3 px-4 py-2 text-sm">{empty}</p>}</div>;
}

function Total({
  name,
  note,
  href,
  children,
}: {
  name: string;
  note?: string;
  href?: string;
  children: ReactNode;
}) {
  return (
    <div className="bg-surface px-4 py-3 last:col-span-2 lg:last:col-span-1">
      <dt className="text-ink-3 text-xs">{name}</dt>
      <dd className="mt-0.5 text-xl font-semibold tabular-nums">
        {href ? (
          <Link href={href} prefetch={false} className="hover:underline">
            {children}
          </Link>
        ) : (
          children
        )}
        {note && <span className="text-ink-3 ml-2 text-xs font-normal">{note}</span>}
      </dd>
    </div>
  );
}

function Ranges({ current }: { current: string }) {
  return (
    <nav aria-label="Range" className="border-line bg-surface rounded-box flex border p-0.5">
      {chartRanges.map(({ id, text }) => (
        <Link
          key={id}
          href={`/admin/audit/charts?range=${id}`}
          aria-current={id === current ? 'page' : undefined}
          className={classNames(
            'rounded-inner inline-flex h-6.5 items-center px-2.5 text-sm pointer-coarse:h-9',
            id === current ? 'bg-accent-soft text-accent font-medium' : 'text-ink-2 hover:bg-hover',
          )}
        >
          {text}
        </Link>
      ))}
    </nav>
  );
}

function share(part: number, all: number): string {
  return all === 0 ? '' : `${((part / all) * 100).toLocaleString('en', { maximumFractionDigits: 1 })} %`;
}

// The audit's own filter for exactly what the chart counts: days are included whole, hours are named by their ends.
function filterOf({ days }: ChartRange, { from, to }: { from: string; to: string }): AuditFilter {
  if (days === 1) return { from: from.slice(0, 16), to: to.slice(0, 16), kind: 'call' };
  const lastDay = new Date(Date.parse(to) - 1).toISOString();
  return { from: from.slice(0, 10), to: lastDay.slice(0, 10), kind: 'call' };
}
