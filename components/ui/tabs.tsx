// Views of one thing, one at a time; arrow keys move between their names.
'use client';
import { Tabs as Base } from '@base-ui/react/tabs';
import type { ReactNode } from 'react';

export interface Tab {
  id: string;
  title: ReactNode;
  content: ReactNode;
}

/** `label` names the row of tabs. */
export function Tabs({ label, tabs }: { label: string; tabs: readonly Tab[] }) {
  return (
    <Base.Root defaultValue={tabs[0]?.id}>
      <Base.List
        aria-label={label}
        className="border-line flex gap-1 overflow-x-auto border-b [scrollbar-width:none]"
      >
        {tabs.map((tab) => (
          <Base.Tab
            key={tab.id}
            value={tab.id}
            className="text-ink-3 hover:text-ink data-active:border-accent data-active:text-ink -mb-px h-8 border-b-2 border-transparent px-2 text-sm font-medium whitespace-nowrap focus-visible:-outline-offset-2 pointer-coarse:h-10"
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
