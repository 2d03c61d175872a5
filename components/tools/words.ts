// What the portal calls the classes, states and hints of tools.
import type { OperationAnswer } from '@/lib/portal/operations';
import type { Tone } from '../ui/badge';

export type Tool = OperationAnswer<'GET /tools'>['tools'][number];
export type ToolClass = Tool['class'];
export type ToolStatus = Tool['status'];

/** What lists and pickers need of a tool; the definitions stay on the server. */
export interface ToolLine {
  name: string;
  title: string | null;
  class: ToolClass;
  status: ToolStatus;
  blocked: boolean;
  groups: string[];
  tokens: number;
  /** Asana's hints that are set, in words. */
  hints: string[];
}

/** Asana's hints (MCP tool annotations) with what they say when they are set and when they are not. */
export const hintWords = [
  ['readOnlyHint', 'read-only', 'writes'],
  ['destructiveHint', 'destructive', 'not destructive'],
  ['idempotentHint', 'idempotent', 'not idempotent'],
  ['openWorldHint', 'open world', 'closed world'],
] as const;

/** The part of a tool that goes to the browser. */
export function lineOf({
  name,
  title,
  class: toolClass,
  status,
  blocked,
  groups,
  tokens,
  annotations,
}: Tool): ToolLine {
  const hints = hintWords.filter(([hint]) => annotations?.[hint] === true).map(([, words]) => words);
  return { name, title, class: toolClass, status, blocked, groups, tokens, hints };
}

/** In the order of risk; every list of tools is grouped so. */
export const toolClasses: readonly { id: ToolClass; title: string; note: string; tone: Tone }[] = [
  { id: 'read', title: 'Read', note: 'Look things up, change nothing.', tone: 'neutral' },
  { id: 'write', title: 'Write', note: 'Create things and comment.', tone: 'accent' },
  { id: 'destructive', title: 'Destructive', note: 'Change or delete what exists.', tone: 'danger' },
  {
    id: 'internal',
    title: 'Widget-internal',
    note: 'Called by the buttons of preview widgets. Some of them write and delete.',
    tone: 'warn',
  },
  {
    id: 'unknown',
    title: 'Unclassified',
    note: 'Asana gives no clear hints; treat them as destructive.',
    tone: 'warn',
  },
];

export const statusWords: Record<ToolStatus, { text: string; tone: Tone; meaning: string }> = {
  reviewed: { text: 'Reviewed', tone: 'success', meaning: 'An admin has accepted this definition.' },
  new: {
    text: 'New',
    tone: 'warn',
    meaning: 'Asana added it. Nobody can call it until an admin has reviewed it.',
  },
  changed: {
    text: 'Changed',
    tone: 'warn',
    meaning: 'Asana changed its definition since it was reviewed.',
  },
  missing: { text: 'Missing', tone: 'neutral', meaning: 'Asana no longer lists it, so nobody can call it.' },
};

/** Whether members of its groups can call it now. */
export function isOpen(tool: Pick<ToolLine, 'status' | 'blocked'>): boolean {
  return tool.status === 'reviewed' && !tool.blocked;
}

/** "about 4.1k tokens". */
export function aboutTokens(tokens: number): string {
  return `about ${tokens < 1000 ? tokens : `${(tokens / 1000).toFixed(1)}k`} tokens`;
}

/** "1 tool", "3 tools". */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
}
