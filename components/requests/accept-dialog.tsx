// Accepts a request through a group, after saying what that changes and for whom.
'use client';
import { useEffect, useState } from 'react';
import type { OperationAnswer } from '@/lib/portal/operations';
import { call } from '../api';
import { Problem } from '../problem';
import { count, type ToolClass } from '../tools/words';
import { Button } from '../ui/button';
import { Callout } from '../ui/callout';
import { Dialog, DialogActions } from '../ui/dialog';
import { RadioGroup } from '../ui/radio-group';
import { TextField } from '../ui/text-field';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';
import { effectWords, type AcceptOption } from './accept-options';
import type { OpenRequest } from './words';

const SHOWN = 8;
const risky: readonly ToolClass[] = ['destructive', 'internal', 'unknown'];

export function AcceptDialog({
  request,
  options,
  onClose,
}: {
  request: OpenRequest;
  options: readonly AcceptOption[];
  onClose: () => void;
}) {
  const { id, tool, toolClass, member } = request;
  const [group, setGroup] = useState(options[0]?.slug ?? '');
  const [search, setSearch] = useState('');
  const { pending, problem, run } = useCall();
  const chosen = options.find(({ slug }) => slug === group);
  const wanted = search.trim().toLowerCase();
  const found = options.filter(({ name }) => name.toLowerCase().includes(wanted));

  async function accept() {
    const done = await run(() => call('POST /tool-requests/{id}/accept', { path: { id }, body: { group } }));
    if (!done) return;
    onClose();
    toast('Accepted', `${member.name} may use ${tool} from the next call on.`);
  }

  return (
    <Dialog
      open
      wide
      onOpenChange={(open) => !open && onClose()}
      title={`Give ${tool} to ${member.name}`}
      description="Through which group? The one that changes least comes first."
    >
      <div className="flex flex-col gap-3">
        <Problem problem={problem} />
        {options.length === 0 && (
          <Callout tone="warn" title="There is no group yet">
            Make a group first; tools are given to groups, not to single people.
          </Callout>
        )}
        {options.length > SHOWN && (
          <TextField
            label="Search groups"
            hideLabel
            type="search"
            placeholder="Search groups"
            value={search}
            onChange={(event) => setSearch(event.target.value)}
          />
        )}
        {found.length > 0 && (
          <RadioGroup
            label="Group"
            hideLabel
            name="group"
            value={group}
            onChange={setGroup}
            options={found.slice(0, SHOWN).map((option) => ({
              value: option.slug,
              label: option.name,
              hint: effectWords(option, tool, member.name),
            }))}
          />
        )}
        {found.length > SHOWN && (
          <p className="text-ink-3 text-sm">{count(found.length - SHOWN, 'more group')}; search by name.</p>
        )}
        {chosen && chosen.kind !== 'join' && <Reach key={group} group={group} tool={tool} />}
        {risky.includes(toolClass) && (
          <Callout tone="danger">
            {tool} {toolClass === 'destructive' ? 'can change or delete what exists' : 'counts as dangerous'};
            everybody you give it to can use it without asking again.
          </Callout>
        )}
      </div>
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button variant="primary" loading={pending} disabled={!chosen} onClick={accept}>
          Accept
        </Button>
      </DialogActions>
    </Dialog>
  );
}

/** Whom ticking the tool reaches in truth: people who have it through another group gain nothing. */
function Reach({ group, tool }: { group: string; tool: string }) {
  const [answer, setAnswer] = useState<OperationAnswer<'POST /groups/changes/preview'> | null>(null);
  useEffect(() => {
    let gone = false;
    call('POST /groups/changes/preview', { body: { changes: [{ slug: group, add: [tool] }] } }).then(
      (given) => gone || setAnswer(given),
      // The sentence beside the group stands without it.
      () => undefined,
    );
    return () => {
      gone = true;
    };
  }, [group, tool]);
  const gains = answer?.tools.find(({ name }) => name === tool)?.gains;
  if (!gains) return null;
  return (
    <output className="text-ink-2 text-sm">
      Ticking it gives {tool} to {count(gains.people, 'person', 'people')} now, {count(gains.agents, 'agent')}{' '}
      active this week
      {gains.sample.length > 0 && `: ${gains.sample.map(({ name }) => name).join(', ')}`}
      {gains.people > gains.sample.length && gains.sample.length > 0 ? ' and others' : ''}.
    </output>
  );
}
