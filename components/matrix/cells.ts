// What the cells of the matrix show, as one short text a row: a row whose text is the same is not drawn again. Pure.
import { isOpen, type ToolLine } from '../tools/words';
import type { Draft } from './draft';
import type { MatrixGroup, MatrixTool } from './model';
import { listed, type Pairs } from './pairs';

/** A cell as one character: the sum of these, from '0' on. */
export const TICKED = 1;
export const PENDING = 2;
/** A ticked preview without the tool behind its button. */
export const HALF = 4;

export interface Column {
  group: MatrixGroup;
  /** What is ticked after saving. */
  ticked: ReadonlySet<string>;
  pending: ReadonlyMap<string, boolean>;
}

const nothing: ReadonlyMap<string, boolean> = new Map();

/** The columns with the draft laid over them. */
export function columnsOf(groups: readonly MatrixGroup[], draft: Draft): Column[] {
  return groups.map((group) => {
    const pending = draft.cells.get(group.slug) ?? nothing;
    const ticked = new Set(group.tools);
    for (const [name, on] of pending)
      if (on) ticked.add(name);
      else ticked.delete(name);
    return { group, ticked, pending };
  });
}

/** One character a column, for a tool's row. */
export function rowText(tool: string, columns: readonly Column[], { needs }: Pairs): string {
  const partners = needs.get(tool);
  let text = '';
  for (const { ticked, pending } of columns) {
    const on = ticked.has(tool);
    const half = on && partners !== undefined && partners.some((name) => !ticked.has(name));
    text += String((on ? TICKED : 0) + (pending.has(tool) ? PENDING : 0) + (half ? HALF : 0));
  }
  return text;
}

/** One character a column, for a section's row: all of its tools (1), some (2) or none (0). */
export function bandText(tools: readonly MatrixTool[], columns: readonly Column[]): string {
  let text = '';
  for (const { ticked } of columns) {
    let on = 0;
    for (const { name } of tools) if (ticked.has(name)) on += 1;
    text += on === 0 ? '0' : on === tools.length ? '1' : '2';
  }
  return text;
}

/** "create_tasks, Sales, allowed, pending": what a screen reader hears of a cell. */
export function cellName(
  tool: Pick<ToolLine, 'name' | 'status' | 'blocked'>,
  group: string,
  code: number,
  partners: readonly string[] = [],
): string {
  const ticked = (code & TICKED) !== 0;
  return [
    tool.name,
    group,
    ticked ? 'allowed' : 'not allowed',
    code & PENDING ? 'pending' : '',
    ticked && tool.blocked ? 'but blocked' : '',
    ticked && !tool.blocked && !isOpen(tool)
      ? tool.status === 'missing'
        ? 'but missing at Asana'
        : 'but waiting for review'
      : '',
    code & HALF ? `without ${listed(partners)}` : '',
  ]
    .filter(Boolean)
    .join(', ');
}

/** What a model reads for a set of tools, in tokens. */
export function costOf(tools: readonly ToolLine[], ticked: ReadonlySet<string>): number {
  return tools.reduce((sum, { name, tokens }) => (ticked.has(name) ? sum + tokens : sum), 0);
}
