// Deletes a group after saying who loses what.
'use client';
import Trash2 from 'lucide-react/icons/trash-2';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { call } from '../api';
import { Problem } from '../problem';
import { count } from '../tools/words';
import { AlertDialog } from '../ui/alert-dialog';
import { Button } from '../ui/button';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';

export function DeleteGroup({ slug, name, people }: { slug: string; name: string; people: number }) {
  const router = useRouter();
  const [asking, setAsking] = useState(false);
  // Refreshing would ask for the page of a group that is gone.
  const { pending, problem, run, reset } = useCall({ refresh: false });
  return (
    <>
      <Button
        icon={<Trash2 aria-hidden="true" />}
        onClick={() => {
          reset();
          setAsking(true);
        }}
      >
        Delete group
      </Button>
      <AlertDialog
        open={asking}
        onOpenChange={setAsking}
        title={`Delete ${name}?`}
        confirm="Delete group"
        pending={pending}
        problem={<Problem problem={problem} />}
        onConfirm={async () => {
          const done = await run(() => call('DELETE /groups/{slug}', { path: { slug } }));
          if (!done) return;
          toast('Group deleted', name);
          router.push('/admin/groups');
          router.refresh();
        }}
      >
        {people === 0
          ? 'Nobody is in it, so nobody loses a tool. This can’t be undone.'
          : `${count(people, 'person loses', 'people lose')} the tools that only this group gives them; their agents are refused from the next call on. The people themselves stay. This can’t be undone.`}
      </AlertDialog>
    </>
  );
}
