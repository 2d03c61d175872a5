// Tools × groups: who may use what, ticked in one place. The URL holds the filter.
import { filterOf, matrixGroupOf, matrixToolOf, type MatrixGroup } from '@/components/matrix/model';
import { ToolsMatrix } from '@/components/matrix/tools-matrix';
import { SyncTools } from '@/components/tools/sync-tools';
import { aboutTokens, count, type Tool } from '@/components/tools/words';
import { PageHeader } from '@/components/ui/page-header';
import { read, requireRole } from '@/lib/portal/read';

export const metadata = { title: 'Tools' };

export default async function ToolsPage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const { role, email } = await requireRole('admin', 'auditor');
  const admin = role === 'admin';
  const [{ tools }, groups, query] = await Promise.all([
    read('GET /tools'),
    admin ? read('GET /groups').then((answer) => answer.groups.map(matrixGroupOf)) : null,
    searchParams,
  ]);
  const cost = tools.reduce((sum, { tokens }) => sum + tokens, 0);
  const found =
    typeof query.tool === 'string'
      ? { tool: query.tool, group: typeof query.group === 'string' ? query.group : '' }
      : null;
  return (
    <ToolsMatrix
      owner={email}
      tools={tools.map(matrixToolOf)}
      groups={groups ?? groupsIn(tools)}
      filter={filterOf(query)}
      found={found}
      mayChange={admin}
    >
      <PageHeader
        title="Tools"
        description={`${count(tools.length, 'tool')} at Asana, ${aboutTokens(cost)} for a model that sees them all.`}
        actions={admin && <SyncTools />}
      />
    </ToolsMatrix>
  );
}

/** What an auditor sees of groups: which tools they have, not who is in them. */
function groupsIn(tools: readonly Tool[]): MatrixGroup[] {
  const slugs = [...new Set(tools.flatMap(({ groups }) => groups))].sort();
  return slugs.map((slug) => ({
    slug,
    name: slug,
    version: 0,
    people: -1,
    tools: tools.filter(({ groups }) => groups.includes(slug)).map(({ name }) => name),
  }));
}
