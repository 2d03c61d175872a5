// The matrix on a narrow screen: one group at a time, the same draft.
'use client';
import Link from 'next/link';
import { useState } from 'react';
import { aboutTokens, count } from '../tools/words';
import { Button } from '../ui/button';
import { Select } from '../ui/select';
import { costOf, type Column } from './cells';
import type { CellRef } from './matrix-grid';
import type { MatrixGroup, MatrixTool, Section } from './model';
import type { Pairs } from './pairs';
import { ToolList } from './tool-list';

/** `all` are the columns to choose from, `everything` the tokens of the whole catalogue. */
export function OneGroup({
  sections,
  tools,
  all,
  pairs,
  mayChange,
  found,
  everything,
  onSet,
  onMenu,
}: {
  sections: readonly Section[];
  tools: ReadonlyMap<string, MatrixTool>;
  all: readonly Column[];
  pairs: Pairs;
  mayChange: boolean;
  found: CellRef | null;
  everything: number;
  onSet: (cells: CellRef[], on: boolean) => void;
  onMenu: (group: MatrixGroup, anchor: HTMLElement) => void;
}) {
  const [slug, setSlug] = useState(found?.group ?? all[0]?.group.slug ?? '');
  const column = all.find(({ group }) => group.slug === slug) ?? all[0]!;
  const { group, ticked } = column;
  return (
    <div className="md:hidden">
      <div className="border-line bg-surface rounded-box mb-3 flex flex-col gap-2 border p-3">
        <Select
          label="Group"
          value={group.slug}
          onChange={(event) => setSlug(event.target.value)}
          options={all.map(({ group: { slug: value, name }, pending }) => [
            value,
            pending.size > 0 ? `${name} (${pending.size} unsaved)` : name,
          ])}
        />
        <p className="text-ink-3 text-sm">
          {group.people >= 0 && `${count(group.people, 'person', 'people')}. `}
          {count(ticked.size, 'tool')}, {aboutTokens(costOf([...tools.values()], ticked))}; everything would
          be {aboutTokens(everything)}.
        </p>
        {mayChange && (
          <div className="flex flex-wrap gap-2">
            <Button size="sm" aria-haspopup="menu" onClick={(event) => onMenu(group, event.currentTarget)}>
              Presets
            </Button>
            <Link
              href={`/admin/groups/${group.slug}`}
              className="text-accent inline-flex items-center text-sm hover:underline"
            >
              People and settings
            </Link>
          </div>
        )}
      </div>
      <div className="border-line bg-surface rounded-box border p-3">
        <ToolList
          {...{ sections, tools, column, pairs, mayChange }}
          found={found?.tool ?? null}
          onSet={(names, on) =>
            onSet(
              names.map((tool) => ({ tool, group: group.slug })),
              on,
            )
          }
        />
      </div>
    </div>
  );
}
