// What the stand-in MCP server says to each JSON-RPC request: initialize, ping, tools, resources, prompts. Whatever it
// does not know is -32601, as a server of the legacy era answers.
import type { Switches } from '@/lib/sandbox/switches';
import type { ToolList } from '@/lib/sandbox/tool-list';
import type { View } from '@/lib/sandbox/view';

export interface Message {
  jsonrpc: '2.0';
  id?: string | number;
  method?: string;
  params?: Record<string, unknown>;
  result?: unknown;
  error?: unknown;
}
export interface MessageContext {
  readonly switches: Switches;
  readonly tools: ToolList;
  readonly view: View;
}

/** A JSON-RPC error on its way to the client. */
class RpcError extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

export function rpcError(id: string | number | null, code: number, message: string) {
  return { jsonrpc: '2.0' as const, id, error: { code, message } };
}

/** Reads one message strictly enough to tell request, notification and response apart; null when it is none. */
export function readMessage(value: unknown): Message | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const { jsonrpc, id, method, params } = value as Record<string, unknown>;
  if (jsonrpc !== '2.0') return null;
  if (id !== undefined && typeof id !== 'string' && typeof id !== 'number') return null;
  if (params !== undefined && (typeof params !== 'object' || params === null)) return null;
  if (method === undefined) return 'result' in value || 'error' in value ? (value as Message) : null;
  return typeof method === 'string' ? (value as Message) : null;
}

const WIDGETS: ReadonlyMap<string, string> = new Map(
  [
    ['task_preview', 'Task preview'],
    ['search_tasks_preview', 'Task search preview'],
    ['project_preview', 'Project preview'],
  ].map(([name, title]) => [`ui://widget/${name}.html`, title] as [string, string]),
);
const WIDGET_TYPE = 'text/html;profile=mcp-app';

type Method = (params: Record<string, unknown>, context: MessageContext) => unknown;

function initialize(params: Record<string, unknown>, { switches }: MessageContext): unknown {
  const { protocolVersion: asked, clientInfo, capabilities } = params;
  if (typeof asked !== 'string' || typeof clientInfo !== 'object' || typeof capabilities !== 'object')
    throw new RpcError(-32602, 'Invalid params: protocolVersion, capabilities and clientInfo are required');
  const known = switches.protocolVersions;
  return {
    // A version that is not known is answered with the newest one; the client decides whether it can go on.
    protocolVersion: known.includes(asked) ? asked : known[0],
    capabilities: { tools: { listChanged: true }, resources: {}, prompts: {} },
    serverInfo: { name: 'asana-sandbox', title: 'Asana (sandbox)', version: '2.0.0' },
    ...(switches.instructions !== null && { instructions: switches.instructions }),
  };
}

/** Pages are cut from the list as it is now; a cursor is bound to no session and no person. */
function listTools(params: Record<string, unknown>, { switches, tools }: MessageContext): unknown {
  const all = tools.definitions();
  const size = switches.pageSize ?? all.length;
  const { cursor } = params;
  if (switches.emptyFirstPage && cursor === undefined) return { tools: [], nextCursor: '' };
  const start = cursor === undefined || (switches.emptyFirstPage && cursor === '') ? 0 : startOf(cursor);
  const more = start + size < all.length;
  return { tools: all.slice(start, start + size), ...(more && { nextCursor: cursorAt(start + size) }) };
}

const cursorAt = (start: number): string => Buffer.from(`tools:${start}`).toString('base64url');

function startOf(cursor: unknown): number {
  const text = typeof cursor === 'string' ? Buffer.from(cursor, 'base64url').toString() : '';
  const start = /^tools:(\d{1,6})$/.exec(text)?.[1];
  if (start === undefined || cursorAt(Number(start)) !== cursor) throw new RpcError(-32602, 'Invalid cursor');
  return Number(start);
}

function callTool(params: Record<string, unknown>, { switches, tools, view }: MessageContext): unknown {
  const { name, arguments: given = {} } = params;
  if (typeof name !== 'string') throw new RpcError(-32602, 'Invalid params: name must be a string');
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new RpcError(-32602, 'Invalid params: arguments must be an object');
  const called = tools.call(name, view, given);
  if (!called) throw new RpcError(-32602, `Tool ${name} not found`);
  return { ...called.result, ...(switches.structuredContent && { structuredContent: called.value }) };
}

function readResource({ uri }: Record<string, unknown>): unknown {
  const title = WIDGETS.get(uri as string);
  if (title === undefined) throw new RpcError(-32002, 'Resource not found');
  const text = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title></head><body><main id="widget">${title}</main></body></html>`;
  return { contents: [{ uri, mimeType: WIDGET_TYPE, text }] };
}

const METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ['initialize', initialize],
  ['ping', () => ({})],
  ['tools/list', listTools],
  ['tools/call', callTool],
  [
    'resources/list',
    () => ({
      resources: [...WIDGETS].map(([uri, title]) => ({
        uri,
        name: uri.replace('ui://widget/', ''),
        title,
        mimeType: WIDGET_TYPE,
      })),
    }),
  ],
  ['resources/templates/list', () => ({ resourceTemplates: [] })],
  ['resources/read', readResource],
  ['prompts/list', () => ({ prompts: [] })],
]);

/** The answer to one request. Failures of a tool are results; only protocol failures are JSON-RPC errors. */
export function answerRequest(message: Message, context: MessageContext): unknown {
  const id = message.id!;
  const method = METHODS.get(message.method!);
  if (!method) return rpcError(id, -32601, 'Method not found');
  try {
    return { jsonrpc: '2.0', id, result: method(message.params ?? {}, context) };
  } catch (error) {
    if (error instanceof RpcError) return rpcError(id, error.code, error.message);
    throw error;
  }
}

/** Notifications that precede an answer on an event stream: progress where it was asked for, else log messages. */
export function notificationsBefore(message: Message, count: number): unknown[] {
  const meta = message.params?._meta as { progressToken?: unknown } | undefined;
  return Array.from({ length: count }, (_, index) =>
    meta?.progressToken === undefined
      ? {
          jsonrpc: '2.0',
          method: 'notifications/message',
          params: { level: 'info', data: `Step ${index + 1} of ${count}` },
        }
      : {
          jsonrpc: '2.0',
          method: 'notifications/progress',
          params: { progressToken: meta.progressToken, progress: index + 1, total: count },
        },
  );
}
