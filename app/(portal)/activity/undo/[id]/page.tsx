// One call that changed or deleted something, and putting back what was there before it.
import Link from 'next/link';
import { notFound } from 'next/navigation';
import { KeptBefore } from '@/components/undo/kept-before';
import { UndoPanel } from '@/components/undo/undo-panel';
import { count } from '@/components/tools/words';
import { PageHeader } from '@/components/ui/page-header';
import { read, requireMember } from '@/lib/portal/read';

export const metadata = { title: 'Undo' };

export default async function UndoPage({ params }: { params: Promise<{ id: string }> }) {
  const { role } = await requireMember();
  const { id } = await params;
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) notFound();
  const kept = await read('GET /undo/{id}', { path: { id } });
  const { tool, things, member, isOwn, mayRead } = kept;
  return (
    <>
      <PageHeader
        back={
          <Link href="/activity" className="text-accent hover:underline">
            Activity
          </Link>
        }
        title={<span className="font-mono text-lg">{tool}</span>}
        description={`${isOwn ? 'A call of your agents' : `A call of ${member.name}’s agents`} that ${tool === 'delete_task' ? 'deleted' : 'changed'} ${count(things, tool === 'update_project' ? 'project' : 'task')}.`}
        actions={
          role === 'member' ? undefined : (
            <Link href={`/admin/audit/${id}`} className="text-accent text-sm hover:underline">
              Its audit record
            </Link>
          )
        }
      />
      <div className="flex max-w-3xl flex-col gap-5">
        <UndoPanel kept={kept} />
        {mayRead && <KeptBefore id={id} isOwn={isOwn} />}
      </div>
    </>
  );
}
