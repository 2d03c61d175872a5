// Ticks tools from a list grouped by class: single ones, a whole class, or what a search leaves.
'use client';
import { useState } from 'react';
import { Badge } from '../ui/badge';
import { Checkbox } from '../ui/checkbox';
import { SearchField } from '../ui/search-field';
import { StateBadges } from './tool-badges';
import { count, toolClasses, type ToolLine } from './words';

/** `before` marks what changed since then. */
export function ToolPicker({
  tools,
  selected,
  before,
  onChange,
}: {
  tools: readonly ToolLine[];
  selected: ReadonlySet<string>;
  before?: ReadonlySet<string>;
  onChange: (selected: Set<string>) => void;
}) {
  const [search, setSearch] = useState('');
  const wanted = search.trim().toLowerCase();
  const shown = tools.filter((tool) => `${tool.name} ${tool.title ?? ''}`.toLowerCase().includes(wanted));

  function set(names: readonly string[], on: boolean) {
    const next = new Set(selected);
    for (const name of names)
      if (on) next.add(name);
      else next.delete(name);
    onChange(next);
  }

  return (
    <div>
      <SearchField label="Search tools" value={search} onChange={setSearch} className="mb-3" />
      {shown.length === 0 && (
        <p className="text-ink-3 py-4 text-center text-sm">No tool matches “{search}”.</p>
      )}
      <div className="flex flex-col gap-4">
        {toolClasses.map(({ id, title, note }) => {
          const members = shown.filter((tool) => tool.class === id);
          if (members.length === 0) return null;
          const names = members.map(({ name }) => name);
          const ticked = names.filter((name) => selected.has(name)).length;
          return (
            <fieldset key={id}>
              <legend className="sr-only">{title}</legend>
              <Checkbox
                checked={ticked === names.length}
                indeterminate={ticked > 0 && ticked < names.length}
                onChange={(event) => set(names, event.target.checked)}
                className="border-line border-b pb-1.5"
              >
                <span className="flex flex-wrap items-baseline gap-x-2">
                  <span className="text-sm font-medium">{title}</span>
                  <span className="text-ink-3 text-xs">
                    {ticked} of {count(names.length, 'tool')}
                  </span>
                  <span className="text-ink-3 basis-full text-xs">{note}</span>
                </span>
              </Checkbox>
              <div className="grid gap-x-6 pt-1 sm:grid-cols-2">
                {members.map((tool) => (
                  <Checkbox
                    key={tool.name}
                    checked={selected.has(tool.name)}
                    onChange={(event) => set([tool.name], event.target.checked)}
                    className="py-0.5"
                  >
                    <span className="flex flex-wrap items-center gap-1.5">
                      <code className="font-mono text-xs leading-5 [overflow-wrap:anywhere]">
                        {tool.name}
                      </code>
                      <StateBadges tool={tool} quiet />
                      {before && before.has(tool.name) !== selected.has(tool.name) && (
                        <Badge tone={selected.has(tool.name) ? 'success' : 'danger'}>
                          {selected.has(tool.name) ? 'added' : 'removed'}
                        </Badge>
                      )}
                    </span>
                  </Checkbox>
                ))}
              </div>
            </fieldset>
          );
        })}
      </div>
    </div>
  );
}
