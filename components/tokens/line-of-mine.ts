// A tool of one's own as lists and pickers want it: what one may use is reviewed and open.
import type { OperationAnswer } from '@/lib/portal/operations';
import type { ToolLine } from '../tools/words';

/** `tool` as `GET /me` answers it. */
export function lineOfMine(tool: OperationAnswer<'GET /me'>['toolDetails'][number]): ToolLine {
  return { ...tool, status: 'reviewed', blocked: false, groups: [], hints: [] };
}
