// What an admin can do about a tool: accept its definition, block it for everybody, open it again. Each deed asks first.
'use client';
import Ban from 'lucide-react/icons/ban';
import BadgeCheck from 'lucide-react/icons/badge-check';
import LockOpen from 'lucide-react/icons/lock-open';
import { useState } from 'react';
import { call } from '../api';
import { Problem } from '../problem';
import { AlertDialog } from '../ui/alert-dialog';
import { Button, type ButtonSize } from '../ui/button';
import { MenuItem } from '../ui/menu';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';
import type { ToolLine } from './words';

export type Deed = 'review' | 'block' | 'unblock';

/** What can be done about a tool as it stands. */
function deedsOf(tool: Pick<ToolLine, 'status' | 'blocked'>): Deed[] {
  return [
    ...(tool.status === 'new' || tool.status === 'changed' ? (['review'] as const) : []),
    tool.blocked ? 'unblock' : 'block',
  ];
}

/** A row of buttons. */
export function ToolActions({ tool, size = 'md' }: { tool: ToolLine; size?: ButtonSize }) {
  const [asking, setAsking] = useState<Deed | null>(null);
  return (
    <>
      {deedsOf(tool).map((deed) => (
        <Button
          key={deed}
          size={size}
          icon={words[deed].icon}
          variant={deed === 'review' ? 'primary' : 'secondary'}
          onClick={() => setAsking(deed)}
        >
          {words[deed].verb}
        </Button>
      ))}
      {asking && <ToolDeed tool={tool} deed={asking} onClose={() => setAsking(null)} />}
    </>
  );
}

/** The deeds as entries of a menu; `onAsk` shows `ToolDeed`. */
export function ToolMenuItems({ tool, onAsk }: { tool: ToolLine; onAsk: (deed: Deed) => void }) {
  return deedsOf(tool).map((deed) => (
    <MenuItem key={deed} icon={words[deed].icon} danger={deed === 'block'} onSelect={() => onAsk(deed)}>
      {words[deed].verb}
    </MenuItem>
  ));
}

/** Says what a deed brings about, and does it. */
export function ToolDeed({ tool, deed, onClose }: { tool: ToolLine; deed: Deed; onClose: () => void }) {
  const { pending, problem, run } = useCall();

  async function perform() {
    const { name } = tool;
    const body = deed === 'review' ? { status: 'reviewed' as const } : { blocked: deed === 'block' };
    const done = await run(() => call('PATCH /tools/{name}', { path: { name }, body }));
    if (!done) return;
    onClose();
    toast(words[deed].done, name);
  }

  return (
    <AlertDialog
      open
      onOpenChange={onClose}
      title={words[deed].title(tool.name)}
      confirm={words[deed].verb}
      danger={deed === 'block'}
      pending={pending}
      problem={<Problem problem={problem} />}
      onConfirm={perform}
    >
      {consequence(deed, tool)}
    </AlertDialog>
  );
}

const words = {
  review: {
    verb: 'Mark reviewed',
    done: 'Marked reviewed',
    icon: <BadgeCheck aria-hidden="true" />,
    title: (name: string) => `Accept ${name} as Asana lists it now?`,
  },
  block: {
    verb: 'Block',
    done: 'Blocked',
    icon: <Ban aria-hidden="true" />,
    title: (name: string) => `Block ${name} for everybody?`,
  },
  unblock: {
    verb: 'Unblock',
    done: 'Unblocked',
    icon: <LockOpen aria-hidden="true" />,
    title: (name: string) => `Unblock ${name}?`,
  },
} as const;

function consequence(deed: Deed, tool: ToolLine): string {
  const groups = tool.groups.length > 0 ? `the groups ${tool.groups.join(', ')}` : null;
  if (deed === 'block')
    return groups
      ? `From the next call on no agent sees or calls it, although ${groups} have it ticked. The ticks stay and count again when you unblock it.`
      : 'From the next call on no agent sees or calls it, whatever group gets it later.';
  if (deed === 'unblock')
    return groups
      ? `The agents of everybody in ${groups} see it and can call it again from the next call on.`
      : 'No group has it, so nothing changes until you tick it for one.';
  return groups
    ? `It opens for ${groups} from the next call on. Read its description and arguments first: this is what a model will be told.`
    : 'No group has it yet, so it opens for nobody until you tick it for one. Read its description and arguments first.';
}
