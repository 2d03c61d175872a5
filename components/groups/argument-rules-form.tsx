// Rules on arguments of one group: where its agents may work, and what they must leave alone. Says what each rule does and what none can do;
// everything is off until it is set.
'use client';
import Plus from 'lucide-react/icons/plus';
import X from 'lucide-react/icons/x';
import { useState } from 'react';
import { PLACES, type ArgumentRules, type PlaceKind } from '@/lib/policy/argument-rules';
import { call } from '../api';
import { Button } from '../ui/button';
import { Checkbox } from '../ui/checkbox';
import { Disclosure } from '../ui/disclosure';
import { IconButton } from '../ui/icon-button';
import { Section } from '../ui/section';
import { Select } from '../ui/select';
import { TextField } from '../ui/text-field';
import { gidIn } from './place-in-link';

const kinds: Record<PlaceKind, { one: string; hint: string }> = {
  projects: { one: 'Project', hint: 'The link of the project\u2019s page in Asana, or the digits in it.' },
  teams: { one: 'Team', hint: 'The link of the team\u2019s page in Asana, or the digits in it.' },
  portfolios: {
    one: 'Portfolio',
    hint: 'The link of the portfolio\u2019s page in Asana, or the digits in it.',
  },
  sections: {
    one: 'Section',
    hint: 'A section has no page of its own; its gid stands in what get_project answers.',
  },
};
const MAX_PLACES = 100;

export function ArgumentRulesForm({
  rules,
  onChange,
}: {
  rules: ArgumentRules;
  onChange: (rules: ArgumentRules) => void;
}) {
  const change = (part: Partial<ArgumentRules>) => onChange({ ...rules, ...part });
  return (
    <Section
      title="Rules on arguments"
      description="What calls through this group must keep to, whichever of its tools they use. Nothing is restricted until it is set here."
    >
      <div className="flex flex-col gap-5">
        <Places rules={rules} onChange={change} />
        <ItemLimit most={rules.maxItems} onChange={(maxItems) => change({ maxItems })} />
        <div className="flex flex-col gap-1.5">
          <Checkbox
            checked={rules.keepInProject}
            onChange={(event) => change({ keepInProject: event.target.checked })}
            hint="No task is taken out of a project or hung under another task. Adding it to a further project, and deleting it, are other things."
          >
            <span className="font-medium">No moves out of a project</span>
          </Checkbox>
          <Checkbox
            checked={rules.ownTasksOnly}
            onChange={(event) => change({ ownTasksOnly: event.target.checked })}
            hint="Only tasks assigned to the person whose agent calls; new ones must be assigned to that person."
          >
            <span className="font-medium">Only own tasks</span>
          </Checkbox>
        </div>
        <Domains domains={rules.companyDomains} onChange={(companyDomains) => change({ companyDomains })} />
        <Disclosure summary="What these rules can and can’t do">
          <ul className="text-ink-2 flex list-disc flex-col gap-1.5 pl-4 text-sm">
            <li>
              A call passes if it fits the rules of one of the person’s groups that has the tool. A group
              without rules lets everything through.
            </li>
            <li>
              Asana may ask the agents of such a person nothing in the middle of a call, whatever stands under
              “Beyond tools”: the answer could say what the call may not.
            </li>
            <li>
              They judge what is asked for. Answers are not filtered: a task that may be read shows its
              comments, and names of things that hang on it.
            </li>
            <li>
              A search or list that names no place is refused, and the agent is told which argument to add. So
              are tools that can’t be narrowed to a place, and arguments that nobody has classified yet.
            </li>
            <li>
              Where a task lies, or whose it is, is looked up in Asana just before the call, through the
              person’s own connection. Each lookup is on record and counts in the connection’s limit. In
              between, somebody could still move the task.
            </li>
          </ul>
        </Disclosure>
      </div>
    </Section>
  );
}

