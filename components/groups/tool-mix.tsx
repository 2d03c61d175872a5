// How a set of tools divides into classes, in words.
import { Badge } from '../ui/badge';
import { toolClasses, type ToolLine } from '../tools/words';

export function ToolMix({ tools }: { tools: readonly Pick<ToolLine, 'class'>[] }) {
  if (tools.length === 0) return <span className="text-ink-3">none</span>;
  return (
    <span className="flex flex-wrap gap-1">
      {toolClasses.map(({ id, title, tone }) => {
        const n = tools.filter((tool) => tool.class === id).length;
        return (
          n > 0 && (
            <Badge key={id} tone={tone}>
              {n} {title.toLowerCase()}
            </Badge>
          )
        );
      })}
    </span>
  );
}
