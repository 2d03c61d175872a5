// What a person's agents may do: tools by class in plain words, to be searched where there are many, and the way to ask for more.
'use client';
import ChevronRight from 'lucide-react/icons/chevron-right';
import Link from 'next/link';
import { useState } from 'react';
import { count, toolClasses, type ToolClass } from '../tools/words';
import { Badge } from '../ui/badge';
import { ButtonLink } from '../ui/button';
import { EmptyState } from '../ui/empty-state';
import { SearchField } from '../ui/search-field';

export interface AgentTool {
  name: string;
  title: string | null;
  class: ToolClass;
}

/** Below this many a search box costs more than it saves. */
const MANY = 8;

/** `mayHelpThemselves`: an admin is led to the groups, everybody else to asking. */
export function AgentTools({
  tools,
  mayHelpThemselves,
}: {
  tools: readonly AgentTool[];
  mayHelpThemselves: boolean;
}) {
  const [search, setSearch] = useState('');
  if (tools.length === 0)
    return (
      <EmptyState
        title="No tools yet"
        action={
          mayHelpThemselves ? (
            <ButtonLink href="/admin/groups">Go to groups</ButtonLink>
          ) : (
            <ButtonLink href="/explain">Ask for tools</ButtonLink>
          )
        }
      >
        Your agents can connect, but see no tools: none of your groups has any.{' '}
        {mayHelpThemselves
          ? 'Add yourself to a group that has some.'
          : 'Say which ones you need, and an admin decides.'}
      </EmptyState>
    );
  const wanted = search.trim().toLowerCase();
  const found = tools.filter((tool) => `${wordsOf(tool)} ${tool.name}`.toLowerCase().includes(wanted));
  return (
    <>
      {tools.length >= MANY && (
        <div className="border-line border-b px-4 py-2.5">
          <SearchField label="Search my tools" value={search} onChange={setSearch} />
          <output className="sr-only">{wanted && count(found.length, 'tool')}</output>
        </div>
      )}
      <ul className="divide-line divide-y">
        {toolClasses.map(({ id, title, note, tone }) => {
          const members = found.filter((tool) => tool.class === id);
          if (members.length === 0) return null;
          return (
            <li key={id}>
              {/* While somebody searches, what was found stands open. */}
              <details open={wanted !== ''} className="group">
                <summary className="hover:bg-hover/50 flex items-center gap-2.5 px-4 py-2.5 select-none marker:content-none [&::-webkit-details-marker]:hidden">
                  <ChevronRight
                    aria-hidden="true"
                    className="text-ink-3 size-4 shrink-0 transition-transform group-open:rotate-90"
                  />
                  <span className="min-w-0 flex-1">
                    <span className="text-sm font-medium">{title}</span>
                    <span className="text-ink-3 block text-sm sm:ml-2 sm:inline">{note}</span>
                  </span>
                  <Badge tone={tone}>{count(members.length, 'tool')}</Badge>
                </summary>
                <ul className="grid gap-x-6 pr-4 pb-3 pl-10.5 text-sm sm:grid-cols-2">
                  {members.map((tool) => (
                    <li key={tool.name} className="min-w-0 py-1">
                      <span className="block [overflow-wrap:anywhere]">{wordsOf(tool)}</span>
                      <code className="text-ink-3 block font-mono text-xs [overflow-wrap:anywhere]">
                        {tool.name}
                      </code>
                    </li>
                  ))}
                </ul>
              </details>
            </li>
          );
        })}
      </ul>
      {found.length === 0 && (
        <p className="text-ink-3 px-4 py-3 text-sm">
          None of your tools is called “{search.trim()}”.{' '}
          <Link href={`/explain?tool=${encodeURIComponent(search.trim())}`} className="text-accent underline">
            Ask about it
          </Link>
        </p>
      )}
    </>
  );
}

/** Asana's title without its own marks, else the name as words. */
function wordsOf({ name, title }: AgentTool): string {
  const words = title?.replace(/^\[Internal\]\s*/, '') || name.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
