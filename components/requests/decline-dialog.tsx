// Declines a request with an answer that the person reads.
'use client';
import type { FormEvent } from 'react';
import { call } from '../api';
import { Problem } from '../problem';
import { Button } from '../ui/button';
import { Dialog, DialogActions } from '../ui/dialog';
import { TextArea } from '../ui/text-area';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';
import type { OpenRequest } from './words';

export function DeclineDialog({ request, onClose }: { request: OpenRequest; onClose: () => void }) {
  const { id, tool, member } = request;
  const { pending, problem, run } = useCall();
  async function decline(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const answer = String(new FormData(event.currentTarget).get('answer')).trim();
    const done = await run(() =>
      call('POST /tool-requests/{id}/decline', { path: { id }, body: { answer } }),
    );
    if (!done) return;
    onClose();
    toast('Declined', `${member.name} reads your answer beside the request.`);
  }
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={`Decline ${tool} for ${member.name}?`}
      description="Nothing changes for anybody. They can ask again."
    >
      <form onSubmit={(event) => void decline(event)} className="flex flex-col gap-3">
        <Problem problem={problem} />
        <TextArea
          label="Answer"
          name="answer"
          required
          maxLength={500}
          hint={`${member.name} reads this. Say why, and what to use in its place.`}
        />
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="danger" loading={pending}>
            Decline
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
