// What has ended with an offboarding, as its receipt says while it goes on.
import type { OperationAnswer } from '@/lib/portal/operations';
import { Button, ButtonLink } from '../ui/button';
import { DialogActions } from '../ui/dialog';
import { ReceiptView } from './receipt';
import type { Receipt } from './receipt-words';

export type Removal = OperationAnswer<'GET /members/{email}/removal'>;

export function WhatHappened({ receipt, onLeave }: { receipt: Receipt; onLeave: () => void }) {
  return (
    <>
      <ReceiptView first={receipt} />
      <p className="text-ink-3 mt-3 text-sm">
        You may close this: it goes on by itself, and{' '}
        <a href={`/admin/people/offboardings/${receipt.id}`} className="text-accent underline">
          the receipt
        </a>{' '}
        stays.
      </p>
      <DialogActions>
        <ButtonLink href={`/admin/audit?member=${encodeURIComponent(receipt.member.email)}`}>
          What they did
        </ButtonLink>
        <Button variant="primary" onClick={onLeave}>
          Done
        </Button>
      </DialogActions>
    </>
  );
}
