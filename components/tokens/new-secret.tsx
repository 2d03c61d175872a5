// Makes a secret that scripts use and shows it, once.
'use client';
import Plus from 'lucide-react/icons/plus';
import { useState, type FormEvent, type ReactNode } from 'react';
import { Problem } from '../problem';
import { Button } from '../ui/button';
import { Callout } from '../ui/callout';
import { Dialog, DialogActions } from '../ui/dialog';
import { TextField } from '../ui/text-field';
import { useCall } from '../use-call';
import { ExpiresAfter, expiryIn } from './expires-after';

/** What every such secret is made with. */
export type SecretInput = { name: string } & ReturnType<typeof expiryIn>;

/** `what` names it in the titles ("API key"), `kind` on the button ("key"). `create` answers the secret; `form` holds the fields of `children`. */
export function NewSecret({
  what,
  kind,
  description,
  name,
  create,
  shown,
  children,
}: {
  what: string;
  kind: string;
  description?: string;
  name: { placeholder: string; hint?: string };
  create: (input: SecretInput, form: FormData) => Promise<string>;
  shown: (secret: string) => ReactNode;
  children?: ReactNode;
}) {
  const [open, setOpen] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const { pending, problem, run, reset } = useCall();

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const input = { name: String(form.get('name')).trim(), ...expiryIn(form) };
    const done = await run(() => create(input, form));
    if (done) setSecret(done.answer);
  }

  return (
    <>
      <Button
        icon={<Plus aria-hidden="true" />}
        onClick={() => {
          reset();
          setSecret(null);
          setOpen(true);
        }}
      >
        New {what}
      </Button>
      <Dialog
        open={open}
        onOpenChange={setOpen}
        sticky
        title={secret ? `Your ${what}` : `New ${what}`}
        description={secret ? undefined : description}
      >
        {secret ? (
          <>
            <Callout tone="warn" live className="mb-4" title="Copy it now: it is shown only once">
              Gatehouse keeps no copy. If it is lost, end it and create another.
            </Callout>
            {shown(secret)}
            <DialogActions>
              <Button variant="primary" onClick={() => setOpen(false)}>
                I have copied it
              </Button>
            </DialogActions>
          </>
        ) : (
          <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-4">
            <Problem problem={problem} />
            <TextField label="Name" name="name" required maxLength={120} autoComplete="off" {...name} />
            {children}
            <ExpiresAfter />
            <DialogActions>
              <Button onClick={() => setOpen(false)}>Cancel</Button>
              <Button type="submit" variant="primary" loading={pending}>
                Create {kind}
              </Button>
            </DialogActions>
          </form>
        )}
      </Dialog>
    </>
  );
}
