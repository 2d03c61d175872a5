// Ends what a person allowed a client, after saying what stops.
'use client';
import { useState } from 'react';
import { call } from '../api';
import { Problem } from '../problem';
import { AlertDialog } from '../ui/alert-dialog';
import { Button } from '../ui/button';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';

export function EndGrant({ id, name }: { id: string; name: string }) {
  const [asking, setAsking] = useState(false);
  const { pending, problem, run, reset } = useCall();
  return (
    <>
      <Button
        size="sm"
        variant="quiet"
        aria-label={`End access of ${name}`}
        onClick={() => {
          reset();
          setAsking(true);
        }}
      >
        End access
      </Button>
      <AlertDialog
        open={asking}
        onOpenChange={setAsking}
        title="End this client’s access?"
        confirm="End access"
        pending={pending}
        problem={<Problem problem={problem} />}
        onConfirm={async () => {
          const done = await run(() => call('DELETE /me/grants/{id}', { path: { id } }));
          if (!done) return;
          setAsking(false);
          toast('Access ended', name);
        }}
      >
        The next call of <strong className="font-medium">{name}</strong> is refused. To use it again you allow
        it anew from the client.
      </AlertDialog>
    </>
  );
}
