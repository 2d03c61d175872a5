// The organization's settings: name, which Asana accounts and workspaces may be connected, what happens when Asana changes a tool.
'use client';
import { useState, type FormEvent, type ReactNode } from 'react';
import type { OperationAnswer } from '@/lib/portal/operations';
import { call } from '../api';
import { Problem } from '../problem';
import { Button } from '../ui/button';
import { RadioGroup } from '../ui/radio-group';
import { Section } from '../ui/section';
import { TextField } from '../ui/text-field';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';
import { Limits } from './limits';
import { Workspaces } from './workspaces';

type Settings = OperationAnswer<'GET /organization'>;

export function SettingsForm({ settings }: { settings: Settings }) {
  const { pending, problem, run } = useCall();
  const [draft, setDraft] = useState(settings);
  const change = (part: Partial<Settings>) => setDraft({ ...draft, ...part });
  const changed = JSON.stringify(draft) !== JSON.stringify(settings);

  async function save(event: FormEvent) {
    event.preventDefault();
    // What the audit keeps is set in its own room; a form left open here must not turn it back.
    const { keepArguments: _, argumentDays: _days, auditMonths: _months, ...own } = draft;
    const done = await run(() => call('PATCH /organization', { body: own }));
    if (!done) return;
    setDraft(done.answer);
    toast('Settings saved');
  }

  return (
    <Section flush title="Settings">
      <form onSubmit={(event) => void save(event)}>
        <div className="divide-line divide-y">
          <Setting title="Name" hint="As people see it here.">
            <TextField
              label="Name"
              hideLabel
              required
              maxLength={120}
              value={draft.name}
              onChange={(event) => change({ name: event.target.value })}
            />
          </Setting>
          <Setting
            title="When Asana changes a tool"
            hint="A new tool is closed until an admin has reviewed it, whatever you choose here."
          >
            <RadioGroup
              label="When Asana changes a tool"
              hideLabel
              name="driftPolicy"
              value={draft.driftPolicy}
              onChange={(driftPolicy) => change({ driftPolicy })}
              options={driftPolicies}
            />
          </Setting>
          <Setting
            title="Asana accounts"
            hint="Asana approves silently as whoever is signed in there; this keeps out the wrong account."
          >
            <RadioGroup
              label="Which Asana accounts may be connected"
              hideLabel
              name="asanaEmail"
              value={draft.asanaEmail}
              onChange={(asanaEmail) => change({ asanaEmail })}
              options={accountRules}
            />
          </Setting>
          <Setting title="Asana workspaces" hint="A connection belongs to the workspace chosen at Asana.">
            <Workspaces workspaces={draft.workspaces} onChange={(workspaces) => change({ workspaces })} />
          </Setting>
          <Setting title="Asana plan" hint="Sets how many requests a minute Asana takes for each person.">
            <RadioGroup
              label="Asana plan"
              hideLabel
              name="asanaPlan"
              value={draft.asanaPlan}
              onChange={(asanaPlan) => change({ asanaPlan })}
              options={plans}
            />
          </Setting>
          <Setting
            title="Limits of Gatehouse’s own"
            hint="How much Gatehouse lets through each connection before it answers “too many”, so that Asana need not."
          >
            <Limits limits={draft.limits} plan={draft.asanaPlan} onChange={(limits) => change({ limits })} />
          </Setting>
        </div>
        <div className="border-line flex flex-col gap-3 border-t p-4">
          <Problem problem={problem} />
          <div className="flex gap-2">
            <Button type="submit" variant="primary" loading={pending} disabled={!changed}>
              Save settings
            </Button>
            {changed && <Button onClick={() => setDraft(settings)}>Discard</Button>}
          </div>
        </div>
      </form>
    </Section>
  );
}

function Setting({ title, hint, children }: { title: string; hint: string; children: ReactNode }) {
  return (
    <div className="grid gap-x-8 gap-y-2 p-4 lg:grid-cols-[minmax(0,20rem)_minmax(0,36rem)]">
      <div>
        <h3 className="text-sm font-medium">{title}</h3>
        <p className="text-ink-3 text-sm text-pretty">{hint}</p>
      </div>
      {children}
    </div>
  );
}

const driftPolicies = [
  {
    value: 'hold',
    label: 'Hold it',
    hint: 'Nobody sees or calls it until an admin has reviewed the change. Safest.',
  },
  {
    value: 'warn',
    label: 'Keep it open and warn',
    hint: 'Groups that have it go on using it; the Tools room shows that it waits for review.',
  },
] as const;

const accountRules = [
  { value: 'same', label: 'Their own', hint: 'The Asana account with the e-mail they have here.' },
  {
    value: 'listed',
    label: 'Those listed for them',
    hint: 'You list the addresses for each person under People.',
  },
  {
    value: 'any',
    label: 'Any account',
    hint: 'The person decides. Agents then may act as somebody else than the person on record.',
  },
] as const;

const plans = [
  { value: 'paid', label: 'Paid', hint: '1,500 requests a minute.' },
  { value: 'free', label: 'Free', hint: '150 requests a minute.' },
] as const;
