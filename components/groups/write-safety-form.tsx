// A group's write safety: how much each agent may write a day, and for how long a repeated write is answered from the first. All of it is off
// until it is set here.
'use client';
import { useState } from 'react';
import type { WriteSafety } from '@/lib/policy/write-safety';
import { Disclosure } from '../ui/disclosure';
import { Section } from '../ui/section';
import { TextField } from '../ui/text-field';

export function WriteSafetyForm({
  safety,
  undo,
  onChange,
  onUndo,
}: {
  safety: WriteSafety;
  /** For how long what was there before a change is kept. */
  undo: { days: number } | null;
  onChange: (safety: WriteSafety) => void;
  onUndo: (undo: { days: number } | null) => void;
}) {
  const field = (
    key: keyof WriteSafety,
    [least, most]: readonly [number, number],
    words: { label: string; unit: string; hint: string },
  ) => (
    <WholeNumber
      {...words}
      {...{ least, most }}
      value={safety[key]}
      onChange={(value) => onChange({ ...safety, [key]: value })}
    />
  );
  return (
    <Section
      title="Write safety"
      description="For agents that run in a loop or get something wrong. Nothing is held back until it is set here."
    >
      <div className="flex flex-col gap-4">
        {field('writesPerDay', [1, 100_000], {
          label: 'Writes a day',
          unit: 'calls',
          hint: 'Of each agent of each person. Everything counts that does not only read.',
        })}
        {field('deletesPerDay', [1, 100_000], {
          label: 'Changes and deletions a day',
          unit: 'calls',
          hint: 'Of these, calls of tools that the catalogue calls destructive: they change or delete what exists.',
        })}
        {field('repeatWindowSeconds', [10, 86_400], {
          label: 'Answer repeats for',
          unit: 'seconds',
          hint: 'The same write, by the same agent with the same arguments, goes to Asana once within this time.',
        })}
        <WholeNumber
          label="Keep what was there before"
          unit="days"
          hint="Of the tasks and projects that update_tasks, update_project and delete_task change, so that it can be put back."
          most={90}
          value={undo?.days ?? null}
          onChange={(days) => onUndo(days === null ? null : { days })}
        />
        <Disclosure summary="How this works">
          <ul className="text-ink-2 flex list-disc flex-col gap-1.5 pl-4 text-sm">
            <li>
              An agent that has spent a budget only reads until the day ends (midnight UTC). It hears why; its
              person sees it on the home page, admins under “People”, where they can let it write again.
            </li>
            <li>
              A call counts once, however many tasks it holds. Only calls that were let through count; all
              grants of a person to the same client are one agent.
            </li>
            <li>
              A repeat gets the first answer with a note that it was done already, and is on record as
              refused. While the first is under way the repeat waits a little; where nobody knows what became
              of the first, it is not sent; where the first failed, it is.
            </li>
            <li>
              What was there before is read through the person’s own connection and kept sealed; if that
              fails, the call is not sent. It can be put back once, by the person or an admin, within the time
              set here; of several groups that have the tool the longest counts. A deleted task can only be
              created anew: comments, attachments and its history are gone.
            </li>
            <li>
              Of several groups the most cautious setting holds for all that a person’s agents write: the
              smallest budget, the longest time. While repeats are answered, Asana may ask these agents
              nothing in the middle of a call.
            </li>
          </ul>
        </Disclosure>
      </div>
    </Section>
  );
}

function WholeNumber({
  label,
  unit,
  hint,
  least = 1,
  most,
  value,
  onChange,
}: {
  label: string;
  unit: string;
  hint: string;
  least?: number;
  most: number;
  value: number | null;
  onChange: (value: number | null) => void;
}) {
  const [text, setText] = useState(value === null ? '' : String(value));
  const numberIn = (given: string) => {
    const number = /^[1-9]\d{0,5}$/.test(given.trim()) ? Number(given.trim()) : NaN;
    return number >= least && number <= most ? number : null;
  };
  const isFine = text.trim() === '' || numberIn(text) !== null;
  return (
    <TextField
      label={`${label} (${unit})`}
      optional
      inputMode="numeric"
      value={text}
      error={
        isFine
          ? null
          : `A whole number from ${least} to ${most.toLocaleString('en')}, or nothing to leave it off.`
      }
      hint={hint}
      onChange={(event) => {
        const given = event.target.value;
        setText(given);
        const number = numberIn(given);
        if (given.trim() === '' || number !== null) onChange(number);
      }}
    />
  );
}
