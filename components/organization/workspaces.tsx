// Which Asana workspaces people may connect: any, or those listed by gid.
'use client';
import Plus from 'lucide-react/icons/plus';
import Trash2 from 'lucide-react/icons/trash-2';
import type { OperationAnswer } from '@/lib/portal/operations';
import { Button } from '../ui/button';
import { Callout } from '../ui/callout';
import { IconButton } from '../ui/icon-button';
import { RadioGroup } from '../ui/radio-group';
import { TextField } from '../ui/text-field';

type Settings = OperationAnswer<'GET /organization'>;

/** Null allows any workspace. */
export function Workspaces({
  workspaces,
  onChange,
}: {
  workspaces: Settings['workspaces'];
  onChange: (workspaces: Settings['workspaces']) => void;
}) {
  const pinned = workspaces ?? [];
  const set = (n: number, part: Partial<(typeof pinned)[number]>) =>
    onChange(pinned.map((workspace, at) => (at === n ? { ...workspace, ...part } : workspace)));
  return (
    <div>
      <RadioGroup
        label="Which Asana workspaces may be connected"
        hideLabel
        name="workspaces"
        value={workspaces === null ? 'any' : 'pinned'}
        onChange={(choice) => onChange(choice === 'any' ? null : [{ gid: '', name: '' }])}
        options={[
          { value: 'any', label: 'Any workspace', hint: 'Whatever the person chooses at Asana.' },
          {
            value: 'pinned',
            label: 'Only these',
            hint: 'Another workspace is refused, and so is one that Asana does not name.',
          },
        ]}
      />
      {workspaces !== null && (
        <fieldset className="mt-3 flex flex-col gap-2 pl-1">
          <legend className="sr-only">Workspaces</legend>
          {pinned.map((workspace, n) => (
            <div key={n} className="flex items-end gap-2">
              <TextField
                label="Workspace gid"
                required
                inputMode="numeric"
                pattern="\d{1,30}"
                mono
                value={workspace.gid}
                onChange={(event) => set(n, { gid: event.target.value.trim() })}
                className="w-44"
              />
              <TextField
                label="Name"
                optional
                value={workspace.name}
                maxLength={200}
                onChange={(event) => set(n, { name: event.target.value })}
                className="min-w-0 flex-1"
              />
              <IconButton
                label={`Remove workspace ${n + 1}`}
                icon={<Trash2 aria-hidden="true" />}
                onClick={() => onChange(pinned.filter((_, at) => at !== n))}
              />
            </div>
          ))}
          {pinned.length === 0 && (
            <Callout tone="warn">With no workspace in the list nobody can connect.</Callout>
          )}
          <div>
            <Button
              size="sm"
              variant="quiet"
              icon={<Plus aria-hidden="true" />}
              onClick={() => onChange([...pinned, { gid: '', name: '' }])}
            >
              Add workspace
            </Button>
          </div>
        </fieldset>
      )}
    </div>
  );
}
