// Views of one thing, one at a time; arrow keys move between their names.
'use client';
import { Tabs as Base } from '@base-ui/react/tabs';
import type { ReactNode } from 'react';
import { classNames } from './class-names';

export interface Tab {
  id: string;
  title: ReactNode;
  content: ReactNode;
}

const lines = {
  list: 'border-line flex gap-1 overflow-x-auto border-b [scrollbar-width:none]',
  tab: 'data-active:border-accent -mb-px border-b-2 border-transparent focus-visible:-outline-offset-2',
};
const chips = {
  list: 'flex flex-wrap gap-1.5',
  tab: 'border-line data-active:border-accent data-active:bg-accent-soft rounded-box border hover:border-control',
};

/** `label` names the row of tabs; `wrap` makes them chips in as many rows as they need, where there are many; `first` is the one shown at first. */
export function Tabs({
  label,
  tabs,
  wrap = false,
  first = tabs[0]?.id,
}: {
  label: string;
  tabs: readonly Tab[];
  wrap?: boolean;
  first?: string;
}) {
  const looks = wrap ? chips : lines;
  return (
    <Base.Root defaultValue={first}>
      <Base.List aria-label={label} className={looks.list}>
        {tabs.map((tab) => (
          <Base.Tab
            key={tab.id}
            value={tab.id}
            className={classNames(
              'text-ink-2 hover:text-ink data-active:text-ink h-8 px-2 text-sm font-medium whitespace-nowrap pointer-coarse:h-10',
              looks.tab,
            )}
          >
            {tab.title}
          </Base.Tab>
        ))}
      </Base.List>
      {tabs.map((tab) => (
        <Base.Panel key={tab.id} value={tab.id} className="rounded-box pt-3">
          {tab.content}
        </Base.Panel>
      ))}
    </Base.Root>
  );
}
