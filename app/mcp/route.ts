// The gate where somebody runs plain Next without server.ts: the same core, agent tokens only, DATABASE_URL needed.
import { handleMcp, type McpRequest } from '@/lib/gateway/handle-mcp';
import { isWhole } from '@/lib/gateway/respond';

export const dynamic = 'force-dynamic';

async function handle(request: Request): Promise<Response> {
  const { status, headers, body } = await handleMcp(fromWeb(request));
  if (!isWhole(body)) return new Response(toStream(body), { status, headers });
  return new Response(Array.isArray(body) ? Buffer.concat(body) : body, { status, headers });
}

function fromWeb(request: Request): McpRequest {
  return {
    method: request.method,
    header: (name) => request.headers.get(name) ?? undefined,
    // Two Authorization headers arrive joined by a comma, which no bearer holds.
    authorizations: 1,
    headersFrom: (prefix) => new Map([...request.headers].filter(([name]) => name.startsWith(prefix))),
    left: () => request.signal,
    async body(maxBytes) {
      const chunks: Uint8Array[] = [];
      let size = 0;
      for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
        size += chunk.length;
        if (size > maxBytes) return null;
        chunks.push(chunk);
      }
      return Buffer.concat(chunks);
    },
  };
}

function toStream(pieces: AsyncIterable<string | Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(typeof value === 'string' ? encoder.encode(value) : value);
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}

export { handle as GET, handle as POST, handle as PUT, handle as PATCH, handle as DELETE, handle as OPTIONS };
