// The policy as a file: download it, or choose one, see in words what it would change and what it would have decided, and apply it whole.
'use client';
import Download from 'lucide-react/icons/download';
import FileUp from 'lucide-react/icons/file-up';
import { useRef, useState } from 'react';
import type { OperationAnswer, OperationInput } from '@/lib/portal/operations';
import { call } from '../api';
import { Problem } from '../problem';
import { count } from '../tools/words';
import { Badge } from '../ui/badge';
import { Button } from '../ui/button';
import { Callout } from '../ui/callout';
import { Dialog, DialogActions } from '../ui/dialog';
import { ScrollArea } from '../ui/scroll-area';
import { Section } from '../ui/section';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';
import { ReplayOfDraft } from './replay';
import { failureWords } from './words';

type ConfigFile = NonNullable<OperationInput<'POST /config/plan'>['body']>['config'];
type Plan = OperationAnswer<'POST /config/plan'>;

const changeWords = {
  create: { text: 'New', tone: 'success' },
  update: { text: 'Changed', tone: 'accent' },
  delete: { text: 'Deleted', tone: 'danger' },
} as const;

export function PolicyFile() {
  const [planned, setPlanned] = useState<{ name: string; file: ConfigFile; plan: Plan } | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  const chooser = useRef<HTMLInputElement>(null);
  const { pending, problem, run, reset } = useCall({ refresh: false });

  async function download() {
    const done = await run(() => call('GET /config'));
    if (!done) return;
    // The same text as `npm run config -- export`.
    const text = `${JSON.stringify(done.answer, null, 2)}\n`;
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
    link.download = 'gatehouse.json';
    link.click();
    URL.revokeObjectURL(link.href);
  }

  async function choose(chosen: File) {
    reset();
    setFault(null);
    let file: ConfigFile;
    try {
      file = JSON.parse(await chosen.text()) as ConfigFile;
    } catch {
      setFault(`${chosen.name} is not JSON; nothing was read of it.`);
      return;
    }
    const done = await run(() => call('POST /config/plan', { body: { config: file } }));
    if (done) setPlanned({ name: chosen.name, file, plan: done.answer });
  }

  return (
    <Section
      title="The policy as a file"
      description="Groups, tools, rules, limits, redirect URIs and these tests, for review and version control. No secrets."
      actions={
        <>
          <Button icon={<Download aria-hidden="true" />} onClick={() => void download()}>
            Download
          </Button>
          <Button
            icon={<FileUp aria-hidden="true" />}
            loading={pending}
            onClick={() => chooser.current?.click()}
          >
            Plan a file
          </Button>
        </>
      }
    >
      <input
        ref={chooser}
        type="file"
        accept="application/json,.json"
        aria-label="Policy file"
        className="sr-only"
        tabIndex={-1}
        onChange={(event) => {
          const [chosen] = event.target.files ?? [];
          event.target.value = '';
          if (chosen) void choose(chosen);
        }}
      />
      <p className="text-ink-2 text-sm">
        The same on the command line:{' '}
        <code className="font-mono text-xs">npm run config -- plan gatehouse.json</code>. A plan changes
        nothing; you see what the file would do and decide then.
      </p>
      {fault !== null && (
        <Callout tone="danger" live className="mt-3">
          {fault}
        </Callout>
      )}
      <Problem problem={problem} className="mt-3" />
      {planned && <PlanDialog {...planned} onClose={() => setPlanned(null)} />}
    </Section>
  );
}

function PlanDialog({
  name,
  file,
  plan,
  onClose,
}: {
  name: string;
  file: ConfigFile;
  plan: Plan;
  onClose: () => void;
}) {
  const { pending, problem, run } = useCall();
  const { changes, failing, version } = plan;

  async function apply() {
    const done = await run(() => call('POST /config/apply', { body: { config: file, base: version } }));
    if (!done) return;
    onClose();
    toast('Policy applied', 'In force from the next call on.');
  }

  return (
    <Dialog
      open
      wide
      sticky
      onOpenChange={(open) => !open && onClose()}
      title={`What ${name} would change`}
      description={
        changes.length === 0 ? 'Nothing: the policy is as the file says.' : count(changes.length, 'change')
      }
    >
      <div className="flex flex-col gap-3">
        <Problem problem={problem} />
        {failing.length > 0 && (
          <Callout
            tone="danger"
            live
            title={`${count(failing.length, 'policy test')} would fail, so this can’t be applied`}
          >
            <ul>
              {failing.map((test) => (
                <li key={test.id}>{failureWords(test)}</li>
              ))}
            </ul>
          </Callout>
        )}
        {changes.length > 0 && (
          <>
            <ScrollArea label="Changes" className="border-line rounded-box max-h-72 border">
              <ul className="divide-line flex flex-col divide-y text-sm">
                {changes.map(({ change, sentence }) => (
                  <li key={sentence} className="flex items-start gap-2 px-3 py-2">
                    <Badge tone={changeWords[change].tone}>{changeWords[change].text}</Badge>
                    <span className="min-w-0 [overflow-wrap:anywhere]">{sentence}</span>
                  </li>
                ))}
              </ul>
            </ScrollArea>
            {failing.length === 0 && <ReplayOfDraft draft={{ config: file }} />}
          </>
        )}
      </div>
      <DialogActions>
        <Button onClick={onClose}>{changes.length === 0 ? 'Close' : 'Cancel'}</Button>
        {changes.length > 0 && (
          <Button
            variant="primary"
            loading={pending}
            disabled={failing.length > 0}
            onClick={() => void apply()}
          >
            Apply {count(changes.length, 'change')}
          </Button>
        )}
      </DialogActions>
    </Dialog>
  );
}
