// Groups: who may call which tools.
import Users from 'lucide-react/icons/users';
import Link from 'next/link';
import { NewGroup } from '@/components/groups/new-group';
import { ToolMix } from '@/components/groups/tool-mix';
import { aboutTokens, lineOf } from '@/components/tools/words';
import { EmptyState } from '@/components/ui/empty-state';
import { PageHeader } from '@/components/ui/page-header';
import { Cell, Row, RowHeader, Table, TableBody, TableHead } from '@/components/ui/table';
import { read, requireRole } from '@/lib/portal/read';

export const metadata = { title: 'Groups' };

export default async function GroupsPage() {
  await requireRole('admin');
  const [{ groups }, { tools }] = await Promise.all([read('GET /groups'), read('GET /tools')]);
  const lines = tools.map(lineOf);
  const byName = new Map(lines.map((line) => [line.name, line]));
  return (
    <>
      <PageHeader
        title="Groups"
        description="A person’s agents may call what any of their groups allows, and nothing else."
        actions={groups.length > 0 && <NewGroup tools={lines} />}
      />
      <div className="border-line bg-surface rounded-box border">
        {groups.length === 0 ? (
          <EmptyState icon={<Users />} title="Make the first group" action={<NewGroup tools={lines} />}>
            As long as there is none, nobody’s agents can call anything. Many begin with “Everyone”,
            read-only, and a smaller group that may also create and comment.
          </EmptyState>
        ) : (
          <Table label="Groups">
            <TableHead columns={['Group', 'People', 'Tools', 'Cost to a model']} />
            <TableBody>
              {groups.map((group) => {
                const own = group.tools.flatMap((name) => byName.get(name) ?? []);
                return (
                  <Row key={group.slug} className="relative">
                    <RowHeader>
                      <Link
                        href={`/admin/groups/${group.slug}`}
                        className="font-medium [overflow-wrap:anywhere] after:absolute after:inset-0 hover:underline"
                      >
                        {group.name}
                      </Link>
                      <code className="text-ink-3 block font-mono text-xs">{group.slug}</code>
                    </RowHeader>
                    <Cell label="People">
                      <span className="tabular-nums">{group.members.length.toLocaleString('en')}</span>
                    </Cell>
                    <Cell label="Tools">
                      <ToolMix tools={own} />
                    </Cell>
                    <Cell label="Cost">{aboutTokens(own.reduce((sum, tool) => sum + tool.tokens, 0))}</Cell>
                  </Row>
                );
              })}
            </TableBody>
          </Table>
        )}
      </div>
    </>
  );
}
