// A small button that ends something: it asks first, saying what stops, ends it through /api/v1, and says that it is done.
'use client';
import { useState, type ReactNode } from 'react';
import type { OperationInput, OperationName } from '@/lib/portal/operations';
import { call } from './api';
import { Problem } from './problem';
import { AlertDialog } from './ui/alert-dialog';
import { Button } from './ui/button';
import { toast } from './ui/toast';
import { useCall } from './use-call';

/**
 * `text` is on the button and `label` its full name ("Revoke Weekly report"); `title`, `children` and `confirm` make the question;
 * `done` and `about` the notice afterwards. An operation and its input, not a function, so that a page of the server can give them.
 */
export function ConfirmEnd<N extends OperationName>({
  operation,
  input,
  text,
  label,
  title,
  confirm,
  done,
  about,
  children,
}: {
  operation: N;
  input: OperationInput<N>;
  text: string;
  label: string;
  title: string;
  confirm: string;
  done: string;
  about: string;
  children: ReactNode;
}) {
  const [asking, setAsking] = useState(false);
  const { pending, problem, run, reset } = useCall();
  return (
    <>
      <Button
        size="sm"
        variant="quiet"
        aria-label={label}
        onClick={() => {
          reset();
          setAsking(true);
        }}
      >
        {text}
      </Button>
      <AlertDialog
        open={asking}
        onOpenChange={setAsking}
        title={title}
        confirm={confirm}
        pending={pending}
        problem={<Problem problem={problem} />}
        onConfirm={async () => {
          if (!(await run(() => call(operation, input)))) return;
          setAsking(false);
          toast(done, about);
        }}
      >
        {children}
      </AlertDialog>
    </>
  );
}
