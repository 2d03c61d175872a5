// Compares the catalogue with what Asana lists now and says what differed.
'use client';
import RefreshCw from 'lucide-react/icons/refresh-cw';
import { useState } from 'react';
import type { OperationAnswer } from '@/lib/portal/operations';
import { call } from '../api';
import { Problem } from '../problem';
import { Button, ButtonLink } from '../ui/button';
import { Callout } from '../ui/callout';
import { Dialog, DialogActions } from '../ui/dialog';
import { useCall } from '../use-call';

type Found = OperationAnswer<'POST /tools/sync'>;

export function SyncTools() {
  const { pending, problem, run, reset } = useCall();
  const [found, setFound] = useState<Found | null>(null);
  return (
    <>
      <Button
        icon={<RefreshCw aria-hidden="true" />}
        loading={pending}
        onClick={async () => {
          const done = await run(() => call('POST /tools/sync'));
          if (done) setFound(done.answer);
        }}
      >
        Sync with Asana
      </Button>
      <Dialog
        open={found !== null || problem !== null}
        onOpenChange={(open) => {
          if (open) return;
          setFound(null);
          reset();
        }}
        title={problem ? 'The catalogue could not be compared' : 'Compared with Asana'}
      >
        {problem?.code === 'no_connection' ? (
          <Callout
            tone="warn"
            title="Nobody is connected yet"
            actions={
              <ButtonLink href="/connections" size="sm">
                Go to connections
              </ButtonLink>
            }
          >
            Asana shows its tools only to a signed-in person. Connect your own Asana account, then sync again.
          </Callout>
        ) : (
          <Problem problem={problem} />
        )}
        {found && <Differences found={found} />}
        <DialogActions>
          <Button
            variant="primary"
            onClick={() => {
              setFound(null);
              reset();
            }}
          >
            Done
          </Button>
        </DialogActions>
      </Dialog>
    </>
  );
}

function Differences({ found }: { found: Found }) {
  if (found.added.length + found.changed.length + found.removed.length === 0)
    return (
      <Callout tone="success" title="Nothing changed">
        Asana lists exactly what the catalogue knows.
      </Callout>
    );
  return (
    <div className="flex flex-col gap-3 text-sm">
      <Names title="New, closed until reviewed" names={found.added} />
      <Names title="Changed, to be reviewed" names={found.changed} />
      <Names title="No longer listed by Asana" names={found.removed} />
    </div>
  );
}

function Names({ title, names }: { title: string; names: readonly string[] }) {
  if (names.length === 0) return null;
  return (
    <div>
      <h3 className="font-medium">{title}</h3>
      <ul className="mt-1 flex flex-wrap gap-1.5">
        {names.map((name) => (
          <li key={name}>
            <code className="bg-sunken rounded-inner inline-block px-1.5 py-0.5 font-mono text-xs">
              {name}
            </code>
          </li>
        ))}
      </ul>
    </div>
  );
}
