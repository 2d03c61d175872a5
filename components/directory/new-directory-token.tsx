// Makes a directory token and shows it, once.
'use client';
import Plus from 'lucide-react/icons/plus';
import { useState, type FormEvent } from 'react';
import { call } from '../api';
import { Problem } from '../problem';
import { ExpiresAfter, expiryIn } from '../tokens/expires-after';
import { Button } from '../ui/button';
import { Callout } from '../ui/callout';
import { CopyField } from '../ui/copy-field';
import { Dialog, DialogActions } from '../ui/dialog';
import { TextField } from '../ui/text-field';
import { useCall } from '../use-call';

/** `address` is the URL of /scim/v2. */
export function NewDirectoryToken({ address }: { address: string }) {
  const [open, setOpen] = useState(false);
  const [token, setToken] = useState<string | null>(null);
  const { pending, problem, run, reset } = useCall();

  async function create(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const body = { name: String(form.get('name')).trim(), ...expiryIn(form) };
    const done = await run(() => call('POST /directory/tokens', { body }));
    if (done) setToken(done.answer.token);
  }

  return (
    <>
      <Button
        icon={<Plus aria-hidden="true" />}
        onClick={() => {
          reset();
          setToken(null);
          setOpen(true);
        }}
      >
        New directory token
      </Button>
      <Dialog
        open={open}
        onOpenChange={setOpen}
        sticky
        title={token ? 'Your directory token' : 'New directory token'}
        description={
          token
            ? undefined
            : 'Whoever has it can add people to Gatehouse and end them, but give nobody a tool.'
        }
      >
        {token ? (
          <>
            <Callout tone="warn" live className="mb-4" title="Copy it now: it is shown only once">
              Gatehouse keeps no copy. If it is lost, end it and create another.
            </Callout>
            <div className="flex flex-col gap-4">
              <CopyField value={address} what="SCIM base URL" label="SCIM base URL" />
              <CopyField value={token} what="directory token" label="Bearer token" />
            </div>
            <DialogActions>
              <Button variant="primary" onClick={() => setOpen(false)}>
                I have copied it
              </Button>
            </DialogActions>
          </>
        ) : (
          <form onSubmit={(event) => void create(event)} className="flex flex-col gap-4">
            <Problem problem={problem} />
            <TextField
              label="Name"
              name="name"
              required
              maxLength={120}
              autoComplete="off"
              placeholder="Okta"
              hint="The audit names it with every change."
            />
            <ExpiresAfter />
            <DialogActions>
              <Button onClick={() => setOpen(false)}>Cancel</Button>
              <Button type="submit" variant="primary" loading={pending}>
                Create token
              </Button>
            </DialogActions>
          </form>
        )}
      </Dialog>
    </>
  );
}
