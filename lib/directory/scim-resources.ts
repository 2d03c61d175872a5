// Users and groups as SCIM shows them (RFC 7643 §4), each with where it is, since when, and the tag of what is shown.
import { hash } from 'node:crypto';
import type { Actor } from '../audit/append';
import { db, type Tx } from '../db';
import { env } from '../env';
import { listUsers, requireUser, type DirectoryPerson } from './find-users';
import type { Term } from './scim-filter';
import {
  createScimGroup,
  deleteScimGroup,
  groupsOfMembers,
  listGroups,
  patchScimGroup,
  replaceScimGroup,
  requireScimGroup,
  type ScimGroup,
} from './scim-groups';
import { GROUP_SCHEMA, USER_SCHEMA } from './scim-schemas';
import { createUser, deleteUser, patchUser, replaceUser } from './scim-users';

export type Json = Record<string, unknown>;

/** Where the directory's connector is pointed at. */
export const scimUrl = (): string => `${env().GATEHOUSE_URL}/scim/v2`;

/** What can be done with one kind of resource. Each throws `ScimError` and `AppError`. */
export interface Resources {
  create(actor: Actor, body: unknown): Promise<Json>;
  list(
    actor: Actor,
    terms: Term[],
    page: { offset: number; count: number; withMembers: boolean },
  ): Promise<{ total: number; resources: Json[] }>;
  read(actor: Actor, id: string): Promise<Json>;
  replace(actor: Actor, id: string, body: unknown): Promise<Json>;
  patch(actor: Actor, id: string, body: unknown): Promise<Json>;
  end(actor: Actor, id: string): Promise<void>;
}

const reader = () => db() as unknown as Tx;

export const users: Resources = {
  create: async (actor, body) => shownUser(actor, await createUser(actor, body)),
  list: async (actor, terms, page) => {
    const found = await listUsers(actor.organizationId, terms, page);
    return { total: found.total, resources: await shownUsers(actor, found.users) };
  },
  read: async (actor, id) => shownUser(actor, await requireUser(reader(), actor.organizationId, id)),
  replace: async (actor, id, body) => shownUser(actor, await replaceUser(actor, id, body)),
  patch: async (actor, id, body) => shownUser(actor, await patchUser(actor, id, body)),
  end: deleteUser,
};

export const groups: Resources = {
  create: async (actor, body) => shownGroup(await createScimGroup(actor, body)),
  list: async (actor, terms, page) => {
    const found = await listGroups(reader(), actor.organizationId, terms, page);
    return { total: found.total, resources: found.groups.map(shownGroup) };
  },
  read: async (actor, id) => shownGroup(await requireScimGroup(reader(), actor.organizationId, id)),
  replace: async (actor, id, body) => shownGroup(await replaceScimGroup(actor, id, body)),
  patch: async (actor, id, body) => shownGroup(await patchScimGroup(actor, id, body)),
  end: deleteScimGroup,
};

const shownUser = async (actor: Actor, user: DirectoryPerson) => (await shownUsers(actor, [user]))[0]!;

async function shownUsers(actor: Actor, list: DirectoryPerson[]): Promise<Json[]> {
  const memberIds = list.flatMap(({ memberId }) => (memberId === null ? [] : [memberId]));
  const groupsOf = await groupsOfMembers(actor.organizationId, memberIds);
  return list.map((user) => {
    const { id, userName, externalId, displayName, givenName, familyName, email, memberId } = user;
    return withMeta('User', user, {
      schemas: [USER_SCHEMA],
      id,
      ...(externalId === null ? {} : { externalId }),
      userName,
      name: {
        formatted: displayName,
        ...(givenName === null ? {} : { givenName }),
        ...(familyName === null ? {} : { familyName }),
      },
      displayName,
      emails: [{ value: email, type: 'work', primary: true }],
      active: memberId !== null,
      groups: (groupsOf.get(memberId ?? '') ?? []).map((group) => ({
        ...{ value: group.id, display: group.name, $ref: `${scimUrl()}/Groups/${group.id}`, type: 'direct' },
      })),
    });
  });
}

function shownGroup(group: ScimGroup): Json {
  const { id, displayName, externalId, members } = group;
  return withMeta('Group', group, {
    schemas: [GROUP_SCHEMA],
    id,
    ...(externalId === null ? {} : { externalId }),
    displayName,
    ...(members === null
      ? {}
      : {
          members: members.map((member) => ({
            ...{
              value: member.id,
              display: member.name,
              $ref: `${scimUrl()}/Users/${member.id}`,
              type: 'User',
            },
          })),
        }),
  });
}

/** `version` is a weak tag of what is shown (RFC 7643 §3.1). */
function withMeta(
  resourceType: 'User' | 'Group',
  { id, createdAt, updatedAt }: { id: string; createdAt: Date; updatedAt: Date },
  shown: Json,
): Json {
  const version = `W/"${hash('sha256', JSON.stringify(shown), 'base64url').slice(0, 22)}"`;
  const location = `${scimUrl()}/${resourceType}s/${id}`;
  const [created, lastModified] = [createdAt.toISOString(), updatedAt.toISOString()];
  return { ...shown, meta: { resourceType, created, lastModified, location, version } };
}
