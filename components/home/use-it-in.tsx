// Snippets for MCP clients, one tab each.
import { CodeBlock } from '../ui/code-block';
import { Tabs } from '../ui/tabs';
import { snippets } from './snippets';

export function UseItIn({ endpoint, token = null }: { endpoint: string; token?: string | null }) {
  return (
    <Tabs
      label="Use it in"
      tabs={snippets(endpoint, token).map(({ id, title, where, code }) => ({
        id,
        title,
        content: (
          <>
            <p className="text-ink-3 mb-2 text-sm">{where}</p>
            <CodeBlock code={code} label={`${title} set-up`} />
          </>
        ),
      }))}
    />
  );
}
