// Revokes an agent token after saying what stops.
'use client';
import { useState } from 'react';
import { call } from '../api';
import { Problem } from '../problem';
import { AlertDialog } from '../ui/alert-dialog';
import { Button } from '../ui/button';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';

export function RevokeToken({ id, name }: { id: string; name: string }) {
  const [asking, setAsking] = useState(false);
  const { pending, problem, run, reset } = useCall();
  return (
    <>
      <Button
        size="sm"
        variant="quiet"
        aria-label={`Revoke ${name}`}
        onClick={() => {
          reset();
          setAsking(true);
        }}
      >
        Revoke
      </Button>
      <AlertDialog
        open={asking}
        onOpenChange={setAsking}
        title="Revoke this token?"
        confirm="Revoke token"
        pending={pending}
        problem={<Problem problem={problem} />}
        onConfirm={async () => {
          const done = await run(() => call('DELETE /me/tokens/{id}', { path: { id } }));
          if (!done) return;
          setAsking(false);
          toast('Token revoked', name);
        }}
      >
        Every agent or script that uses <strong className="font-medium">{name}</strong> is refused from its
        next call on. This can’t be undone; a new token has to be put where this one is used.
      </AlertDialog>
    </>
  );
}
