// The button that lets an agent write again today, with a whole budget.
'use client';
import { useState } from 'react';
import { call } from '../api';
import { Problem } from '../problem';
import { Button } from '../ui/button';
import { Dialog, DialogActions } from '../ui/dialog';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';

export function LiftBudget({ id, agent, person }: { id: string; agent: string; person: string }) {
  const [asking, setAsking] = useState(false);
  const { pending, problem, run, reset } = useCall();
  return (
    <>
      <Button
        size="sm"
        aria-label={`Let ${agent} of ${person} write again`}
        onClick={() => {
          reset();
          setAsking(true);
        }}
      >
        Let it write again
      </Button>
      <Dialog open={asking} onOpenChange={setAsking} title={`Let ${agent} write again?`}>
        <p className="text-ink-2 text-sm">
          Its budget for today begins anew: it may write as often again as {person}’s groups allow in a day.
          If you do not know why it wrote so much, look at its calls in the audit first.
        </p>
        <Problem problem={problem} className="mt-3" />
        <DialogActions>
          <Button onClick={() => setAsking(false)}>Leave it</Button>
          <Button
            variant="primary"
            loading={pending}
            onClick={() =>
              void run(() => call('POST /budgets/{id}/lift', { path: { id } })).then((done) => {
                if (!done) return;
                setAsking(false);
                toast('It may write again', 'From the next call on, with its whole budget for today.');
              })
            }
          >
            Let it write
          </Button>
        </DialogActions>
      </Dialog>
    </>
  );
}
