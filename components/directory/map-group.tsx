// Lets a group of the company's decide who is in a group here.
'use client';
import Plus from 'lucide-react/icons/plus';
import { useState, type FormEvent } from 'react';
import { call } from '../api';
import { Problem } from '../problem';
import { Button } from '../ui/button';
import { Callout } from '../ui/callout';
import { Dialog, DialogActions } from '../ui/dialog';
import { Select } from '../ui/select';
import { TextField } from '../ui/text-field';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';

/** `groups` are those here that nothing of the company's decides yet; at least one. */
export function MapGroup({ groups }: { groups: readonly { slug: string; name: string }[] }) {
  const [open, setOpen] = useState(false);
  const { pending, problem, run, reset } = useCall();

  async function save(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const body = { name: String(form.get('name')).trim(), group: String(form.get('group')) };
    if (!(await run(() => call('POST /directory/groups', { body })))) return;
    setOpen(false);
    toast('Group of the company added', body.name);
  }

  return (
    <>
      <Button
        icon={<Plus aria-hidden="true" />}
        onClick={() => {
          reset();
          setOpen(true);
        }}
      >
        Add a group
      </Button>
      <Dialog open={open} onOpenChange={setOpen} title="Add a group of the company">
        <form onSubmit={(event) => void save(event)} className="flex flex-col gap-4">
          <Problem problem={problem} />
          <TextField
            label="Name at the company"
            name="name"
            required
            maxLength={120}
            autoComplete="off"
            hint="Exactly as the groups claim or the directory writes it; some write an id."
          />
          <Select
            label="Group here"
            name="group"
            options={groups.map(({ slug, name }) => [slug, name] as const)}
          />
          <Callout tone="warn">
            From then on the company alone decides who is in it: whoever it does not name leaves the group at
            their next sign-in, or with the directory’s next run.
          </Callout>
          <DialogActions>
            <Button onClick={() => setOpen(false)}>Cancel</Button>
            <Button type="submit" variant="primary" loading={pending}>
              Add group
            </Button>
          </DialogActions>
        </form>
      </Dialog>
    </>
  );
}
