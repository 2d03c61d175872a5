// Creates a group from a preset and leads to its page.
'use client';
import Plus from 'lucide-react/icons/plus';
import { useRouter } from 'next/navigation';
import { useState, type FormEvent } from 'react';
import { call } from '../api';
import { Problem } from '../problem';
import { count, type ToolLine } from '../tools/words';
import { Button } from '../ui/button';
import { Dialog, DialogActions } from '../ui/dialog';
import { RadioGroup } from '../ui/radio-group';
import { TextField } from '../ui/text-field';
import { useAsked } from '../use-asked';
import { useCall } from '../use-call';
import { presets, toolsOfPreset, type PresetId } from './presets';

export function NewGroup({ tools }: { tools: readonly ToolLine[] }) {
  const router = useRouter();
  const [open, setOpen] = useAsked('new');
  const [preset, setPreset] = useState<PresetId>('read');
  const { pending, problem, run, reset } = useCall();

  async function create(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget).get('name')).trim();
    const done = await run(() =>
      call('POST /groups', { body: { name, tools: toolsOfPreset(preset, tools), members: [] } }),
    );
    if (done) router.push(`/admin/groups/${done.answer.slug}`);
  }

  return (
    <>
      <Button
        variant="primary"
        icon={<Plus aria-hidden="true" />}
        onClick={() => {
          reset();
          setOpen(true);
        }}
      >
        New group
      </Button>
      <Dialog
        open={open}
        onOpenChange={setOpen}
        title="New group"
        description="Nobody is in it yet; you add people on the next page."
      >
        <form onSubmit={(event) => void create(event)} className="flex flex-col gap-4">
          <Problem problem={problem} />
          <TextField
            label="Name"
            name="name"
            required
            maxLength={120}
            autoComplete="off"
            placeholder="Project leads"
          />
          <RadioGroup
            label="Tools to begin with"
            name="preset"
            value={preset}
            onChange={setPreset}
            options={presets.map(({ id, title, note }) => ({
              value: id,
              label: `${title} (${count(toolsOfPreset(id, tools).length, 'tool')})`,
              hint: note,
            }))}
          />
          <DialogActions>
            <Button onClick={() => setOpen(false)}>Cancel</Button>
            <Button type="submit" variant="primary" loading={pending}>
              Create group
            </Button>
          </DialogActions>
        </form>
      </Dialog>
    </>
  );
}
