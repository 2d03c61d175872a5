// One call that waits: whose agent, which tool, what it would do in Asana, and for who may decide the two answers.
'use client';
import Check from 'lucide-react/icons/check';
import X from 'lucide-react/icons/x';
import { useState, type FormEvent } from 'react';
import { call } from '../api';
import { Problem } from '../problem';
import { ClassBadge } from '../tools/tool-badges';
import { Button } from '../ui/button';
import { Dialog, DialogActions } from '../ui/dialog';
import { RelativeTime } from '../ui/relative-time';
import { TextArea } from '../ui/text-area';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';
import { CallShown } from './call-shown';
import type { Approval } from './words';

export function ApprovalCard({ approval }: { approval: Approval }) {
  const { id, tool, toolTitle, toolClass, member, agent, askedAt, expiresAt, canDecide, approvers } =
    approval;
  const [isShown, setIsShown] = useState(false);
  const [isDeclining, setIsDeclining] = useState(false);
  const { pending, problem, run } = useCall();

  async function approve() {
    const done = await run(() =>
      call('POST /approvals/{id}/decision', { path: { id }, body: { decision: 'approve' } }),
    );
    if (done) toast('Approved', `${agent} may make this call once within the hour.`);
  }

  return (
    <li id={id} className="flex scroll-mt-16 flex-col gap-3 px-4 py-4 text-sm target:bg-accent-soft">
      <div className="flex flex-wrap items-center gap-x-2 gap-y-1 [overflow-wrap:anywhere]">
        <code className="font-mono text-xs font-medium">{tool}</code>
        <ClassBadge toolClass={toolClass} />
        {toolTitle && <span className="text-ink-2">{toolTitle}</span>}
      </div>
      <p className="text-ink-2 [overflow-wrap:anywhere]">
        <span className="text-ink font-semibold">{canDecide ? member.name : 'Your agent'}</span>
        {canDecide ? `\u2019s agent \u201c${agent}\u201d` : ` \u201c${agent}\u201d`} asks.{' '}
        {!canDecide && `${approvers.join(' or ') || 'Nobody who is still here'} decides. `}
        Asked <RelativeTime iso={askedAt} />; if nobody decides it ends <RelativeTime iso={expiresAt} />.
      </p>
      <CallShown id={id} onReady={() => setIsShown(true)} />
      <Problem problem={problem} />
      {canDecide && (
        <div className="flex flex-wrap gap-2">
          <Button icon={<X aria-hidden="true" />} onClick={() => setIsDeclining(true)}>
            Decline
          </Button>
          <Button
            variant="primary"
            icon={<Check aria-hidden="true" />}
            disabled={!isShown}
            loading={pending}
            onClick={() => void approve()}
          >
            Approve this call
          </Button>
        </div>
      )}
      {isDeclining && <DeclineDialog approval={approval} onClose={() => setIsDeclining(false)} />}
    </li>
  );
}

function DeclineDialog({ approval, onClose }: { approval: Approval; onClose: () => void }) {
  const { id, tool, member } = approval;
  const { pending, problem, run } = useCall();
  async function decline(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const answer = String(new FormData(event.currentTarget).get('answer')).trim();
    const done = await run(() =>
      call('POST /approvals/{id}/decision', { path: { id }, body: { decision: 'decline', answer } }),
    );
    if (!done) return;
    onClose();
    toast('Declined', `${member.name}\u2019s agent hears your answer when it calls again.`);
  }
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={`Decline this call of ${tool}?`}
      description="Nothing is sent to Asana. The same call can’t be put before somebody else until its time is over."
    >
      <form onSubmit={(event) => void decline(event)} className="flex flex-col gap-3">
        <Problem problem={problem} />
        <TextArea
          label="Answer"
          name="answer"
          required
          maxLength={500}
          hint={`The agent reads this, and ${member.name} with it. Say why, and what to do in its place.`}
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
