// Blocks, unblocks or deletes a client, after saying whom it ends for.
'use client';
import { useState } from 'react';
import { call } from '../api';
import { Problem } from '../problem';
import { AlertDialog } from '../ui/alert-dialog';
import { Button } from '../ui/button';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';

export function ClientActions({
  id,
  name,
  blocked,
  members,
}: {
  id: string;
  name: string;
  blocked: boolean;
  members: readonly string[];
}) {
  const [asking, setAsking] = useState<'block' | 'delete' | null>(null);
  const { pending, problem, run, reset } = useCall();
  const setBlocked = async (next: boolean) => {
    const done = await run(() => call('PATCH /clients/{id}', { path: { id }, body: { blocked: next } }));
    if (!done) return;
    setAsking(null);
    toast(next ? 'Client blocked' : 'Client unblocked', name);
  };
  const remove = async () => {
    const done = await run(() => call('DELETE /clients/{id}', { path: { id } }));
    if (!done) return;
    setAsking(null);
    toast('Client deleted', name);
  };
  const ask = (what: 'block' | 'delete') => () => {
    reset();
    setAsking(what);
  };
  const whom =
    members.length === 0
      ? 'It acts for nobody here at the moment.'
      : `It acts for ${members.slice(0, 5).join(', ')}${members.length > 5 ? ` and ${members.length - 5} more` : ''}.`;
  return (
    <>
      {blocked ? (
        <Button
          size="sm"
          variant="quiet"
          aria-label={`Unblock ${name}`}
          loading={pending}
          onClick={() => setBlocked(false)}
        >
          Unblock
        </Button>
      ) : (
        <Button size="sm" variant="quiet" aria-label={`Block ${name}`} onClick={ask('block')}>
          Block
        </Button>
      )}
      <Button size="sm" variant="quiet" aria-label={`Delete ${name}`} onClick={ask('delete')}>
        Delete
      </Button>
      <AlertDialog
        open={asking !== null}
        onOpenChange={(open) => !open && setAsking(null)}
        title={asking === 'block' ? 'Block this client?' : 'Delete this client?'}
        confirm={asking === 'block' ? 'Block client' : 'Delete client'}
        pending={pending}
        problem={<Problem problem={problem} />}
        onConfirm={() => (asking === 'block' ? setBlocked(true) : remove())}
      >
        {whom}{' '}
        {asking === 'block'
          ? 'Its next call is refused, and nobody here can allow it until you unblock it. What people allowed sleeps until then.'
          : 'Its next call is refused, and what people allowed ends. It can register and ask again; block it if it must not.'}
      </AlertDialog>
    </>
  );
}
