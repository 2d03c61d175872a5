// What the matrix shows: tools as rows in sections, groups as columns, and how a row is found. Pure.
import type { OperationAnswer } from '@/lib/portal/operations';
import { lineOf, toolClasses, type Tool, type ToolClass, type ToolLine } from '../tools/words';
import { toolFilters, type ToolFilter } from '../tools/tool-filters';
import { powersOf } from './pairs';

/** A row. The definition stays on the server until somebody opens the row. */
export interface MatrixTool extends ToolLine {
  /** The first sentence of Asana's description, cut to a line. */
  summary: string | null;
  /** What its arguments let it do beyond its name: "deletes tasks". */
  powers: string[];
}

/** A column. `version` is what saving must name. */
export interface MatrixGroup {
  slug: string;
  name: string;
  version: number;
  people: number;
  tools: readonly string[];
}

export type SectionId = 'waiting' | ToolClass;

export interface Section {
  id: SectionId;
  title: string;
  note: string;
  tools: MatrixTool[];
}

/** What the URL holds. `groups` null shows all columns. */
export interface MatrixFilter {
  search: string;
  toolClass: ToolClass | 'all';
  status: ToolFilter;
  groups: readonly string[] | null;
}

/** The part of a group that the matrix needs. */
export function matrixGroupOf({
  slug,
  name,
  version,
  members,
  tools,
}: OperationAnswer<'GET /groups'>['groups'][number]): MatrixGroup {
  return { slug, name, version, people: members.length, tools };
}

const SUMMARY_CHARS = 140;

/** The part of a tool that goes to the browser. */
export function matrixToolOf(tool: Tool): MatrixTool {
  return { ...lineOf(tool), summary: summaryOf(tool.description), powers: powersOf(tool) };
}

/** The first sentence of a description; null without one. */
export function summaryOf(description: string | null): string | null {
  const [first = ''] = (description ?? '').trim().split(/(?<=[.!?])\s|\n/);
  if (first === '') return null;
  return first.length > SUMMARY_CHARS ? `${first.slice(0, SUMMARY_CHARS - 1).trimEnd()}…` : first;
}

const waiting = {
  id: 'waiting',
  title: 'Waiting for review',
  note: 'Asana added or changed these. A tick counts only once an admin has reviewed the tool.',
} as const;

/** The rows in sections: what waits for review first, then what nobody can class, then by risk. Empty sections are left out. */
export function sectionsOf(tools: readonly MatrixTool[]): Section[] {
  const waits = ({ status }: MatrixTool) => status === 'new' || status === 'changed';
  const rest = tools.filter((tool) => !waits(tool));
  const classes = [...toolClasses].sort((a, b) => Number(b.id === 'unknown') - Number(a.id === 'unknown'));
  return [
    { ...waiting, tools: tools.filter(waits) },
    ...classes.map(({ id, title, note }) => ({
      id,
      title,
      note,
      tools: rest.filter((tool) => tool.class === id),
    })),
  ].filter((section) => section.tools.length > 0);
}

/** The rows that a filter leaves. */
export function shownTools(tools: readonly MatrixTool[], filter: MatrixFilter): MatrixTool[] {
  const wanted = filter.search.trim().toLowerCase();
  const holds = toolFilters.find(({ id }) => id === filter.status)!.holds;
  return tools.filter(
    (tool) =>
      holds(tool) &&
      (filter.toolClass === 'all' || tool.class === filter.toolClass) &&
      `${tool.name} ${tool.title ?? ''} ${tool.summary ?? ''}`.toLowerCase().includes(wanted),
  );
}

/** The columns that a filter leaves, in the groups' own order. */
export function shownGroups(groups: readonly MatrixGroup[], filter: MatrixFilter): readonly MatrixGroup[] {
  if (filter.groups === null) return groups;
  const chosen = new Set(filter.groups);
  return groups.filter(({ slug }) => chosen.has(slug));
}

/** Reads the filter out of a page's query; what is not understood counts as not given. */
export function filterOf(query: Record<string, string | string[] | undefined>): MatrixFilter {
  const text = (name: string) => (typeof query[name] === 'string' ? query[name] : '');
  return {
    search: text('q'),
    toolClass: toolClasses.find(({ id }) => id === text('class'))?.id ?? 'all',
    status: toolFilters.find(({ id }) => id === text('status'))?.id ?? 'all',
    groups: query.groups === undefined ? null : text('groups').split(',').filter(Boolean),
  };
}

/** The filter as a query, without what is as it is by default; other names of the query are the caller's. */
export function queryOf({ search, toolClass, status, groups }: MatrixFilter): URLSearchParams {
  const query = new URLSearchParams();
  if (search.trim() !== '') query.set('q', search.trim());
  if (toolClass !== 'all') query.set('class', toolClass);
  if (status !== 'all') query.set('status', status);
  if (groups !== null) query.set('groups', groups.join(','));
  return query;
}

/** The address of one cell, for links from elsewhere. */
export function cellAddress(tool: string, group: string): string {
  return `/admin/tools?${new URLSearchParams({ tool, group })}`;
}
