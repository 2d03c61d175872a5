// Makes an API key and shows it, once.
'use client';
import Plus from 'lucide-react/icons/plus';
import { useState, type FormEvent } from 'react';
import { call } from '../api';
import { Problem } from '../problem';
import { ExpiresAfter, expiryIn } from '../tokens/expires-after';
import { Button } from '../ui/button';
import { Callout } from '../ui/callout';
import { CodeBlock } from '../ui/code-block';
import { CopyField } from '../ui/copy-field';
import { Dialog, DialogActions } from '../ui/dialog';
import { Select } from '../ui/select';
import { TextField } from '../ui/text-field';
import { useCall } from '../use-call';
import type { Role } from '../people/words';

/** `address` is the URL of /api/v1. */
export function NewApiKey({ address }: { address: string }) {
  const [open, setOpen] = useState(false);
  const [key, setKey] = useState<string | null>(null);
  const { pending, problem, run, reset } = useCall();

  async function create(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const done = await run(() =>
      call('POST /api-keys', {
        body: {
          name: String(form.get('name')).trim(),
          role: form.get('role') as Role,
          ...expiryIn(form),
        },
      }),
    );
    if (done) setKey(done.answer.key);
  }

  return (
    <>
      <Button
        icon={<Plus aria-hidden="true" />}
        onClick={() => {
          reset();
          setKey(null);
          setOpen(true);
        }}
      >
        New API key
      </Button>
      <Dialog open={open} onOpenChange={setOpen} sticky title={key ? 'Your API key' : 'New API key'}>
        {key ? (
          <>
            <Callout tone="warn" live className="mb-4" title="Copy it now: it is shown only once">
              Gatehouse keeps no copy. If it is lost, end it and create another.
            </Callout>
            <CopyField value={key} what="API key" label="API key" />
            <h3 className="mt-4 mb-1 text-sm font-medium">Try it</h3>
            <CodeBlock
              label="curl command"
              code={`curl -s ${address}/tools \\\n  -H "Authorization: Bearer ${key}"`}
            />
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
              placeholder="Nightly audit export"
            />
            <Select
              label="Role"
              name="role"
              defaultValue="auditor"
              options={[
                ['auditor', 'Auditor: reads tools and the audit'],
                ['admin', 'Admin: may change everything'],
              ]}
            />
            <ExpiresAfter />
            <DialogActions>
              <Button onClick={() => setOpen(false)}>Cancel</Button>
              <Button type="submit" variant="primary" loading={pending}>
                Create key
              </Button>
            </DialogActions>
          </form>
        )}
      </Dialog>
    </>
  );
}
