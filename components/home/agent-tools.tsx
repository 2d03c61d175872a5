// What a person's agents may do: their tools by class, in words first and in names on demand.
import ChevronRight from 'lucide-react/icons/chevron-right';
import { Badge } from '../ui/badge';
import { ButtonLink } from '../ui/button';
import { EmptyState } from '../ui/empty-state';
import { count, toolClasses, type ToolClass } from '../tools/words';

export interface AgentTool {
  name: string;
  title: string | null;
  class: ToolClass;
}

/** `mayHelpThemselves`: an admin is led to the groups, everybody else to an admin. */
export function AgentTools({
  tools,
  mayHelpThemselves,
}: {
  tools: readonly AgentTool[];
  mayHelpThemselves: boolean;
}) {
  if (tools.length === 0)
    return (
      <EmptyState
        title="No tools yet"
        action={mayHelpThemselves && <ButtonLink href="/admin/groups">Go to groups</ButtonLink>}
      >
        Your agents can connect, but see no tools: none of your groups has any.{' '}
        {mayHelpThemselves ? 'Add yourself to a group that has some.' : 'Ask an admin to add you to a group.'}
      </EmptyState>
    );
  return (
    <ul className="divide-line divide-y">
      {toolClasses.map(({ id, title, note, tone }) => {
        const members = tools.filter((tool) => tool.class === id);
        if (members.length === 0) return null;
        return (
          <li key={id}>
            <details open className="group">
              <summary className="hover:bg-hover/50 flex items-center gap-2.5 px-4 py-2.5 select-none marker:content-none">
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
              <ul className="flex flex-wrap gap-1.5 pr-4 pb-3 pl-10.5">
                {members.map((tool) => (
                  <li key={tool.name}>
                    <code
                      title={tool.title ?? undefined}
                      className="bg-sunken text-ink-2 rounded-inner inline-block px-1.5 py-0.5 font-mono text-xs"
                    >
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
  );
}
