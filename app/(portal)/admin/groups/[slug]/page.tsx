// One group: its name, tools and people, edited together and saved at once.
import Link from 'next/link';
import { DeleteGroup } from '@/components/groups/delete-group';
import { GroupEditor } from '@/components/groups/group-editor';
import { matrixToolOf } from '@/components/matrix/model';
import { PageHeader } from '@/components/ui/page-header';
import { read, requireRole } from '@/lib/portal/read';

export const metadata = { title: 'Group' };

export default async function GroupPage({ params }: { params: Promise<{ slug: string }> }) {
  await requireRole('admin');
  const { slug } = await params;
  const [group, { tools }, { members }, { groups }] = await Promise.all([
    read('GET /groups/{slug}', { path: { slug } }),
    read('GET /tools'),
    read('GET /members'),
    read('GET /groups'),
  ]);
  return (
    <>
      <PageHeader
        back={
          <Link href="/admin/groups" className="text-accent hover:underline">
            Groups
          </Link>
        }
        title={group.name}
        description="What is ticked here is open to everybody in this group. A change is in force for the very next call."
        actions={<DeleteGroup slug={group.slug} name={group.name} people={group.members.length} />}
      />
      {/* A new version, ours or somebody else's, starts the editor afresh. */}
      <GroupEditor
        key={`${group.slug} ${group.version}`}
        group={group}
        tools={tools.map(matrixToolOf)}
        people={members.map(({ email, name }) => ({ email, name }))}
        groups={groups.map((one) => ({ slug: one.slug, name: one.name }))}
      />
    </>
  );
}
