// Operations on MCP clients: what a person allowed, which clients the organization knows, and where they may send people back.
import { z } from 'zod';
import { AppError } from '../errors';
import { blockClient, deleteClient, listClients } from '../oauth/clients';
import { endMemberGrant, endOwnGrant, listGrants } from '../oauth/grants';
import { listRefused, readRedirectRule, saveRedirectRule } from '../oauth/redirect-rules';
import { KNOWN_CLIENTS } from '../oauth/redirect-uris';
import { operation, type Context } from './operation';
import { ownId } from './operations-me';
import { memberPath } from './operations-people';
import { ADMIN, EVERYONE, instant, uuid } from './schemas';

const grant = z.object({
  id: uuid,
  client: z.object({ id: z.string(), name: z.string() }),
  connectionId: uuid.nullable(),
  redirectUri: z.string(),
  createdAt: instant,
  lastUsedAt: instant.nullable(),
  expiresAt: instant,
  ended: z.object({ at: instant, reason: z.string() }).nullable(),
});

const client = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.enum(['registered', 'document']),
  redirectUris: z.array(z.string()),
  createdAt: instant,
  blocked: z.boolean(),
  members: z.array(z.string()),
  lastUsedAt: instant.nullable(),
});

const rule = z.object({ uris: z.array(z.string()), allowLoopback: z.boolean() });

const ruleAnswer = rule.extend({
  known: z.array(z.object({ name: z.string(), uris: z.array(z.string()) })),
  refused: z.array(z.object({ uri: z.string(), clientName: z.string(), at: instant })),
});

// A client known by its metadata document has that URL as its id.
const clientPath = z.object({ id: z.string().min(1).max(500) });

/** The signed-in person; `keys: false` keeps API keys out before this. */
function person({ member, actor }: Context) {
  if (!member) throw new AppError('forbidden');
  return { ...actor, memberId: member.id };
}

async function answerRule(organizationId: string, given?: z.infer<typeof rule>) {
  const inForce = given ?? (await readRedirectRule(organizationId));
  const known = KNOWN_CLIENTS.map(({ name, uris }) => ({ name, uris: [...uris] }));
  return { ...inForce, known, refused: await listRefused(inForce) };
}

export const clientOperations = {
  'GET /me/grants': operation({
    summary: 'MCP clients that I allowed',
    who: EVERYONE,
    keys: false,
    effect: 'read',
    answer: z.object({ grants: z.array(grant) }),
    run: async (context) => {
      const { organizationId, memberId } = person(context);
      return { grants: await listGrants(organizationId, memberId) };
    },
  }),
  'DELETE /me/grants/{id}': operation({
    summary: 'End what I allowed an MCP client; its next call is refused',
    who: EVERYONE,
    keys: false,
    effect: 'change',
    ends: true,
    path: z.object({ id: z.string().max(100) }),
    answer: 'none',
    run: (context, { path }) => endOwnGrant(context.tx, person(context), ownId(path.id)),
  }),
  'DELETE /members/{email}/grants/{id}': operation({
    summary: 'End what a member allowed an MCP client; its next call is refused',
    who: ADMIN,
    effect: 'change',
    ends: true,
    path: memberPath.extend({ id: z.string().max(100) }),
    answer: 'none',
    run: ({ tx, actor }, { path }) => endMemberGrant(tx, actor, path.email, ownId(path.id)),
  }),
  'GET /clients': operation({
    summary: 'Registered MCP clients, and whom here they may act for',
    who: ADMIN,
    effect: 'read',
    answer: z.object({ clients: z.array(client) }),
    run: async ({ actor }) => ({ clients: await listClients(actor.organizationId) }),
  }),
  'PATCH /clients/{id}': operation({
    summary: 'Shut a client out of the organization, or let it in again; in force for its next call',
    who: ADMIN,
    effect: 'change',
    ends: true,
    path: clientPath,
    body: z.object({ blocked: z.boolean() }),
    answer: client,
    run: ({ tx, actor }, { path, body }) => blockClient(tx, actor, path.id, body.blocked),
  }),
  'DELETE /clients/{id}': operation({
    summary:
      'End all that a client may do in the organization, and forget it unless another organization uses it',
    who: ADMIN,
    effect: 'change',
    ends: true,
    path: clientPath,
    answer: 'none',
    run: ({ tx, actor }, { path }) => deleteClient(tx, actor, path.id),
  }),
  'GET /redirect-uris': operation({
    summary: 'Where clients may send people back, and registrations that were refused for it',
    who: ADMIN,
    effect: 'read',
    answer: ruleAnswer,
    run: ({ actor }) => answerRule(actor.organizationId),
  }),
  'PUT /redirect-uris': operation({
    summary:
      'Replace where clients may send people back; in force for the next authorization, code and refresh',
    who: ADMIN,
    effect: 'change',
    body: z.object({
      uris: z.array(z.string().min(1).max(2_000)).max(200),
      allowLoopback: z.boolean(),
    }),
    answer: ruleAnswer,
    run: async ({ tx, actor }, { body }) =>
      answerRule(actor.organizationId, await saveRedirectRule(tx, actor, body)),
  }),
};
