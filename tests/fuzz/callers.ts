// Who calls, and what each may do: the judge's own table. It is not read from the policy of Gatehouse but written down here, and the
// groups are made from it.
import type { MethodFamily } from '@/lib/policy/policy';
import type { Reading } from './json-readings';

export interface Caller {
  kind: string;
  /** What the person's group lists. */
  group: { tools: string[]; methods: MethodFamily[] };
  /** What the agent token is narrowed to; undefined: to nothing. */
  narrowed?: string[];
  /** What may reach Asana in this caller's name. */
  tools: ReadonlySet<string>;
  /** `resources/read` of these only; null: of any. */
  widgets: ReadonlySet<string> | null;
  methods: ReadonlySet<string>;
}

const OPEN = [
  'initialize',
  'tools/list',
  'tools/call',
  'notifications/initialized',
  'notifications/cancelled',
];
const RESOURCES = [
  ...['resources/list', 'resources/read', 'resources/templates/list'],
  ...['resources/subscribe', 'resources/unsubscribe'],
];
const WIDGET = 'ui://widget/search_tasks_preview.html';

export const CALLERS: readonly Caller[] = [
  {
    kind: 'reader',
    group: { tools: ['get_me', 'get_task', 'get_project', 'search_tasks_preview'], methods: [] },
    tools: new Set(['get_me', 'get_task', 'get_project', 'search_tasks_preview']),
    widgets: new Set([WIDGET]),
    methods: new Set([...OPEN, 'resources/read']),
  },
  {
    kind: 'nobody',
    group: { tools: [], methods: [] },
    tools: new Set(),
    widgets: new Set(),
    methods: new Set(OPEN),
  },
  {
    kind: 'narrowed',
    group: { tools: ['get_me', 'get_task', 'get_tasks', 'update_tasks', 'delete_task'], methods: [] },
    narrowed: ['get_me', 'update_tasks'],
    tools: new Set(['get_me', 'update_tasks']),
    widgets: new Set(),
    methods: new Set(OPEN),
  },
  {
    kind: 'family',
    group: { tools: ['get_me'], methods: ['resources'] },
    tools: new Set(['get_me']),
    widgets: null,
    methods: new Set([...OPEN, ...RESOURCES]),
  },
];

/** Why this caller may not make this call, in a few words; null where it may. */
export function forbidden(caller: Caller, reading: Reading): string | null {
  const unquoted = (text: string | undefined) =>
    text?.startsWith('"') ? (JSON.parse(text) as string) : undefined;
  const method = unquoted(reading.method);
  if (method === undefined || !caller.methods.has(method)) return `the method ${reading.method ?? '(none)'}`;
  const name = reading.params.get('name');
  if (method === 'tools/call' && !caller.tools.has(unquoted(name) ?? ''))
    return `the tool ${name ?? '(none)'}`;
  const uri = reading.params.get('uri');
  if (method === 'resources/read' && caller.widgets && !caller.widgets.has(unquoted(uri) ?? ''))
    return `the resource ${uri ?? '(none)'}`;
  return null;
}
