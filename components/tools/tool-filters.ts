// The filters of the catalogue, as the URL's `status` names them.
import type { ToolLine } from './words';

export const toolFilters = [
  { id: 'all', title: 'All', holds: () => true },
  {
    id: 'review',
    title: 'To review',
    holds: ({ status }: ToolLine) => status === 'new' || status === 'changed',
  },
  { id: 'reviewed', title: 'Reviewed', holds: ({ status }: ToolLine) => status === 'reviewed' },
  { id: 'missing', title: 'Missing', holds: ({ status }: ToolLine) => status === 'missing' },
  { id: 'blocked', title: 'Blocked', holds: ({ blocked }: ToolLine) => blocked },
  { id: 'ungranted', title: 'In no group', holds: ({ groups }: ToolLine) => groups.length === 0 },
] as const;

export type ToolFilter = (typeof toolFilters)[number]['id'];
