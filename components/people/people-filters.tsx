// Searches and filters the people; the address bar holds it all, so that a view can be linked and gone back to.
'use client';
import Search from 'lucide-react/icons/search';
import { useRouter } from 'next/navigation';
import { useEffect, useRef, useState, useTransition } from 'react';
import { Button } from '../ui/button';
import { Select } from '../ui/select';
import { Spinner } from '../ui/spinner';
import { TextField } from '../ui/text-field';
import { hrefOfView, type PeopleView } from './people-list';
import { roles, states, type GroupChoice } from './words';

const TYPING_MS = 250;

export function PeopleFilters({ view, groups }: { view: PeopleView; groups: readonly GroupChoice[] }) {
  const router = useRouter();
  const [pending, start] = useTransition();
  const [typed, setTyped] = useState(view.search ?? '');
  // The view as it was asked for last: two changes within one answer must not undo each other.
  const asked = useRef(view);
  useEffect(() => {
    asked.current = view;
  }, [view]);
  const go = (change: Partial<PeopleView>) => {
    asked.current = { ...asked.current, ...change, offset: 0 };
    start(() => router.replace(hrefOfView(asked.current), { scroll: false }));
  };
  const goLater = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(goLater.current), []);
  const searchNow = () => {
    clearTimeout(goLater.current);
    const search = typed.trim() || undefined;
    if (search !== asked.current.search) go({ search });
  };
  const filtered = Boolean(view.search || view.group || view.role || view.state);
  return (
    <search className="mb-3 flex flex-wrap items-center gap-2">
      <TextField
        label="Search people"
        hideLabel
        type="search"
        placeholder="Name or e-mail"
        icon={pending ? <Spinner /> : <Search aria-hidden="true" />}
        value={typed}
        maxLength={200}
        onChange={(event) => {
          const search = event.target.value;
          setTyped(search);
          clearTimeout(goLater.current);
          goLater.current = setTimeout(() => go({ search: search.trim() || undefined }), TYPING_MS);
        }}
        // Whoever leaves the box may leave the page next, and a late answer must not bring them back.
        onBlur={searchNow}
        className="w-64 max-sm:w-full"
      />
      <Select
        label="Group"
        hideLabel
        value={view.group ?? ''}
        onChange={(event) => go({ group: event.target.value || undefined })}
        options={[['', 'Any group'], ...groups.map(({ slug, name }) => [slug, name] as const)]}
        className="w-44 max-sm:w-full"
      />
      <Select
        label="Role"
        hideLabel
        value={view.role ?? ''}
        onChange={(event) => go({ role: (event.target.value || undefined) as PeopleView['role'] })}
        options={[['', 'Any role'], ...roles.map(({ id, title }) => [id, title] as const)]}
        className="w-32 max-sm:flex-1"
      />
      <Select
        label="State"
        hideLabel
        value={view.state ?? ''}
        onChange={(event) => go({ state: (event.target.value || undefined) as PeopleView['state'] })}
        options={[['', 'Any state'], ...Object.entries(states).map(([id, { text }]) => [id, text] as const)]}
        className="w-32 max-sm:flex-1"
      />
      {filtered && (
        <Button
          variant="quiet"
          onClick={() => {
            clearTimeout(goLater.current);
            setTyped('');
            go({ search: undefined, group: undefined, role: undefined, state: undefined });
          }}
        >
          Clear
        </Button>
      )}
    </search>
  );
}
