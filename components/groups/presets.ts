// Starting points for a group's tools. Only what is reviewed and not blocked is ticked: the rest would be closed anyway.
import { isOpen, type ToolLine } from '../tools/words';

export const presets = [
  {
    id: 'read',
    title: 'Read-only',
    note: 'Looks things up, changes nothing.',
    holds: (tool: ToolLine) => tool.class === 'read',
  },
  {
    id: 'no-deletes',
    title: 'No deletes',
    note: 'Reads, creates and comments; changes and deletes nothing that exists.',
    holds: (tool: ToolLine) => tool.class === 'read' || tool.class === 'write',
  },
  {
    id: 'everything',
    title: 'Everything reviewed',
    note: 'Also deletes, and the tools behind widget buttons.',
    holds: () => true,
  },
  { id: 'none', title: 'None', note: 'Tick tools one by one.', holds: () => false },
] as const;

export type PresetId = (typeof presets)[number]['id'];

/** Names of the tools of a preset. */
export function toolsOfPreset(id: PresetId, tools: readonly ToolLine[]): string[] {
  const { holds } = presets.find((preset) => preset.id === id)!;
  return tools.filter((tool) => isOpen(tool) && holds(tool)).map(({ name }) => name);
}
