// Ticks people: those who are in come first, the rest are found by typing, so that two thousand stay manageable.
'use client';
import { useState } from 'react';
import { Button, ButtonLink } from '../ui/button';
import { Checkbox } from '../ui/checkbox';
import { EmptyState } from '../ui/empty-state';
import { SearchField } from '../ui/search-field';

export interface Person {
  email: string;
  name: string;
}

const SHOWN = 50;

export function PeoplePicker({
  people,
  selected,
  onChange,
}: {
  people: readonly Person[];
  selected: ReadonlySet<string>;
  onChange: (selected: Set<string>) => void;
}) {
  const [search, setSearch] = useState('');
  const [limit, setLimit] = useState(SHOWN);
  // The order is that of the first look: a row that is ticked must not jump away from under the pointer.
  const [ordered] = useState(() =>
    [...people].sort((a, b) => Number(selected.has(b.email)) - Number(selected.has(a.email))),
  );
  const wanted = search.trim().toLowerCase();
  const found = ordered.filter(({ name, email }) => `${name} ${email}`.toLowerCase().includes(wanted));
  if (people.length === 0)
    return (
      <EmptyState
        title="Nobody to add"
        action={<ButtonLink href="/admin/people">Invite people</ButtonLink>}
      />
    );
  return (
    <div>
      <SearchField
        label="Search people"
        value={search}
        onChange={(text) => {
          setSearch(text);
          setLimit(SHOWN);
        }}
        className="mb-2"
      />
      {found.length === 0 && <p className="text-ink-3 py-3 text-sm">Nobody matches “{search}”.</p>}
      <ul className="-mx-1 flex max-h-96 flex-col overflow-y-auto px-1">
        {found.slice(0, limit).map(({ email, name }) => (
          <li key={email}>
            <Checkbox
              className="py-1"
              checked={selected.has(email)}
              onChange={(event) => {
                const next = new Set(selected);
                if (event.target.checked) next.add(email);
                else next.delete(email);
                onChange(next);
              }}
            >
              <span className="block truncate text-sm">{name}</span>
              <span className="text-ink-3 block truncate text-xs">{email}</span>
            </Checkbox>
          </li>
        ))}
      </ul>
      {found.length > limit && (
        <Button size="sm" variant="quiet" className="mt-2" onClick={() => setLimit(limit + 200)}>
          Show more of {found.length.toLocaleString('en')}
        </Button>
      )}
    </div>
  );
}
