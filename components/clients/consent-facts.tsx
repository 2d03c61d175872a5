// Who asks, where it sends the person back, and what it would see.
import type { ConsentQuestion } from '@/lib/oauth/consent';
import type { UsableTool } from '@/lib/catalogue/catalogue';
import { count, toolClasses } from '../tools/words';
import { Badge } from '../ui/badge';
import { Fact, KeyValues } from '../ui/key-values';

export function ConsentFacts({
  question: { client, redirect },
  tools,
}: {
  question: ConsentQuestion;
  tools: readonly UsableTool[];
}) {
  const classes = toolClasses
    .map(({ id, title, tone }) => ({ id, title, tone, n: tools.filter((tool) => tool.class === id).length }))
    .filter(({ n }) => n > 0);
  return (
    <div className="border-line bg-surface rounded-box border px-4 py-3">
      <KeyValues>
        <Fact name="Client">
          <strong className="font-medium">{client.name}</strong>
          <span className="text-ink-3 block text-xs">
            {client.kind === 'document'
              ? `Described at ${client.id}`
              : 'Registered by itself; nobody has checked its name'}
          </span>
        </Fact>
        <Fact name="Sends you back to">
          <strong className="font-medium">{redirect.place}</strong>
          {redirect.kind === 'loopback' && ' (this computer)'}
          <code className="text-ink-3 block font-mono text-xs">{redirect.uri}</code>
        </Fact>
        <Fact name="Will see">
          {tools.length === 0 ? (
            'No tools yet: none of your groups has any.'
          ) : (
            <>
              {count(tools.length, 'tool')}, those of your groups as they are at each call
              <span className="mt-1 flex flex-wrap gap-1">
                {classes.map(({ id, title, tone, n }) => (
                  <Badge key={id} tone={tone}>
                    {n} {title.toLowerCase()}
                  </Badge>
                ))}
              </span>
            </>
          )}
        </Fact>
        <Fact name="At Asana">All that the connected account may do, through these tools only</Fact>
      </KeyValues>
    </div>
  );
}
