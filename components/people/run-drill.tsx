// Rehearses an offboarding now, and leads to its receipt.
'use client';
import Siren from 'lucide-react/icons/siren';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { call } from '../api';
import { Problem } from '../problem';
import { AlertDialog } from '../ui/alert-dialog';
import { Button } from '../ui/button';
import { useCall } from '../use-call';

export function RunDrill() {
  const router = useRouter();
  const [asking, setAsking] = useState(false);
  const { pending, problem, run, reset } = useCall();
  return (
    <>
      <Button
        icon={<Siren aria-hidden="true" />}
        onClick={() => {
          reset();
          setAsking(true);
        }}
      >
        Run the drill now
      </Button>
      <AlertDialog
        open={asking}
        onOpenChange={setAsking}
        title="Rehearse an offboarding?"
        confirm="Run the drill"
        danger={false}
        pending={pending}
        problem={<Problem problem={problem} />}
        onConfirm={async () => {
          const done = await run(() => call('POST /offboarding-drills'));
          if (done) router.push(`/admin/people/offboardings/${done.answer.id}`);
        }}
      >
        A synthetic member gets a session, an agent token and an open stream in every process of Gatehouse,
        and is offboarded. Nobody real is touched, and Asana is not asked for anything. It takes a few
        seconds.
      </AlertDialog>
    </>
  );
}
