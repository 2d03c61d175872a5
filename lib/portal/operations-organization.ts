// Operations on the organization: its settings, its Asana app, its catalogue, its API keys, its health.
import { z } from 'zod';
import { checkAsanaApp } from '../asana/check-app';
import { readAsanaApp, saveAsanaApp, type AsanaAppView } from '../asana/asana-app';
import { listTools, updateTool } from '../catalogue/catalogue';
import { syncTools } from '../catalogue/sync-tools';
import { AppError } from '../errors';
import { readOrganization, updateOrganization } from '../people/organizations';
import { countAgents, readStop, resumeOrganization, stopOrganization } from '../people/stop-switch';
import { createApiKey, deleteApiKey, listApiKeys } from '../tokens/api-keys';
import { readHealth } from './health';
import { operation } from './operation';
import { ADMIN, days, EVERYONE, instant, name, perMinute, READERS, role, stop, uuid } from './schemas';

const settings = z.object({
  name,
  workspaces: z
    .array(z.object({ gid: z.string().regex(/^\d{1,30}$/, 'must be a gid'), name: z.string().max(200) }))
    .max(100)
    .nullable(),
  driftPolicy: z.enum(['hold', 'warn']),
  asanaEmail: z.enum(['same', 'listed', 'any']),
  asanaPlan: z.enum(['free', 'paid']),
  limits: z.strictObject({ connectionPerMinute: perMinute, searchPerMinute: perMinute }).nullable(),
  /** Whether arguments of calls are kept, sealed, for auditors; and for how many days. */
  keepArguments: z.boolean(),
  argumentDays: days,
  /** Months after which audit records are deleted; null: never. */
  auditMonths: z
    .number()
    .int('must be a whole number of months')
    .min(1, 'must be at least 1 month')
    .max(1200, 'must be at most 1200 months')
    .nullable(),
});
const settingsAnswer = settings.extend({ keepArgumentsSince: instant.nullable() });
/** Of `limits` one number may be given alone; the other is then what Asana documents for the plan. */
const settingsChange = settings
  .extend({
    limits: z
      .strictObject({ connectionPerMinute: perMinute.optional(), searchPerMinute: perMinute.optional() })
      .nullable(),
  })
  .partial();

const toAsanaApp = ({ clientId, secretSetAt, redirectUrl }: AsanaAppView) => ({
  clientId,
  secretSetAt: secretSetAt?.toISOString() ?? null,
  redirectUrl,
});

const asanaApp = z.object({
  clientId: z.string().nullable(),
  secretSetAt: instant.nullable(),
  redirectUrl: z.string(),
});

const tool = z.object({
  name: z.string(),
  title: z.string().nullable(),
  class: z.enum(['read', 'write', 'destructive', 'internal', 'unknown']),
  status: z.enum(['reviewed', 'new', 'changed', 'missing']),
  blocked: z.boolean(),
  groups: z.array(z.string()),
  tokens: z.number(),
  description: z.string().nullable(),
  inputSchema: z.unknown(),
  annotations: z.record(z.string(), z.unknown()).nullable(),
  _meta: z.record(z.string(), z.unknown()).nullable(),
  seen: z.record(z.string(), z.unknown()).nullable(),
});

const apiKey = z.object({
  id: uuid,
  name: z.string(),
  role,
  last4: z.string(),
  expiresAt: instant.nullable(),
  lastUsedAt: instant.nullable(),
  createdAt: instant,
});

/** `fix` says what to do where it is not ok; null where it is. */
const red = z.object({ ok: z.boolean(), fix: z.string().nullable() });
const fact = red.extend({ detail: z.string() });
const scheduled = {
  lastAt: instant.nullable(),
  lastOkAt: instant.nullable(),
  nextAt: instant.nullable(),
  /** In a row. */
  failures: z.number(),
};

