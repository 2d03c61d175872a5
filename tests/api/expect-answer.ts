// What every answer of /api/v1 has in common: it conforms to the OpenAPI document of the very server that gave it, a problem is
// RFC 9457, nothing is kept by caches, and a change has its record.
import { expect } from 'vitest';
import { z } from 'zod';
import type { AuditRecord } from '@/lib/audit/records';
import type { Answer, Client, Sent } from '../support/portal';

type Json = Record<string, any>;

export interface OpenApi {
  document: Json;
  /**
   * Performs an operation (`GET /groups/{slug}`), `as` the document's reader unless told; `path` fills in what its name leaves open.
   * Throws where a successful answer has another status, type or shape than the document says.
   */
  call(name: string, sent?: Sent & { path?: string; as?: Client }): Promise<Answer>;
}

/** The running server's document, and calls whose answers are checked against it. */
export async function readOpenApi(client: Client): Promise<OpenApi> {
  const { body: document } = (await client.call('GET', '/api/v1/openapi.json')) as { body: Json };
  const schemas = new Map<string, z.ZodType>();

  function expectConforming(name: string, answer: Answer): void {
    const [method, path] = name.split(' ') as [string, string];
    const response = document.paths[path][method.toLowerCase()].responses[answer.status] as Json | undefined;
    expect(response, `${name} answered ${answer.status}: ${answer.text.slice(0, 300)}`).toBeDefined();
    const type = answer.headers.get('content-type')?.split(';')[0];
    if (!response!.content) return expect([name, answer.text]).toEqual([name, '']);
    expect(Object.keys(response!.content as Json), name).toContain(type);
    if (type !== 'application/json') return;
    if (!schemas.has(name)) schemas.set(name, z.fromJSONSchema(response!.content[type].schema));
    const parsed = schemas.get(name)!.safeParse(answer.body);
    expect(parsed.error?.issues ?? [], `${name}: ${answer.text.slice(0, 300)}`).toEqual([]);
  }

  async function call(name: string, sent: Sent & { path?: string; as?: Client } = {}): Promise<Answer> {
    const [method, pattern] = name.split(' ') as [string, string];
    const { path = pattern, as = client, ...rest } = sent;
    const answer = await as.call(method, `/api/v1${path}`, rest);
    if (answer.status < 400) expectConforming(name, answer);
    return answer;
  }
  return { document, call };
}

/** A problem (RFC 9457) with exactly this status and code; its sentence must hold `about`. */
export function expectProblem(answer: Answer, status: number, code: string, about = ''): void {
  expect({ status: answer.status, code: answer.body?.code, text: answer.text }).toMatchObject({
    status,
    code,
  });
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  expect(answer.headers.get('cache-control')).toBe('no-store');
  const { detail, ...rest } = answer.body as Json;
  expect(rest).toEqual({ type: 'about:blank', title: expect.stringMatching(/^[A-Z].*\.$/), status, code });
  if (detail !== undefined) expect(detail).toEqual(expect.any(String));
  expect(`${rest.title} ${detail ?? ''}`).toContain(about);
  expect(answer.text).not.toMatch(/node_modules|\bat .*:\d+|prisma|ZodError|SELECT/i);
}

/** The newest event, read through the API; its time, chain and ids of no interest left out. */
export async function lastEvent(client: Client): Promise<Partial<AuditRecord>> {
  const { body } = await client.call('GET', '/api/v1/audit?kind=event&limit=1');
  const { seq: _seq, hash: _hash, id: _id, at: _at, ...event } = body.records[0] as AuditRecord;
  return event;
}
