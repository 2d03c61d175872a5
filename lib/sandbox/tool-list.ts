// The tools that the stand-in Asana offers right now. It starts with the 39 recorded ones; tests add, change, rename and
// remove tools as Asana does without asking anybody. A renamed or changed tool goes on doing what it did.
import { recordedTools, type RecordedTool } from '@/lib/catalogue/recorded-tools';
import { checkArguments } from '@/lib/sandbox/check-arguments';
import { READ_TOOLS } from '@/lib/sandbox/read-tools';
import { ToolError } from '@/lib/sandbox/tool-error';
import type { Arguments, ToolHandler, View } from '@/lib/sandbox/view';
import { WIDGET_TOOLS } from '@/lib/sandbox/widget-tools';
import { WRITE_TOOLS } from '@/lib/sandbox/write-tools';

interface Entry {
  definition: RecordedTool;
  run: ToolHandler;
}
export interface ToolResult {
  content: { type: 'text'; text: string }[];
  isError?: true;
}
export interface ToolList {
  /** As `tools/list` shows them, in order. */
  definitions(): RecordedTool[];
  /** Runs a tool; undefined when there is none of that name. */
  call(name: string, view: View, given: unknown): { result: ToolResult; value: unknown } | undefined;
  /** Adds a tool at the end, even under a name that is taken (a list with duplicates is a case to test). */
  add(definition: Pick<RecordedTool, 'name'> & Partial<RecordedTool>, run?: ToolHandler): void;
  change(name: string, changes: Partial<RecordedTool>): void;
  remove(name: string): void;
  rename(from: string, to: string): void;
  reset(): void;
}

const MAX_TOOLS = 2_000;

/** What an added tool does unless it is told otherwise: it says what it was called with. */
const echo =
  (name: string): ToolHandler =>
  (_view, given) => ({ data: { tool: name, arguments: given } });

/** `onChange` is called after every change, for `notifications/tools/list_changed`. */
export function createToolList(onChange: () => void): ToolList {
  let entries: Entry[] = [];
  const recorded = (): Entry[] =>
    recordedTools().map((definition) => {
      const { name } = definition;
      const run = READ_TOOLS.get(name) ?? WRITE_TOOLS.get(name) ?? WIDGET_TOOLS.get(name);
      if (!run) throw new Error(`The sandbox can not run ${name}: lib/sandbox has no function for it.`);
      return { definition, run };
    });
  const called = (name: string): Entry[] => {
    const found = entries.filter((entry) => entry.definition.name === name);
    if (found.length === 0) throw new Error(`The sandbox has no tool ${name}.`);
    return found;
  };
  entries = recorded();
  return {
    definitions: () => entries.map(({ definition }) => definition),
    call(name, view, given) {
      const entry = entries.find(({ definition }) => definition.name === name);
      return entry && run(entry, view, given);
    },
    add(given, work) {
      if (entries.length >= MAX_TOOLS) throw new Error('The sandbox holds 2,000 tools; remove some first.');
      const definition: RecordedTool = {
        title: given.name,
        description: `A tool that was added later: ${given.name}.`,
        inputSchema: {
          $schema: 'https://json-schema.org/draft/2020-12/schema',
          type: 'object',
          properties: {},
        },
        annotations: {
          title: given.name,
          readOnlyHint: false,
          destructiveHint: true,
          idempotentHint: false,
          openWorldHint: false,
        },
        ...structuredClone(given),
      };
      entries.push({ definition, run: work ?? echo(given.name) });
      onChange();
    },
    change(name, changes) {
      for (const entry of called(name))
        entry.definition = { ...entry.definition, ...structuredClone(changes) };
      onChange();
    },
    remove(name) {
      called(name);
      entries = entries.filter((entry) => entry.definition.name !== name);
      onChange();
    },
    rename(from, to) {
      for (const entry of called(from)) entry.definition = { ...entry.definition, name: to };
      onChange();
    },
    reset() {
      entries = recorded();
      onChange();
    },
  };
}

function run(
  { definition, run: work }: Entry,
  view: View,
  given: unknown,
): { result: ToolResult; value: unknown } {
  const failed = (value: unknown, text: string) => ({
    result: { content: [{ type: 'text' as const, text }], isError: true as const },
    value,
  });
  const problems = checkArguments(given, definition.inputSchema);
  if (problems.length > 0) {
    const text = `Input validation error: Invalid arguments for tool ${definition.name}: ${problems.join('; ')}`;
    return failed({ errors: problems.map((message) => ({ message })) }, text);
  }
  try {
    const value = work(view, given as Arguments);
    return { result: { content: [{ type: 'text', text: JSON.stringify(value) }] }, value };
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    const value = { errors: [{ message: error.message }], status: error.status };
    return failed(value, JSON.stringify(value));
  }
}
