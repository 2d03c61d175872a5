// Plays the MCP connector of OpenAI's Responses API as people met it (forum.asana.com 1094345): it probes the tool list with the bearer
// it was given, turns any refusal into a 424, and calls what the model asks for. It shows the cause only if the server named one.

/** An entry of `tools` in a request to /v1/responses. */
export interface McpTool {
  server_label: string;
  server_url: string;
  authorization?: string;
  headers?: Record<string, string>;
}

export type Outcome =
  | { status: 200; tools: string[]; calls: { tool: string; answer: any }[] }
  | { status: 400; message: string }
  /** `message` is all that people saw; `cause` is what the server's challenge adds. */
  | { status: 424; message: string; cause: string | undefined };

/** One request with this tool entry, in which the model calls `calls`. */
export async function createResponse(entry: McpTool, calls: string[] = []): Promise<Outcome> {
  if (entry.authorization !== undefined && entry.headers?.Authorization !== undefined)
    return {
      status: 400,
      message: "Cannot specify both 'authorization' parameter and 'Authorization' header",
    };
  const headers: Record<string, string> = {
    ...entry.headers,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'user-agent': 'openai-mcp/1.0.0',
  };
  if (entry.authorization !== undefined) headers.authorization = `Bearer ${entry.authorization}`;
  let id = 0;
  const post = (method: string, params: object, notification = false) => {
    id += 1;
    const message = { jsonrpc: '2.0', ...(notification ? {} : { id }), method, params };
    return fetch(entry.server_url, { method: 'POST', headers, body: JSON.stringify(message) });
  };

  const opened = await post('initialize', {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'openai-mcp', version: '1.0.0' },
  });
  if (!opened.ok) return failedDependency(entry, opened);
  const session = opened.headers.get('mcp-session-id');
  if (session !== null) headers['mcp-session-id'] = session;
  headers['mcp-protocol-version'] = '2025-06-18';
  await post('notifications/initialized', {}, true);
  const listed = await post('tools/list', {});
  if (!listed.ok) return failedDependency(entry, listed);
  const { result } = await readAnswer(listed);
  const done = [];
  for (const tool of calls)
    done.push({ tool, answer: await readAnswer(await post('tools/call', { name: tool, arguments: {} })) });
  return { status: 200, tools: result.tools.map(({ name }: { name: string }) => name), calls: done };
}

function failedDependency(entry: McpTool, { status, statusText, headers }: Response): Outcome {
  const challenge = headers.get('www-authenticate') ?? '';
  return {
    status: 424,
    message: `Error retrieving tool list from MCP server: '${entry.server_label}'. Http status code: ${status} (${statusText})`,
    cause: /error_description="([^"]*)"/.exec(challenge)?.[1],
  };
}

async function readAnswer(response: Response): Promise<any> {
  const text = await response.text();
  return JSON.parse(
    text.startsWith('{')
      ? text
      : text
          .split('\n')
          .findLast((line) => line.startsWith('data:'))!
          .slice(5),
  );
}
