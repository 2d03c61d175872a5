// Which of a group's tools wait for a person, and for whom. Nothing waits until it is ticked here.
'use client';
import { useState } from 'react';
import { count, type ToolLine } from '../tools/words';
import { Checkbox } from '../ui/checkbox';
import { Disclosure } from '../ui/disclosure';
import { Section } from '../ui/section';
import { Select } from '../ui/select';
import { TextField } from '../ui/text-field';
import type { DraftApprovals } from './draft';
import type { Person } from './people-picker';

const ONE_PERSON = 'person';

/** `tools`: those that are ticked in the group. */
export function ApprovalsForm({
  approvals,
  tools,
  groups,
  people,
  onChange,
}: {
  approvals: DraftApprovals;
  tools: readonly ToolLine[];
  groups: readonly { slug: string; name: string }[];
  people: readonly Person[];
  onChange: (approvals: DraftApprovals) => void;
}) {
  const waiting = tools.filter(({ name }) => approvals.tools.has(name)).length;
  const changing = tools.filter((tool) => tool.class !== 'read');
  const reading = tools.filter((tool) => tool.class === 'read');
  const lines = (listed: readonly ToolLine[]) => (
    <div className="flex flex-col gap-1.5">
      {listed.map(({ name }) => (
        <Checkbox
          key={name}
          checked={approvals.tools.has(name)}
          onChange={(event) => {
            const next = new Set(approvals.tools);
            if (event.target.checked) next.add(name);
            else next.delete(name);
            onChange({ ...approvals, tools: next });
          }}
        >
          <code className="font-mono text-xs [overflow-wrap:anywhere]">{name}</code>
        </Checkbox>
      ))}
    </div>
  );
  return (
    <Section
      title="Approvals"
      description={
        waiting > 0
          ? `${count(waiting, 'tool')} ${waiting === 1 ? 'waits' : 'wait'} for a person.`
          : 'Calls of the tools you tick here wait until a person says yes to exactly that call.'
      }
    >
      <div className="flex flex-col gap-4">
        {tools.length === 0 ? (
          <p className="text-ink-2 text-sm">
            Tick tools for the group first; then choose which of them wait.
          </p>
        ) : (
          <fieldset className="flex flex-col gap-3">
            <legend className="sr-only">Tools that wait</legend>
            {changing.length > 0 && lines(changing)}
            {reading.length > 0 && (
              <Disclosure
                summary={`${count(reading.length, 'tool')} that only ${reading.length === 1 ? 'reads' : 'read'}`}
              >
                {lines(reading)}
              </Disclosure>
            )}
          </fieldset>
        )}
        {waiting > 0 && <ApproverField {...{ approvals, groups, people, onChange }} />}
        <Disclosure summary="How a call waits">
          <ul className="text-ink-2 flex list-disc flex-col gap-1.5 pl-4 text-sm">
            <li>
              The agent hears that nothing was sent, who decides, and a link. It waits a day; the approver
              sees it under “Approvals” with its arguments.
            </li>
            <li>
              A yes is for this agent, this tool and these arguments, once, within an hour. The agent repeats
              the call. Anything that changes in between ends it: the arguments, the tool, this group, the
              person’s other groups.
            </li>
            <li>Nobody approves calls of their own agents, also as a member of the group that approves.</li>
            <li>
              Whoever has the tool through another group that asks nobody waits for nobody. Asana may ask the
              agents of people in this group nothing in the middle of a call.
            </li>
          </ul>
        </Disclosure>
      </div>
    </Section>
  );
}

function ApproverField({
  approvals,
  groups,
  people,
  onChange,
}: {
  approvals: DraftApprovals;
  groups: readonly { slug: string; name: string }[];
  people: readonly Person[];
  onChange: (approvals: DraftApprovals) => void;
}) {
  const { approver } = approvals;
  const [isPerson, setIsPerson] = useState(approver !== null && 'member' in approver);
  const [text, setText] = useState(approver !== null && 'member' in approver ? approver.member : '');
  const chosen = isPerson
    ? ONE_PERSON
    : approver !== null && 'group' in approver
      ? `group:${approver.group}`
      : '';
  const known = (email: string) => people.some((person) => person.email === email.trim().toLowerCase());
  return (
    <div className="flex flex-col gap-3">
      <Select
        label="Who approves"
        value={chosen}
        error={chosen === '' ? 'Choose who approves; until then nothing can be saved.' : null}
        onChange={(event) => {
          const { value } = event.target;
          setIsPerson(value === ONE_PERSON);
          if (value === ONE_PERSON)
            onChange({ ...approvals, approver: known(text) ? { member: text } : null });
          else
            onChange({
              ...approvals,
              approver: value === '' ? null : { group: value.slice('group:'.length) },
            });
        }}
        options={[
          ['', 'Choose'],
          ...groups.map(({ slug, name }) => [`group:${slug}`, `A member of ${name}`] as const),
          [ONE_PERSON, 'One person'],
        ]}
      />
      {isPerson && (
        <>
          <TextField
            label="E-mail address of the person"
            type="email"
            list="approver-people"
            autoComplete="off"
            value={text}
            error={text !== '' && !known(text) ? 'Nobody in the organization has this address.' : null}
            onChange={(event) => {
              setText(event.target.value);
              const email = event.target.value.trim().toLowerCase();
              onChange({ ...approvals, approver: known(email) ? { member: email } : null });
            }}
          />
          <datalist id="approver-people">
            {people.slice(0, 200).map(({ email, name }) => (
              <option key={email} value={email}>
                {name}
              </option>
            ))}
          </datalist>
        </>
      )}
    </div>
  );
}