function Places({
  rules,
  onChange,
}: {
  rules: ArgumentRules;
  onChange: (part: Partial<ArgumentRules>) => void;
}) {
  const [kind, setKind] = useState<PlaceKind>('projects');
  const [text, setText] = useState('');
  const [error, setError] = useState<string | null>(null);
  const [looking, setLooking] = useState(false);
  const places = PLACES.flatMap((of) => rules[of].map((place) => ({ of, ...place })));

  async function add() {
    const gid = gidIn(text, kind);
    const { one } = kinds[kind];
    if (gid === null)
      return setError(`That holds no gid of a ${one.toLowerCase()}. Paste digits, or a link.`);
    if (rules[kind].some((place) => place.gid === gid))
      return setError(`This ${one.toLowerCase()} is listed.`);
    if (rules[kind].length >= (kind === 'portfolios' ? 10 : MAX_PLACES)) return setError('The list is full.');
    setLooking(true);
    // Only a name to show: without a connection, or where Asana does not say, the gid stands for itself.
    const named = await call('GET /me/asana-places', {
      query: { kind: kinds[kind].one.toLowerCase() as 'project', gid },
    }).catch(() => ({ name: null }));
    setLooking(false);
    setError(null);
    setText('');
    onChange({ [kind]: [...rules[kind], { gid, name: named.name }] });
  }

  return (
    <fieldset>
      <legend className="text-sm font-medium">Only inside these places</legend>
      <p className="text-ink-3 mb-2 text-sm">
        A task is inside when one of its projects or sections is; a subtask also when its parent is.
      </p>
      {places.length > 0 && (
        <ul className="mb-3 flex flex-col gap-1" aria-label="Places">
          {places.map(({ of, gid, name }) => (
            <li
              key={`${of} ${gid}`}
              className="bg-sunken rounded-inner flex items-center gap-2 py-1 pr-1 pl-2.5"
            >
              <span className="min-w-0 flex-1 text-sm">
                <span className="block truncate">{name ?? gid}</span>
                <span className="text-ink-2 block truncate text-xs">
                  {kinds[of].one}
                  {name !== null && <span className="font-mono"> {gid}</span>}
                </span>
              </span>
              <IconButton
                label={`Remove ${kinds[of].one.toLowerCase()} ${name ?? gid}`}
                icon={<X aria-hidden="true" />}
                onClick={() => onChange({ [of]: rules[of].filter((place) => place.gid !== gid) })}
              />
            </li>
          ))}
        </ul>
      )}
      <div className="flex flex-wrap items-start gap-2">
        <Select
          label="Kind of place"
          hideLabel
          className="w-28"
          value={kind}
          onChange={(event) => {
            setKind(event.target.value as PlaceKind);
            setError(null);
          }}
          options={PLACES.map((of) => [of, kinds[of].one] as const)}
        />
        <TextField
          label="Gid or link"
          hideLabel
          className="min-w-32 flex-1"
          placeholder="Gid or link"
          value={text}
          maxLength={500}
          error={error}
          onChange={(event) => {
            setText(event.target.value);
            setError(null);
          }}
          onKeyDown={(event) => {
            if (event.key !== 'Enter') return;
            event.preventDefault();
            void add();
          }}
        />
        <Button
          icon={<Plus aria-hidden="true" />}
          loading={looking}
          disabled={text.trim() === ''}
          onClick={() => void add()}
        >
          Add
        </Button>
      </div>
      <p className="text-ink-3 mt-1 text-sm">{kinds[kind].hint}</p>
    </fieldset>
  );
}

function ItemLimit({ most, onChange }: { most: number | null; onChange: (most: number | null) => void }) {
  const [text, setText] = useState(most === null ? '' : String(most));
  const isFine = text.trim() === '' || (/^[1-9]\d{0,3}$/.test(text.trim()) && Number(text) <= 1000);
  return (
    <TextField
      label="At most this many items in one call"
      optional
      inputMode="numeric"
      className="max-w-72"
      value={text}
      error={isFine ? null : 'A whole number from 1 to 1,000, or nothing for no rule.'}
      hint="Tasks, sections and people in the lists of one call. Empty: as many as Asana takes."
      onChange={(event) => {
        const given = event.target.value;
        setText(given);
        const number = Number(given.trim());
        if (given.trim() === '') onChange(null);
        else if (/^[1-9]\d{0,3}$/.test(given.trim()) && number <= 1000) onChange(number);
      }}
    />
  );
}

function Domains({
  domains,
  onChange,
}: {
  domains: readonly string[];
  onChange: (domains: string[]) => void;
}) {
  const [text, setText] = useState(domains.join(', '));
  const read = (given: string) =>
    given
      .toLowerCase()
      .split(/[\s,;]+/)
      .filter(Boolean);
  const isDomain = (domain: string) => /^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/.test(domain);
  const wrong = read(text).find((domain) => !isDomain(domain));
  return (
    <TextField
      label="Only people of the company"
      optional
      value={text}
      placeholder="example.com"
      error={wrong === undefined ? null : `\u201c${wrong}\u201d is not a domain, like example.com.`}
      hint="Domains of e-mail addresses, with commas between them. Only such people may be given a task, or be made follower, member or owner. Empty: anybody. Custom fields are not looked into."
      onChange={(event) => {
        setText(event.target.value);
        const given = read(event.target.value);
        if (given.every(isDomain)) onChange([...new Set(given)]);
      }}
    />
  );
}
