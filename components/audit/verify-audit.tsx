// Recomputes the audit's hash chain and says whether every record is as it was written.
'use client';
import ShieldCheck from 'lucide-react/icons/shield-check';
import { useState } from 'react';
import type { OperationAnswer } from '@/lib/portal/operations';
import { call } from '../api';
import { Problem } from '../problem';
import { count } from '../tools/words';
import { Button } from '../ui/button';
import { Callout } from '../ui/callout';
import { Dialog, DialogActions } from '../ui/dialog';
import { useCall } from '../use-call';

export function VerifyAudit() {
  const { pending, problem, run, reset } = useCall({ refresh: false });
  const [result, setResult] = useState<OperationAnswer<'GET /audit/verify'> | null>(null);
  const close = () => {
    setResult(null);
    reset();
  };
  return (
    <>
      <Button
        icon={<ShieldCheck aria-hidden="true" />}
        loading={pending}
        onClick={async () => {
          const done = await run(() => call('GET /audit/verify'));
          if (done) setResult(done.answer);
        }}
      >
        Verify
      </Button>
      <Dialog
        open={result !== null || problem !== null}
        onOpenChange={(open) => {
          if (!open) close();
        }}
        title="The audit’s hash chain"
      >
        <Problem problem={problem} />
        {result?.ok && (
          <Callout tone="success" title="Every record is as it was written">
            {count(result.records, 'record')} recomputed, from the first to the last: none is changed, missing
            or out of order.
          </Callout>
        )}
        {result && !result.ok && (
          <Callout tone="danger" title="The chain is broken">
            Record number {result.firstBad ?? 'unknown'} is not what was written: it, or one before it, was
            changed or removed in the database. Export the audit now, keep the database as it is, and compare
            with a backup.
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
