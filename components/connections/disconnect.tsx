// Ends a connection: says what stops, asks, and then says whether Asana has confirmed the revocation.
'use client';
import Unlink from 'lucide-react/icons/unlink';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { call } from '../api';
import { Problem } from '../problem';
import { AlertDialog } from '../ui/alert-dialog';
import { Button } from '../ui/button';
import { Callout } from '../ui/callout';
import { Dialog, DialogActions } from '../ui/dialog';
import { useCall } from '../use-call';

/** `tokens` are the names of the agent tokens that are bound to this connection. */
export function Disconnect({ id, name, tokens }: { id: string; name: string; tokens: readonly string[] }) {
  const [asking, setAsking] = useState(false);
  const [revocation, setRevocation] = useState<'confirmed' | 'pending' | null>(null);
  const router = useRouter();
  // The list is fetched again only when the receipt is closed: with its row, this dialog would go too.
  const { pending, problem, run, reset } = useCall({ refresh: false });

  async function disconnect() {
    const done = await run(() => call('DELETE /me/connections/{id}', { path: { id } }));
    if (!done) return;
    setAsking(false);
    setRevocation(done.answer.revocation);
  }

  function close() {
    setRevocation(null);
    router.refresh();
  }

  return (
    <>
      <Button
        icon={<Unlink aria-hidden="true" />}
        onClick={() => {
          reset();
          setAsking(true);
        }}
      >
        Disconnect
      </Button>
      <AlertDialog
        open={asking}
        onOpenChange={setAsking}
        title="Disconnect from Asana?"
        confirm="Disconnect"
        pending={pending}
        problem={<Problem problem={problem} />}
        onConfirm={() => void disconnect()}
      >
        <p>
          This ends <strong className="font-medium">{name}</strong> for you and for every agent that works
          through it, from the next call on. Gatehouse also revokes its access at Asana.
        </p>
        {tokens.length > 0 && (
          <p className="mt-2">
            {tokens.length === 1 ? 'This agent token stays' : 'These agent tokens stay'} but can reach
            nothing, even after you connect again:{' '}
            <strong className="font-medium">{tokens.join(', ')}</strong>.
          </p>
        )}
      </AlertDialog>
      <Dialog
        open={revocation !== null}
        onOpenChange={(open) => {
          if (!open) close();
        }}
        title="Disconnected"
      >
        {revocation === 'confirmed' ? (
          <Callout tone="success" title="Asana has confirmed the revocation">
            Nothing here can reach {name} any more.
          </Callout>
        ) : (
          <Callout tone="warn" title="Asana has not confirmed the revocation yet">
            Nothing here can reach {name} any more. Gatehouse keeps trying to revoke its access at Asana; to
            be sure at once, open Asana → Settings → Apps and deauthorize the app.
          </Callout>
        )}
        <DialogActions>
          <Button variant="primary" onClick={close}>
            Done
          </Button>
        </DialogActions>
      </Dialog>
    </>
  );
}
