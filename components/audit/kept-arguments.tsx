// Shows an auditor the arguments of a call, where they were kept; asks first, because each reading is on record.
'use client';
import LockOpen from 'lucide-react/icons/lock-open';
import { useState } from 'react';
import type { OperationAnswer } from '@/lib/portal/operations';
import { call } from '../api';
import { Problem } from '../problem';
import { Button } from '../ui/button';
import { Callout } from '../ui/callout';
import { CodeBlock } from '../ui/code-block';
import { Section } from '../ui/section';
import { useCall } from '../use-call';

type Kept = OperationAnswer<'POST /audit/{id}/arguments'>;

export function KeptArguments({ id }: { id: string }) {
  const { pending, problem, run } = useCall({ refresh: false });
  const [kept, setKept] = useState<Kept | null>(null);
  return (
    <Section
      title="Arguments"
      description="Kept sealed where the organization has it so. That you read them is itself on record."
      actions={
        kept ? undefined : (
          <Button
            icon={<LockOpen aria-hidden="true" />}
            loading={pending}
            onClick={async () => {
              const done = await run(() => call('POST /audit/{id}/arguments', { path: { id } }));
              if (done) setKept(done.answer);
            }}
          >
            Read the arguments
          </Button>
        )
      }
    >
      <Problem problem={problem} />
      {kept && (
        <div className="flex flex-col gap-3">
          {kept.matches === false && (
            <Callout tone="danger" title="These are not the arguments that were recorded" live>
              Their digest is another than the one in the record. Keep the database as it is, and verify the
              chain.
            </Callout>
          )}
          {kept.cut && (
            <Callout tone="warn" title="Only the beginning was kept" live>
              The whole was {kept.bytes.toLocaleString('en')} bytes long; the digest in the record is of all
              of it.
            </Callout>
          )}
          <CodeBlock
            label="kept arguments"
            code={kept.cut ? kept.text : JSON.stringify(JSON.parse(kept.text), null, 2)}
          />
        </div>
      )}
    </Section>
  );
}
