// The marks of a tool: its class, its state, whether it is blocked, Asana's hints.
import Ban from 'lucide-react/icons/ban';
import { Badge } from '../ui/badge';
import { hintWords, statusWords, toolClasses, type Tool, type ToolClass, type ToolLine } from './words';

export function ClassBadge({ toolClass }: { toolClass: ToolClass }) {
  const words = toolClasses.find(({ id }) => id === toolClass)!;
  return <Badge tone={words.tone}>{words.title}</Badge>;
}

/** What keeps a tool from being called, or that nothing does. With `quiet` a tool in order shows nothing. */
export function StateBadges({
  tool,
  quiet = false,
}: {
  tool: Pick<ToolLine, 'status' | 'blocked'>;
  quiet?: boolean;
}) {
  const { text, tone } = statusWords[tool.status];
  return (
    <>
      {tool.blocked && (
        <Badge tone="danger" icon={<Ban aria-hidden="true" />}>
          Blocked
        </Badge>
      )}
      {(!quiet || tool.status !== 'reviewed') && <Badge tone={tone}>{text}</Badge>}
    </>
  );
}

/** Asana's own hints, as it gives them; they decide nothing by themselves. */
export function HintBadges({ annotations }: { annotations: Tool['annotations'] }) {
  const given = hintWords.filter(([hint]) => typeof annotations?.[hint] === 'boolean');
  if (given.length === 0) return <span className="text-ink-3">none</span>;
  return (
    <span className="flex flex-wrap gap-1">
      {given.map(([hint, yes, no]) => (
        <Badge key={hint}>{annotations?.[hint] === true ? yes : no}</Badge>
      ))}
    </span>
  );
}
