// Adds a policy test, and says at once whether it passes.
'use client';
import Plus from 'lucide-react/icons/plus';
import { useState, type FormEvent } from 'react';
import { call } from '../api';
import { Problem } from '../problem';
import { Button } from '../ui/button';
import { Checkbox } from '../ui/checkbox';
import { Dialog, DialogActions } from '../ui/dialog';
import { Disclosure } from '../ui/disclosure';
import { Segments } from '../ui/segments';
import { Select } from '../ui/select';
import { TextArea } from '../ui/text-area';
import { TextField } from '../ui/text-field';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';

type Group = { slug: string; name: string };

export function NewPolicyTest({ groups, tools }: { groups: readonly Group[]; tools: readonly string[] }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button icon={<Plus aria-hidden="true" />} onClick={() => setOpen(true)}>
        New test
      </Button>
      <Dialog
        open={open}
        onOpenChange={setOpen}
        title="New policy test"
        description="Judged by the same rule as a call at the gate."
      >
        <TestForm {...{ groups, tools }} onDone={() => setOpen(false)} />
      </Dialog>
    </>
  );
}

/** The arguments that were typed; null where there are none, undefined where it is no JSON object. */
function argumentsIn(text: string): Record<string, unknown> | null | undefined {
  if (text.trim() === '') return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function TestForm({
  groups,
  tools,
  onDone,
}: {
  groups: readonly Group[];
  tools: readonly string[];
  onDone: () => void;
}) {
  const [about, setAbout] = useState<'groups' | 'member'>(groups.length > 0 ? 'groups' : 'member');
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const [fault, setFault] = useState<{ groups?: string; arguments?: string }>({});
  const { pending, problem, run } = useCall();

  async function create(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? '').trim();
    const given = argumentsIn(text('arguments'));
    const wrong = {
      ...(about === 'groups' && picked.size === 0 ? { groups: 'Tick at least one group.' } : {}),
      ...(given === undefined
        ? { arguments: 'Write a JSON object, like {"project_id": "1200000000000301"}, or nothing.' }
        : {}),
    };
    setFault(wrong);
    if (given === undefined || Object.keys(wrong).length > 0) return;
    const done = await run(() =>
      call('POST /policy-tests', {
        body: {
          member: about === 'member' ? text('member') : null,
          groups: about === 'groups' ? [...picked] : [],
          ...{ tool: text('tool'), may: text('may') === 'true', arguments: given },
          because: text('because') || null,
        },
      }),
    );
    if (!done) return;
    onDone();
    const { passed, sentence } = done.answer.result;
    toast(
      passed ? 'Test added; it passes' : 'Test added; it fails now',
      passed ? done.answer.words : sentence,
    );
  }

  return (
    <form onSubmit={(event) => void create(event)} className="flex flex-col gap-4">
      <Problem problem={problem} />
      <Segments
        label="Who the test is about"
        value={about}
        options={[
          ['groups', 'Somebody in groups'],
          ['member', 'One person'],
        ]}
        onChange={setAbout}
      />
      {about === 'member' ? (
        <TextField
          label="E-mail address"
          name="member"
          type="email"
          required
          autoComplete="off"
          placeholder="bob@example.com"
        />
      ) : (
        <fieldset>
          <legend className="mb-1 text-sm font-medium">In exactly these groups</legend>
          <div className="border-line rounded-box flex max-h-40 flex-col gap-1 overflow-y-auto border p-2">
            {groups.length === 0 && <p className="text-ink-3 text-sm">There is no group yet.</p>}
            {groups.map(({ slug, name }) => (
              <Checkbox
                key={slug}
                checked={picked.has(slug)}
                onChange={(event) => {
                  const next = new Set(picked);
                  if (event.target.checked) next.add(slug);
                  else next.delete(slug);
                  setPicked(next);
                }}
              >
                <span className="text-sm [overflow-wrap:anywhere]">{name}</span>
              </Checkbox>
            ))}
          </div>
          {fault.groups && (
            <p role="alert" className="text-danger mt-1 text-xs">
              {fault.groups}
            </p>
          )}
        </fieldset>
      )}
      <div className="grid gap-4 sm:grid-cols-[8rem_minmax(0,1fr)]">
        <Select
          label="Verdict"
          name="may"
          defaultValue="false"
          options={[
            ['false', 'may not call'],
            ['true', 'may call'],
          ]}
        />
        <TextField
          label="Tool"
          name="tool"
          required
          autoComplete="off"
          list="policy-test-tools"
          placeholder="delete_task"
        />
        <datalist id="policy-test-tools">
          {tools.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </datalist>
      </div>
      <Disclosure summary="With certain arguments">
        <TextArea
          label="Arguments as JSON"
          name="arguments"
          optional
          rows={3}
          spellCheck={false}
          className="font-mono"
          error={fault.arguments ?? null}
          hint="Judged by the groups’ rules on arguments. Without, the test is about the tool at all."
        />
      </Disclosure>
      <TextField
        label="Because"
        name="because"
        optional
        maxLength={500}
        autoComplete="off"
        hint="Shown to whoever would break it."
      />
      <DialogActions>
        <Button onClick={onDone}>Cancel</Button>
        <Button type="submit" variant="primary" loading={pending}>
          Add test
        </Button>
      </DialogActions>
    </form>
  );
}
