// Operations on the company's side of sign-in: what is configured, which of its groups decide which here, the tokens of its directory.
import { z } from 'zod';
import { listDirectoryGroups, mapDirectoryGroup, unmapDirectoryGroup } from '../directory/directory-groups';
import {
  createDirectoryToken,
  deleteDirectoryToken,
  listDirectoryTokens,
} from '../directory/directory-tokens';
import { countBound, listIdentities, releaseIdentities } from '../directory/identities';
import { scimUrl } from '../directory/scim-resources';
import { countUsers } from '../directory/find-users';
import { companySignIn, env } from '../env';
import { AppError } from '../errors';
import { operation } from './operation';
import { memberPath } from './operations-people';
import { ADMIN, days, instant, name, slug, uuid } from './schemas';

const companyName = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(120, 'must have at most 120 characters');
const directoryGroup = z.object({
  id: uuid,
  /** As the company calls it. */
  name: z.string(),
  externalId: z.string().nullable(),
  /** Slug of the group here. */
  group: z.string(),
  groupName: z.string(),
  madeByDirectory: z.boolean(),
  members: z.number(),
  createdAt: instant,
});
const directoryToken = z.object({
  ...{ id: uuid, name: z.string(), last4: z.string() },
  ...{ expiresAt: instant.nullable(), lastUsedAt: instant.nullable(), createdAt: instant },
});
const idPath = z.object({ id: z.string().max(100) });

/** An id in a path that is none names nothing. */
function requireId(id: string, what: string): string {
  if (!uuid.safeParse(id).success) throw new AppError('not_found', `There is no such ${what}.`);
  return id;
}

export const directoryOperations = {
  'GET /directory': operation({
    summary: 'How people sign in through the company, and where its directory is pointed at; no secret',
    who: ADMIN,
    effect: 'read',
    answer: z.object({
      /** Null: e-mail and password only. */
      signIn: z
        .object({
          issuer: z.string(),
          clientId: z.string(),
          /** To be registered at the identity provider. */
          callbackUrl: z.string(),
          groupsClaim: z.string().nullable(),
        })
        .nullable(),
      /** Identities that members are bound to. */
      bound: z.number(),
      scimUrl: z.string(),
      /** People the directory has made or changed here, and how many of them it has deactivated. */
      users: z.object({ all: z.number(), inactive: z.number() }),
    }),
    run: async ({ tx, actor }) => {
      const settings = companySignIn();
      return {
        signIn: settings && {
          ...{ issuer: settings.issuer, clientId: settings.clientId, groupsClaim: settings.groupsClaim },
          callbackUrl: `${env().GATEHOUSE_URL}/api/auth/callback/oidc`,
        },
        bound: await countBound(tx, actor.organizationId),
        scimUrl: scimUrl(),
        users: await countUsers(tx, actor.organizationId),
      };
    },
  }),
  'GET /directory/groups': operation({
    summary: 'Which group of the company\u2019s decides the members of which group here',
    who: ADMIN,
    effect: 'read',
    answer: z.object({ directoryGroups: z.array(directoryGroup) }),
    run: async ({ tx, actor }) => ({
      directoryGroups: await listDirectoryGroups(tx, actor.organizationId),
    }),
  }),
  'POST /directory/groups': operation({
    summary: 'Let a group of the company\u2019s decide the members of a group here',
    who: ADMIN,
    effect: 'change',
    status: 201,
    body: z.object({ name: companyName, group: slug, externalId: companyName.optional() }),
    answer: directoryGroup,
    run: ({ tx, actor }, { body }) => mapDirectoryGroup(tx, actor, body),
  }),
  'DELETE /directory/groups/{id}': operation({
    summary: 'End that; the group here and its members stay as they are',
    who: ADMIN,
    effect: 'change',
    path: idPath,
    answer: 'none',
    run: ({ tx, actor }, { path }) =>
      unmapDirectoryGroup(tx, actor, requireId(path.id, 'group of the company\u2019s')),
  }),
  'GET /directory/tokens': operation({
    summary: 'Tokens with which the company\u2019s directory calls /scim/v2',
    who: ADMIN,
    effect: 'read',
    answer: z.object({ directoryTokens: z.array(directoryToken) }),
    run: async ({ tx, actor }) => ({
      directoryTokens: await listDirectoryTokens(tx, actor.organizationId),
    }),
  }),
  'POST /directory/tokens': operation({
    summary: 'Make a directory token; the answer holds the only copy',
    who: ADMIN,
    effect: 'change',
    status: 201,
    body: z.object({ name, expiresInDays: days.optional() }),
    answer: z.object({ id: uuid, token: z.string() }),
    run: ({ tx, actor }, { body }) => createDirectoryToken(tx, actor, body),
  }),
  'DELETE /directory/tokens/{id}': operation({
    summary: 'End a directory token; what it brought stays',
    who: ADMIN,
    effect: 'change',
    ends: true,
    path: idPath,
    answer: 'none',
    run: ({ tx, actor }, { path }) => deleteDirectoryToken(tx, actor, requireId(path.id, 'directory token')),
  }),
  'GET /members/{email}/identity': operation({
    summary: 'Who a member is at the company\u2019s identity provider',
    who: ADMIN,
    effect: 'read',
    path: memberPath,
    answer: z.object({
      identities: z.array(
        z.object({
          ...{ issuer: z.string(), subject: z.string() },
          ...{ boundAt: instant, usedAt: instant.nullable() },
        }),
      ),
    }),
    run: async ({ tx, actor }, { path }) => ({
      identities: await listIdentities(tx, actor.organizationId, path.email),
    }),
  }),
  'DELETE /members/{email}/identity': operation({
    summary: 'Release a member from their account at the company, to be bound anew; ends their sign-ins',
    who: ADMIN,
    effect: 'change',
    ends: true,
    path: memberPath,
    answer: 'none',
    run: ({ tx, actor }, { path }) => releaseIdentities(tx, actor, path.email),
  }),
};
