// Signed checkpoints of the chain: the newest ones, all of them to take away, one more now, and the keys that sign them.
'use client';
import Download from 'lucide-react/icons/download';
import PenLine from 'lucide-react/icons/pen-line';
import { useState } from 'react';
import type { OperationAnswer } from '@/lib/portal/operations';
import { addressOf, call } from '../api';
import { Problem } from '../problem';
import { AlertDialog } from '../ui/alert-dialog';
import { Badge } from '../ui/badge';
import { Button, ButtonAnchor } from '../ui/button';
import { CopyButton } from '../ui/copy-button';
import { Disclosure } from '../ui/disclosure';
import { EmptyState } from '../ui/empty-state';
import { RelativeTime } from '../ui/relative-time';
import { Section } from '../ui/section';
import { Cell, Row, RowHeader, Table, TableBody, TableHead } from '../ui/table';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';

type Answer = OperationAnswer<'GET /audit/checkpoints'>;

export function Checkpoints({ checkpoints, keys, mayRotate }: Answer & { mayRotate: boolean }) {
  const { pending, problem, run } = useCall();
  return (
    <Section
      flush
      title="Checkpoints"
      description="A signature over how far the chain reaches, made every hour while records come. Keep them outside of this server: against them even a rewritten database is found out."
      actions={
        <>
          <ButtonAnchor
            href={addressOf('/audit/checkpoints', { query: { limit: 10_000 } })}
            download="checkpoints.json"
            icon={<Download aria-hidden="true" />}
          >
            Download all
          </ButtonAnchor>
          <Button
            icon={<PenLine aria-hidden="true" />}
            loading={pending}
            onClick={async () => {
              const done = await run(() => call('POST /audit/checkpoints'));
              if (done) toast('Checkpoint signed', `Up to record ${done.answer.seq.toLocaleString('en')}.`);
            }}
          >
            Sign one now
          </Button>
        </>
      }
    >
      {problem && (
        <div className="p-4">
          <Problem problem={problem} />
        </div>
      )}
      {checkpoints.length === 0 ? (
        <EmptyState icon={<PenLine />} title="No checkpoint yet">
          The first one is signed within minutes of the first record. You can sign one now.
        </EmptyState>
      ) : (
        <Table label="Newest checkpoints" widths={['md:w-32', 'md:w-44', '', 'md:w-44']}>
          <TableHead columns={['Up to record', 'Signed', 'Hash', 'Key']} />
          <TableBody>
            {checkpoints.map((checkpoint) => (
              <Row key={`${checkpoint.seq} ${checkpoint.kind}`}>
                <RowHeader>
                  <span className="tabular-nums">{checkpoint.seq.toLocaleString('en')}</span>{' '}
                  {checkpoint.kind === 'retention' && <Badge>older deleted</Badge>}
                </RowHeader>
                <Cell label="Signed">
                  <RelativeTime iso={checkpoint.at} />
                </Cell>
                <Cell label="Hash">
                  <code className="block truncate font-mono text-xs" title={checkpoint.hash}>
                    {checkpoint.hash}
                  </code>
                </Cell>
                <Cell label="Key">
                  <code className="font-mono text-xs">{checkpoint.keyId}</code>
                </Cell>
              </Row>
            ))}
          </TableBody>
        </Table>
      )}
      <div className="border-line border-t p-4">
        <Keys keys={keys} mayRotate={mayRotate} />
      </div>
    </Section>
  );
}

function Keys({ keys, mayRotate }: { keys: Answer['keys']; mayRotate: boolean }) {
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h3 className="text-sm font-medium">Keys that sign</h3>
        <div className="flex flex-wrap gap-2">
          <ButtonAnchor
            size="sm"
            href={addressOf('/audit/keys', {})}
            download="audit-keys.json"
            icon={<Download aria-hidden="true" />}
          >
            Download public keys
          </ButtonAnchor>
          {mayRotate && <Rotate />}
        </div>
      </div>
      <ul className="flex flex-col gap-2 text-sm">
        {keys.map((key) => (
          <li key={key.id}>
            <Disclosure
              summary={
                <>
                  <code className="font-mono text-xs">{key.id}</code>
                  <Badge tone={key.retiredAt === null ? 'success' : undefined}>
                    {key.retiredAt === null ? 'signs' : 'retired'}
                  </Badge>
                </>
              }
            >
              <div className="flex flex-wrap items-start gap-2">
                <pre className="border-line bg-sunken rounded-box min-w-0 overflow-x-auto border px-3 py-2 font-mono text-xs">
                  {key.publicKey.trim()}
                </pre>
                <CopyButton text={key.publicKey} what="public key" size="sm" />
              </div>
            </Disclosure>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Rotate() {
  const [asking, setAsking] = useState(false);
  const { pending, problem, run, reset } = useCall();
  return (
    <>
      <Button
        size="sm"
        onClick={() => {
          reset();
          setAsking(true);
        }}
      >
        Change the key
      </Button>
      <AlertDialog
        open={asking}
        onOpenChange={setAsking}
        title="Change the key that signs?"
        confirm="Change the key"
        danger={false}
        pending={pending}
        problem={<Problem problem={problem} />}
        onConfirm={async () => {
          if (!(await run(() => call('POST /audit/keys')))) return;
          setAsking(false);
          toast('A new key signs', 'Give its public half to whoever verifies.');
        }}
      >
        The private half of the present key is destroyed. What it signed stays good: its public half is kept
        for ever. Whoever verifies elsewhere needs the new public key from now on.
      </AlertDialog>
    </>
  );
}
