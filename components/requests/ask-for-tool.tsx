// Asks the admins for a tool, with a reason.
'use client';
import Send from 'lucide-react/icons/send';
import type { FormEvent } from 'react';
import { call } from '../api';
import { Problem } from '../problem';
import { Button } from '../ui/button';
import { TextArea } from '../ui/text-area';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';

export function AskForTool({ tool }: { tool: string }) {
  const { pending, problem, run } = useCall();
  async function ask(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const reason = String(new FormData(event.currentTarget).get('reason')).trim();
    const done = await run(() => call('POST /me/tool-requests', { body: { tool, reason } }));
    if (done) toast('Asked', 'You find the answer on this page.');
  }
  return (
    <form onSubmit={(event) => void ask(event)} className="flex flex-col gap-3">
      <Problem problem={problem} />
      <TextArea
        label="What do you need it for?"
        name="reason"
        required
        maxLength={500}
        hint="Your admins read this. They see who asks, for which tool, and which groups have it."
      />
      <div>
        <Button type="submit" variant="primary" loading={pending} icon={<Send aria-hidden="true" />}>
          Ask for this tool
        </Button>
      </div>
    </form>
  );
}
