// Finds rows and chooses columns. What is chosen stands in the URL.
'use client';
import Columns3 from 'lucide-react/icons/columns-3';
import Search from 'lucide-react/icons/search';
import { useState, type RefObject } from 'react';
import { toolFilters, type ToolFilter } from '../tools/tool-filters';
import { toolClasses, type ToolClass } from '../tools/words';
import { Button } from '../ui/button';
import { Checkbox } from '../ui/checkbox';
import { Popover } from '../ui/popover';
import { SearchField } from '../ui/search-field';
import { Select } from '../ui/select';
import { TextField } from '../ui/text-field';
import type { MatrixFilter, MatrixGroup, MatrixTool } from './model';

export function Toolbar({
  filter,
  tools,
  groups,
  shown,
  searchBox,
  narrow,
  onChange,
}: {
  filter: MatrixFilter;
  tools: readonly MatrixTool[];
  groups: readonly MatrixGroup[];
  /** How many columns are shown. */
  shown: number;
  searchBox: RefObject<HTMLInputElement | null>;
  /** One group at a time: there are no columns to choose. */
  narrow: boolean;
  onChange: (part: Partial<MatrixFilter>) => void;
}) {
  const classes = toolClasses.filter(({ id }) => tools.some((tool) => tool.class === id));
  return (
    <search aria-label="Tools and groups" className="mb-3 flex flex-wrap items-center gap-2">
      <TextField
        ref={searchBox}
        label="Search tools"
        hideLabel
        type="search"
        placeholder="Search tools ( / )"
        aria-keyshortcuts="/"
        icon={<Search aria-hidden="true" />}
        value={filter.search}
        onChange={(event) => onChange({ search: event.target.value })}
        className="w-full sm:w-64"
      />
      <Select
        label="Class"
        hideLabel
        value={filter.toolClass}
        onChange={(event) => onChange({ toolClass: event.target.value as ToolClass | 'all' })}
        options={[['all', 'All classes'], ...classes.map(({ id, title }) => [id, title] as const)]}
        className="max-sm:flex-1"
      />
      <Select
        label="State"
        hideLabel
        value={filter.status}
        onChange={(event) => onChange({ status: event.target.value as ToolFilter })}
        options={toolFilters.map(({ id, title, holds }) => [
          id,
          id === 'all' ? 'All states' : `${title} (${tools.filter(holds).length})`,
        ])}
        className="max-sm:flex-1"
      />
      {!narrow && groups.length > 1 && (
        <Popover
          label="Groups shown"
          trigger={
            <Button icon={<Columns3 aria-hidden="true" />} className="max-md:hidden">
              {shown === groups.length
                ? `All ${groups.length} groups`
                : `${shown} of ${groups.length} groups`}
            </Button>
          }
        >
          <ColumnChoice
            groups={groups}
            chosen={filter.groups}
            onChange={(next) => onChange({ groups: next })}
          />
        </Popover>
      )}
    </search>
  );
}

function ColumnChoice({
  groups,
  chosen,
  onChange,
}: {
  groups: readonly MatrixGroup[];
  chosen: readonly string[] | null;
  onChange: (groups: readonly string[] | null) => void;
}) {
  const [search, setSearch] = useState('');
  const wanted = search.trim().toLowerCase();
  const found = groups.filter(({ name, slug }) => `${name} ${slug}`.toLowerCase().includes(wanted));
  const on = new Set(chosen ?? groups.map(({ slug }) => slug));
  const choose = (slugs: ReadonlySet<string>) =>
    onChange(
      slugs.size === groups.length ? null : groups.map(({ slug }) => slug).filter((slug) => slugs.has(slug)),
    );
  return (
    <div className="flex flex-col gap-2 p-3">
      <p className="text-sm font-semibold">Groups shown</p>
      {groups.length > 8 && <SearchField label="Search groups" value={search} onChange={setSearch} />}
      <ul className="-mx-1 max-h-64 overflow-y-auto px-1">
        {found.map(({ slug, name }) => (
          <li key={slug}>
            <Checkbox
              className="py-0.5"
              checked={on.has(slug)}
              onChange={(event) => {
                const next = new Set(on);
                if (event.target.checked) next.add(slug);
                else next.delete(slug);
                choose(next);
              }}
            >
              <span className="[overflow-wrap:anywhere]">{name}</span>
            </Checkbox>
          </li>
        ))}
        {found.length === 0 && <li className="text-ink-3 py-2 text-sm">No group matches “{search}”.</li>}
      </ul>
      <div className="border-line flex gap-2 border-t pt-2">
        <Button size="sm" onClick={() => onChange(null)}>
          Show all
        </Button>
        <Button size="sm" onClick={() => choose(new Set(wanted ? found.map(({ slug }) => slug) : []))}>
          {wanted ? `Only these ${found.length}` : 'Hide all'}
        </Button>
      </div>
    </div>
  );
}
