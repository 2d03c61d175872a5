// The audit's filters: a plain form that puts them into the URL, so that a view can be linked, bookmarked and gone back to.
'use client';
import { useRouter } from 'next/navigation';
import type { FormEvent } from 'react';
import { Button, ButtonLink } from '../ui/button';
import { Select } from '../ui/select';
import { TextField } from '../ui/text-field';
import type { AuditFilter } from './words';

/** `tools` are suggestions; any name can be typed, also one that never existed. */
export function AuditFilters({
  filter,
  tools,
  people,
}: {
  filter: AuditFilter;
  tools: readonly string[];
  people: readonly string[];
}) {
  const router = useRouter();
  const any = Object.values(filter).some(Boolean);

  function apply(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(event.currentTarget))
      if (typeof value === 'string' && value.trim() !== '') query.set(name, value.trim());
    router.push(query.size > 0 ? `/admin/audit?${query}` : '/admin/audit');
  }

  return (
    <form
      action="/admin/audit"
      onSubmit={apply}
      // New values in the URL give new defaults to the fields.
      key={JSON.stringify(filter)}
      aria-label="Filter the audit"
      className="border-line bg-surface rounded-box mb-4 grid grid-cols-2 items-end gap-3 border p-3 sm:grid-cols-3 xl:grid-cols-[9rem_9rem_minmax(0,1fr)_minmax(0,1fr)_8rem_8rem_auto]"
    >
      <TextField label="From" name="from" type="date" defaultValue={filter.from} />
      <TextField label="To" name="to" type="date" defaultValue={filter.to} />
      <TextField
        label="Person"
        name="member"
        type="search"
        placeholder="E-mail"
        defaultValue={filter.member}
        list="audit-people"
        autoComplete="off"
      />
      <TextField
        label="Tool"
        name="tool"
        type="search"
        placeholder="Name"
        defaultValue={filter.tool}
        list="audit-tools"
        autoComplete="off"
      />
      <Select
        label="Decision"
        name="decision"
        defaultValue={filter.decision ?? ''}
        options={[
          ['', 'Any'],
          ['allow', 'Allowed'],
          ['deny', 'Denied'],
        ]}
      />
      <Select
        label="Kind"
        name="kind"
        defaultValue={filter.kind ?? ''}
        options={[
          ['', 'Any'],
          ['call', 'Calls'],
          ['event', 'Events'],
        ]}
      />
      <div className="flex gap-2 max-xl:col-span-full">
        <Button type="submit">Filter</Button>
        {any && (
          <ButtonLink href="/admin/audit" variant="quiet">
            Clear
          </ButtonLink>
        )}
      </div>
      <datalist id="audit-people">
        {people.map((email) => (
          <option key={email} value={email}>
            {email}
          </option>
        ))}
      </datalist>
      <datalist id="audit-tools">
        {tools.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </datalist>
    </form>
  );
}
