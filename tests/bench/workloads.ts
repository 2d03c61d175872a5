// What the bench sends and what each answer must be. Load generator, upstream and bare proxy agree on these names.
import { recordedTools } from '@/lib/catalogue/recorded-tools';

/** The tools of the catalogue that the bench's upstream answers in one way each; all of them only read. */
export const TOOLS = {
  /** JSON of about 1 kB. */
  json: 'get_task',
  /** The same as one event of a stream. */
  events: 'get_project',
  /** One progress event, then only comments. */
  endless: 'get_tasks',
  /** Nearly 16 MiB of JSON. */
  huge: 'get_attachments',
  /** Allowed to nobody. */
  refused: 'delete_task',
} as const;

export const WORKLOADS = ['call', 'sse', 'list', 'refused', 'junk'] as const;
export type Workload = (typeof WORKLOADS)[number];

/** The path that the bench's upstream answers with 401, for those that do not check bearers. */
export const JUNK_PATH = '/junk';

/** What the members' group opens. */
export const allowedTools = (): string[] =>
  recordedTools()
    .map(({ name }) => name)
    .filter((name) => name !== TOOLS.refused);

const tool = (name: string, args: Record<string, unknown>) => ({
  method: 'tools/call',
  params: { name, arguments: args },
});
const TASK = { task_id: '1201234567890123', opt_fields: 'name,notes,assignee.name,due_on,completed' };

const MESSAGES: Record<Workload, { method: string; params?: unknown }> = {
  call: tool(TOOLS.json, TASK),
  sse: tool(TOOLS.events, { project_id: '1201234567890124', opt_fields: 'name,notes,owner.name' }),
  list: { method: 'tools/list' },
  refused: tool(TOOLS.refused, { task_id: '1201234567890123' }),
  junk: tool(TOOLS.json, TASK),
};

/** The body of one request. */
export const messageOf = (workload: Workload, id: number): string =>
  JSON.stringify({ jsonrpc: '2.0', id, ...MESSAGES[workload] });

/** What is wrong with an answer, JSON or events; null where it is what the workload asked for. `filtered`: a gate answered. */
export function wrongWith(
  workload: Workload,
  { status, text, id, filtered }: { status: number; text: string; id: number; filtered: boolean },
): string | null {
  const bad = `${workload} was answered ${status}: ${text.slice(0, 300)}`;
  if (workload === 'junk') return status === 401 && text.includes('invalid_token') ? null : bad;
  if (status !== 200) return bad;
  const last = text.startsWith('{') ? text : /^data: (.*)$/m.exec(text)?.[1];
  const body = JSON.parse(last ?? 'null') as {
    id?: unknown;
    error?: { code?: unknown };
    result?: { tools?: unknown[]; content?: { text: string }[]; isError?: unknown };
  };
  if (body?.id !== id) return bad;
  if (workload === 'refused') return body.error?.code === -32602 ? null : bad;
  if (workload === 'list') return body.result?.tools?.length === (filtered ? 38 : 39) ? null : bad;
  return body.result?.isError !== true && body.result?.content?.[0]?.text.includes('gid') ? null : bad;
}
