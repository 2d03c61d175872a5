// Changes to another Asana app. The server counts whom that disconnects; without a yes to that number nothing changes.
'use client';
import { useState, type FormEvent } from 'react';
import { ApiProblem, call } from '../api';
import { Problem } from '../problem';
import { Button } from '../ui/button';
import { Callout } from '../ui/callout';
import { Dialog, DialogActions } from '../ui/dialog';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';
import { AppFields } from './app-form';

export function OtherApp({ clientId }: { clientId: string }) {
  const [open, setOpen] = useState(false);
  const [id, setId] = useState('');
  const [secret, setSecret] = useState('');
  const [connected, setConnected] = useState<string | null>(null);
  const { pending, problem, run, reset } = useCall();
  const same = id.trim() === clientId;

  async function save(event: FormEvent) {
    event.preventDefault();
    const done = await run(async () => {
      try {
        await call('PUT /asana-app', {
          body: { clientId: id, clientSecret: secret },
          query: connected === null ? {} : { confirm: 'true' },
        });
        return true;
      } catch (error) {
        if (!(error instanceof ApiProblem) || error.code !== 'would_disconnect') throw error;
        // "7 people are connected through the present app"
        setConnected(error.detail?.split(';')[0] ?? 'People are connected through the present app');
        return false;
      }
    });
    if (!done?.answer) return;
    close();
    toast('Asana app saved');
  }

  // The secret does not stay in the page.
  function close() {
    setOpen(false);
    setId('');
    setSecret('');
    setConnected(null);
    reset();
  }

  return (
    <>
      <Button size="sm" variant="quiet" onClick={() => setOpen(true)}>
        Use another app
      </Button>
      <Dialog
        open={open}
        onOpenChange={(next) => {
          if (next) setOpen(true);
          else close();
        }}
        title={connected === null ? 'Use another Asana app' : 'Disconnect everybody?'}
        description={connected === null ? 'Connections belong to the app they were made with.' : undefined}
      >
        <form onSubmit={(event) => void save(event)} className="flex flex-col gap-4">
          <Problem problem={problem} />
          {connected === null ? (
            <>
              <AppFields {...{ id, secret }} onId={setId} onSecret={setSecret} />
              {same && (
                <Callout tone="info">
                  This is the present app: only its secret is replaced, and nobody is disconnected.
                </Callout>
              )}
            </>
          ) : (
            <Callout tone="danger" live title={`${connected}.`}>
              All of these connections end at once and are revoked at Asana. Each of these people has to press
              Connect again; until then their agents can call nothing.
            </Callout>
          )}
          <DialogActions>
            <Button onClick={close}>Cancel</Button>
            <Button type="submit" variant={connected === null ? 'primary' : 'danger'} loading={pending}>
              {connected === null ? 'Save' : 'Change app and disconnect'}
            </Button>
          </DialogActions>
        </form>
      </Dialog>
    </>
  );
}
