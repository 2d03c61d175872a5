// Shows what was there before a call, as it was kept, to the person and to whoever reads kept arguments.
'use client';
import LockOpen from 'lucide-react/icons/lock-open';
import { useState } from 'react';
import { call } from '../api';
import { Problem } from '../problem';
import { Button } from '../ui/button';
import { CodeBlock } from '../ui/code-block';
import { Section } from '../ui/section';
import { useCall } from '../use-call';

export function KeptBefore({ id, isOwn }: { id: string; isOwn: boolean }) {
  const { pending, problem, run } = useCall({ refresh: false });
  const [text, setText] = useState<string | null>(null);
  return (
    <Section
      title="What was there before"
      description={
        isOwn
          ? 'As it was read at Asana just before the call, with the call’s arguments.'
          : 'Kept sealed. That you read it is itself on record.'
      }
      actions={
        text === null ? (
          <Button
            icon={<LockOpen aria-hidden="true" />}
            loading={pending}
            onClick={async () => {
              const done = await run(() => call('POST /undo/{id}/contents', { path: { id } }));
              if (done) setText(done.answer.text);
            }}
          >
            Read it
          </Button>
        ) : undefined
      }
    >
      <Problem problem={problem} />
      {text !== null && <CodeBlock label="what was there before" code={text} />}
    </Section>
  );
}
