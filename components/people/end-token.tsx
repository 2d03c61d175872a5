// Ends one agent token of a person, after saying whose agent stops.
'use client';
import { useState } from 'react';
import { call } from '../api';
import { Problem } from '../problem';
import { AlertDialog } from '../ui/alert-dialog';
import { Button } from '../ui/button';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';

export function EndToken({
  person,
  token,
}: {
  person: { email: string; name: string };
  token: { id: string; name: string };
}) {
  const [asking, setAsking] = useState(false);
  const { pending, problem, run, reset } = useCall();
  return (
    <>
      <Button
        size="sm"
        variant="quiet"
        aria-label={`End ${token.name}`}
        onClick={() => {
          reset();
          setAsking(true);
        }}
      >
        End
      </Button>
      <AlertDialog
        open={asking}
        onOpenChange={setAsking}
        title="End this agent token?"
        confirm="End token"
        pending={pending}
        problem={<Problem problem={problem} />}
        onConfirm={async () => {
          const path = { email: person.email, id: token.id };
          const done = await run(() => call('DELETE /members/{email}/tokens/{id}', { path }));
          if (!done) return;
          setAsking(false);
          toast('Agent token ended', `${token.name} of ${person.email}`);
        }}
      >
        Every agent of {person.name} that uses <strong className="font-medium">{token.name}</strong> is
        refused from its next call on. Their other tokens and their Asana connections stay. This can’t be
        undone; they can make a new token.
      </AlertDialog>
    </>
  );
}