export const organizationOperations = {
  'GET /organization': operation({
    summary: 'The organization and its settings',
    who: ADMIN,
    effect: 'read',
    answer: settingsAnswer,
    run: ({ tx, actor }) => readOrganization(tx, actor.organizationId),
  }),
  'PATCH /organization': operation({
    summary: 'Change settings of the organization',
    who: ADMIN,
    effect: 'change',
    policy: true,
    body: settingsChange,
    answer: settingsAnswer,
    run: ({ tx, actor }, { body }) => updateOrganization(tx, actor, body),
  }),
  'GET /organization/stop': operation({
    summary: 'Whether all agents are stopped, since when, by whom and why',
    who: EVERYONE,
    effect: 'read',
    answer: z.object({ stopped: stop }),
    run: async ({ tx, actor }) => ({ stopped: await readStop(tx, actor.organizationId) }),
  }),
  'GET /organization/agents': operation({
    summary: 'How many members and agents the stop switch would stop',
    who: ADMIN,
    effect: 'read',
    answer: z.object({ members: z.number(), agents: z.number() }),
    run: ({ tx, actor }) => countAgents(tx, actor.organizationId),
  }),
  'POST /organization/stop': operation({
    summary: 'Stop all agents of the organization at once; open streams end',
    who: ADMIN,
    effect: 'change',
    ends: true,
    body: z.object({
      reason: z.string().trim().min(1, 'must say why').max(500, 'must have at most 500 characters'),
    }),
    answer: z.object({ stopped: stop }),
    run: async ({ tx, actor }, { body }) => ({ stopped: await stopOrganization(tx, actor, body.reason) }),
  }),
  'POST /organization/resume': operation({
    summary: 'Let the agents call again',
    who: ADMIN,
    effect: 'change',
    answer: z.object({ stopped: stop }),
    run: async ({ tx, actor }) => {
      await resumeOrganization(tx, actor);
      return { stopped: null };
    },
  }),
  'GET /asana-app': operation({
    summary: 'The registered Asana app; the secret is never returned',
    who: ADMIN,
    effect: 'read',
    answer: asanaApp,
    run: async ({ actor }) => toAsanaApp(await readAsanaApp(actor.organizationId)),
  }),
  'PUT /asana-app': operation({
    summary:
      'Register the Asana app, or rotate its secret. Another client id disconnects everybody and needs confirm=true',
    who: ADMIN,
    effect: 'change',
    query: z.object({ confirm: z.enum(['true', 'false']).optional() }),
    body: z.object({
      clientId: z
        .string()
        .trim()
        .regex(/^[\x21-\x7e]{1,200}$/, 'must be the client id from the OAuth tab, without spaces'),
      clientSecret: z
        .string()
        .trim()
        .regex(/^[\x21-\x7e]{1,500}$/, 'must be the client secret from the OAuth tab, without spaces'),
    }),
    answer: asanaApp,
    run: async ({ tx, actor }, { body, query }) => {
      await saveAsanaApp(tx, actor, body, { confirm: query.confirm === 'true' });
      return toAsanaApp(await readAsanaApp(actor.organizationId, tx));
    },
  }),
  'POST /asana-app/check': operation({
    summary: 'Check the registration at Asana',
    who: ADMIN,
    effect: 'outside',
    answer: z.object({
      checks: z.array(
        z.object({
          id: z.string(),
          status: z.enum(['pass', 'warn', 'fail']),
          message: z.string(),
          fix: z.string().nullable(),
        }),
      ),
    }),
    run: ({ actor }) => checkAsanaApp(actor.organizationId),
  }),
  'GET /tools': operation({
    summary: 'The catalogue of Asana\u2019s tools',
    who: READERS,
    effect: 'read',
    answer: z.object({ tools: z.array(tool) }),
    run: async ({ tx, actor }) => ({
      tools: (await listTools(tx, actor.organizationId)) as z.infer<typeof tool>[],
    }),
  }),
  'POST /tools/sync': operation({
    summary: 'Compare the catalogue with what Asana lists now',
    who: ADMIN,
    effect: 'outside',
    answer: z.object({
      added: z.array(z.string()),
      changed: z.array(z.string()),
      removed: z.array(z.string()),
    }),
    run: ({ actor }) => syncTools(actor),
  }),
  'PATCH /tools/{name}': operation({
    summary: 'Review or block a tool',
    who: ADMIN,
    effect: 'change',
    policy: true,
    ends: true,
    path: z.object({ name: z.string().max(200) }),
    body: z
      .object({ status: z.literal('reviewed').optional(), blocked: z.boolean().optional() })
      .refine(
        (body) => body.status !== undefined || body.blocked !== undefined,
        'give status: "reviewed", blocked, or both',
      ),
    answer: tool,
    run: async ({ tx, actor }, { path, body }) =>
      (await updateTool(tx, actor, path.name, body)) as z.infer<typeof tool>,
  }),
  'GET /api-keys': operation({
    summary: 'API keys of the organization',
    who: ADMIN,
    effect: 'read',
    answer: z.object({ apiKeys: z.array(apiKey) }),
    run: async ({ tx, actor }) => ({ apiKeys: await listApiKeys(tx, actor.organizationId) }),
  }),
  'POST /api-keys': operation({
    summary: 'Make an API key; the answer holds the only copy',
    who: ADMIN,
    effect: 'change',
    status: 201,
    body: z.object({ name, role, expiresInDays: days.optional() }),
    answer: z.object({ id: uuid, key: z.string() }),
    run: ({ tx, actor }, { body }) => createApiKey(tx, actor, body),
  }),
  'DELETE /api-keys/{id}': operation({
    summary: 'End an API key',
    who: ADMIN,
    effect: 'change',
    ends: true,
    path: z.object({ id: z.string() }),
    answer: 'none',
    run: ({ tx, actor }, { path }) => {
      if (!uuid.safeParse(path.id).success) throw new AppError('not_found', 'There is no such API key.');
      return deleteApiKey(tx, actor, path.id);
    },
  }),
  'GET /health': operation({
    summary: 'Whether everything that Gatehouse needs is well',
    who: ADMIN,
    effect: 'outside',
    answer: z.object({
      database: fact,
      keys: fact,
      asana: fact,
      /** Whether calls go to Asana, in the process that answers; `probing`: one tries. */
      circuit: fact.extend({
        state: z.enum(['closed', 'open', 'probing']),
        since: instant.nullable(),
        pausedConnections: z.number(),
      }),
      connections: z.object({ active: z.number(), needsReconnect: z.number() }),
      revocations: z.object({ pending: z.number() }),
      version: z.string(),
      refreshes: red.extend({ failedLastDay: z.number(), lastFailureAt: instant.nullable() }),
      /** Connections that are broken, or break when their access token runs out. */
      soon: z.array(
        z.object({
          member: z.string(),
          workspace: z.string().nullable(),
          asanaEmail: z.string(),
          why: z.string(),
          fix: z.string(),
        }),
      ),
      upstream: red.extend({
        p95Ms: z.number().nullable(),
        failedLastHour: z.number(),
        callsLastHour: z.number(),
      }),
      versions: z.object({
        gatehouse: z.string(),
        node: z.string(),
        postgres: z.string().nullable(),
        protocol: z.string(),
      }),
      chain: red.extend({ behindSeconds: z.number() }),
      /** Where the audit is also sent; null where it is not. */
      sink: red.extend({ detail: z.string(), behindSeconds: z.number() }).nullable(),
      /** The hourly checkpoint, and what is deleted because it is old. */
      auditKeeping: red.extend(scheduled),
      /** The hourly comparison of Asana's tools with the catalogue, and the daily rehearsal of an offboarding. */
      catalogueSync: red.extend(scheduled),
      offboardingDrill: red.extend(scheduled),
      overdueRevocations: z.array(
        z.object({ member: z.string(), attempts: z.number(), since: instant, fix: z.string() }),
      ),
    }),
    run: ({ actor }) => readHealth(actor.organizationId),
  }),
};
