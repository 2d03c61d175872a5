// What an admin can do about a tool: accept its definition, block it for everybody, open it again.
'use client';
import Ban from 'lucide-react/icons/ban';
import BadgeCheck from 'lucide-react/icons/badge-check';
import Ellipsis from 'lucide-react/icons/ellipsis';
import LockOpen from 'lucide-react/icons/lock-open';
import { useState } from 'react';
import { call } from '../api';
import { Problem } from '../problem';
import { AlertDialog } from '../ui/alert-dialog';
import { Button } from '../ui/button';
import { IconButton } from '../ui/icon-button';
import { Menu, MenuItem } from '../ui/menu';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';
import type { ToolLine } from './words';

type Deed = 'review' | 'block' | 'unblock';

/** A row of buttons, or with `compact` one menu. */
export function ToolActions({ tool, compact = false }: { tool: ToolLine; compact?: boolean }) {
  const [asking, setAsking] = useState<Deed | null>(null);
  const { pending, problem, run, reset } = useCall();
  const deeds: Deed[] = [
    ...(tool.status === 'new' || tool.status === 'changed' ? (['review'] as const) : []),
    tool.blocked ? 'unblock' : 'block',
  ];
  const ask = (deed: Deed) => {
    reset();
    setAsking(deed);
  };

  async function perform(deed: Deed) {
    const { name } = tool;
    const body = deed === 'review' ? { status: 'reviewed' as const } : { blocked: deed === 'block' };
    const done = await run(() => call('PATCH /tools/{name}', { path: { name }, body }));
    if (!done) return;
    setAsking(null);
    toast(words[deed].done, name);
  }

  return (
    <>
      {compact ? (
        <Menu
          trigger={<IconButton label={`Actions for ${tool.name}`} icon={<Ellipsis aria-hidden="true" />} />}
        >
          {deeds.map((deed) => (
            <MenuItem key={deed} icon={words[deed].icon} danger={deed === 'block'} onSelect={() => ask(deed)}>
              {words[deed].verb}
            </MenuItem>
          ))}
        </Menu>
      ) : (
        deeds.map((deed) => (
          <Button
            key={deed}
            icon={words[deed].icon}
            variant={deed === 'review' ? 'primary' : 'secondary'}
            onClick={() => ask(deed)}
          >
            {words[deed].verb}
          </Button>
        ))
      )}
      {asking && (
        <AlertDialog
          open
          onOpenChange={() => setAsking(null)}
          title={words[asking].title(tool.name)}
          confirm={words[asking].verb}
          danger={asking === 'block'}
          pending={pending}
          problem={<Problem problem={problem} />}
          onConfirm={() => perform(asking)}
        >
          {consequence(asking, tool)}
        </AlertDialog>
      )}
    </>
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
