// OpenAPI 3.1 of /api/v1, generated from the schemas that validate.
import { z } from 'zod';
import { env } from '../env';
import type { Operation } from './operation';
import { operationEntries } from './operations';
import { version } from './health';

type Json = Record<string, unknown>;

/** The document at /api/v1/openapi.json. */
export function openApiDocument(): Json {
  const paths: Record<string, Json> = {};
  for (const { name, method, path, operation } of operationEntries())
    paths[path] = { ...paths[path], [method.toLowerCase()]: describe(name, operation) };
  return {
    openapi: '3.1.0',
    info: {
      title: 'Gatehouse',
      version: version(),
      description: 'The portal\u2019s API. Errors are RFC 9457 problem details with a stable `code`.',
    },
    servers: [{ url: `${env().GATEHOUSE_URL}/api/v1` }],
    paths,
    components: {
      securitySchemes: {
        apiKey: {
          type: 'http',
          scheme: 'bearer',
          description: 'An API key (`ghk_…`). Agent tokens are refused here.',
        },
        session: { type: 'apiKey', in: 'cookie', name: 'next-auth.session-token' },
      },
      schemas: {
        Problem: {
          type: 'object',
          required: ['type', 'title', 'status', 'code'],
          properties: {
            type: { type: 'string' },
            title: { type: 'string' },
            status: { type: 'integer' },
            detail: { type: 'string' },
            code: { type: 'string' },
          },
        },
      },
    },
  };
}

function describe(name: string, operation: Operation): Json {
  const body = schemaOf(operation.body, 'input');
  const hasBody = Object.keys((body.properties as Json | undefined) ?? {}).length > 0;
  return {
    operationId: name.replace(/[^A-Za-z]+(\w)?/g, (_, next: string | undefined) =>
      (next ?? '').toUpperCase(),
    ),
    summary: operation.summary,
    description: operation.who === 'anyone' ? 'Needs no sign-in.' : `Roles: ${operation.who.join(', ')}.`,
    security:
      operation.who === 'anyone' ? [] : [{ session: [] }, ...(operation.keys ? [{ apiKey: [] }] : [])],
    parameters: [...parametersOf(operation.path, 'path'), ...parametersOf(operation.query, 'query')],
    ...(hasBody
      ? { requestBody: { required: true, content: { 'application/json': { schema: body } } } }
      : {}),
    responses: {
      [operation.status]: answerOf(operation),
      default: {
        description: 'A problem',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  };
}

function answerOf({ answer, media }: Operation): Json {
  if (answer === 'none') return { description: 'Done; no content' };
  if (answer === 'stream')
    return {
      description: 'A file',
      content: Object.fromEntries(media.map((type) => [type, { schema: { type: 'string' } }])),
    };
  return {
    description: 'The answer',
    content: { 'application/json': { schema: schemaOf(answer, 'output') } },
  };
}

function parametersOf(schema: z.ZodType, where: 'path' | 'query'): Json[] {
  const { properties = {}, required = [] } = schemaOf(schema, 'input') as {
    properties?: Json;
    required?: string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema,
  }));
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Json;
  return rest;
}
