// A tool's definition for people: description, arguments, and the raw JSON on demand. All of it is Asana's text, shown as text.
import { Badge } from '../ui/badge';
import { CodeBlock } from '../ui/code-block';
import { argumentsOf } from './arguments';

/** Takes the catalogue's tool or a raw definition of Asana's. */
export function ToolDefinitionView({ definition }: { definition: Record<string, unknown> }) {
  const { description, inputSchema, annotations, _meta } = definition;
  const args = argumentsOf(inputSchema);
  return (
    <div className="flex flex-col gap-4 text-sm">
      <p className="whitespace-pre-line [overflow-wrap:anywhere]">
        {typeof description === 'string' && description !== '' ? (
          description
        ) : (
          <span className="text-ink-3">Asana gives no description.</span>
        )}
      </p>
      <div>
        <h3 className="mb-1 font-medium">Arguments</h3>
        {args.length === 0 ? (
          <p className="text-ink-3">None.</p>
        ) : (
          <dl className="border-line divide-line rounded-box divide-y border">
            {args.map((argument) => (
              <div key={argument.name} className="px-3 py-2">
                <dt className="flex flex-wrap items-center gap-x-2 gap-y-1">
                  <code className="font-mono text-xs font-medium [overflow-wrap:anywhere]">
                    {argument.name}
                  </code>
                  <span className="text-ink-3 text-xs [overflow-wrap:anywhere]">{argument.type}</span>
                  {argument.required && <Badge>required</Badge>}
                </dt>
                {argument.description && (
                  <dd className="text-ink-2 mt-0.5 [overflow-wrap:anywhere]">{argument.description}</dd>
                )}
              </div>
            ))}
          </dl>
        )}
      </div>
      <details>
        <summary className="text-accent w-fit hover:underline">Raw definition</summary>
        <div className="mt-2">
          <CodeBlock
            label="Raw definition"
            code={JSON.stringify({ inputSchema, annotations, _meta }, null, 2)}
          />
        </div>
      </details>
    </div>
  );
}
