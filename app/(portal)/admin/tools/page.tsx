// The catalogue: every tool Asana lists, by class, with its state and the groups that have it. The URL holds the filter.
import { SyncTools } from '@/components/tools/sync-tools';
import { ToolsTable } from '@/components/tools/tools-table';
import { toolFilters, type ToolFilter } from '@/components/tools/tool-filters';
import { aboutTokens, count, lineOf } from '@/components/tools/words';
import { ButtonLink } from '@/components/ui/button';
import { Callout } from '@/components/ui/callout';
import { PageHeader } from '@/components/ui/page-header';
import { read, requireRole } from '@/lib/portal/read';

export const metadata = { title: 'Tools' };

export default async function ToolsPage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const { role } = await requireRole('admin', 'auditor');
  const [{ tools }, { status }] = await Promise.all([read('GET /tools'), searchParams]);
  const filter: ToolFilter = toolFilters.find(({ id }) => id === status)?.id ?? 'all';
  const lines = tools.map(lineOf);
  const waiting = lines.filter((tool) => tool.status === 'new' || tool.status === 'changed').length;
  const cost = lines.reduce((sum, tool) => sum + tool.tokens, 0);
  return (
    <>
      <PageHeader
        title="Tools"
        description={`${count(lines.length, 'tool')} at Asana; a model that sees all of them reads ${aboutTokens(cost)} before its first word.`}
        actions={role === 'admin' && <SyncTools />}
      />
      {waiting > 0 && filter !== 'review' && (
        <Callout
          tone="warn"
          className="mb-4"
          title={`${count(waiting, 'tool')} to review`}
          actions={
            <ButtonLink href="/admin/tools?status=review" size="sm">
              Show them
            </ButtonLink>
          }
        >
          Asana added or changed them since an admin last looked. New ones are closed for everybody; what
          happens to changed ones is set under Organization.
        </Callout>
      )}
      <ToolsTable tools={lines} filter={filter} mayChange={role === 'admin'} />
    </>
  );
}
