// The tools of the person who is signed in, with the class that the recorded catalogue gives them.
import type { ToolLine } from '@/components/tools/words';
import { classify, type ToolDefinition } from '@/lib/catalogue/classify';
import { recordedTools } from '@/lib/catalogue/recorded-tools';

let recorded: Map<string, ToolDefinition> | undefined;

/** `names` as `GET /me` answers them. A tool that was not recorded is shown as unclassified. */
export function myTools(names: readonly string[]): ToolLine[] {
  recorded ??= new Map((recordedTools() as unknown as ToolDefinition[]).map((tool) => [tool.name, tool]));
  return names.map((name) => {
    const known = recorded!.get(name);
    return {
      name,
      title: known?.title ?? known?.annotations?.title ?? null,
      class: known ? classify(known) : 'unknown',
      status: 'reviewed',
      blocked: false,
      groups: [],
      tokens: 0,
      hints: [],
    };
  });
}
