// Picks a person and a tool to be explained. A plain form: what is picked stands in the URL.
'use client';
import { useEffect, useState } from 'react';
import { call } from '../api';
import { Button } from '../ui/button';
import { Select } from '../ui/select';
import { TextField } from '../ui/text-field';

export interface Picked {
  member: string;
  tool: string;
  token: string;
}

const PAUSE_MS = 150;

/** `people` false (auditors): addresses are typed whole. `tokens` are the agent tokens of the person who is picked. */
export function ExplainForm({
  picked,
  tools,
  people,
  tokens,
}: {
  picked: Picked;
  tools: readonly string[];
  people: boolean;
  tokens: readonly { id: string; name: string }[];
}) {
  const [member, setMember] = useState(picked.member);
  const found = usePeople(people ? member : '');
  return (
    <form
      action="/admin/explain"
      aria-label="What to explain"
      className="border-line bg-surface rounded-box mb-5 grid items-end gap-3 border p-3 sm:grid-cols-2 xl:grid-cols-[minmax(0,1fr)_minmax(0,1fr)_minmax(0,14rem)_auto]"
    >
      <TextField
        label="Person"
        name="member"
        type="search"
        required
        placeholder="Name or e-mail"
        autoComplete="off"
        list="explain-people"
        value={member}
        onChange={(event) => setMember(event.target.value)}
      />
      <TextField
        label="Tool"
        name="tool"
        type="search"
        required
        placeholder="Name"
        autoComplete="off"
        list="explain-tools"
        defaultValue={picked.tool}
      />
      <Select
        label="Through"
        name="token"
        defaultValue={picked.token}
        // Tokens are those of the person who was explained last; for another person they mean nothing.
        key={member === picked.member ? picked.token : 'other'}
        options={[
          ['', 'Any of their agents'],
          ...(member === picked.member ? tokens.map(({ id, name }) => [id, name] as const) : []),
        ]}
      />
      <Button type="submit" variant="primary">
        Explain
      </Button>
      <datalist id="explain-people">
        {found.map(({ email, name }) => (
          <option key={email} value={email}>
            {name}
          </option>
        ))}
      </datalist>
      <datalist id="explain-tools">
        {tools.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </datalist>
    </form>
  );
}

/** People whose name or address holds what is typed. A failed search only leaves the suggestions out. */
function usePeople(typed: string): readonly { email: string; name: string }[] {
  const [found, setFound] = useState<readonly { email: string; name: string }[]>([]);
  const q = typed.trim();
  useEffect(() => {
    if (q.length < 2) return;
    let gone = false;
    const timer = setTimeout(() => {
      call('GET /search', { query: { q } }).then(
        ({ people }) => gone || setFound(people),
        () => gone || setFound([]),
      );
    }, PAUSE_MS);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [q]);
  return found;
}
