// Operations on people: members, groups, invites, and the first set-up.
import { z } from 'zod';
import { AppError } from '../errors';
import { offboard } from '../offboarding/offboard';
import { countAttempt } from '../people/attempts';
import { createGroup, deleteGroup, listGroups, replaceGroup, requireGroup } from '../people/groups';
import { acceptInvite, invite } from '../people/invites';
import { searchMembers } from '../people/member-list';
import { addMember, lockMember, updateMember } from '../people/members';
import { isSetUp } from '../people/organizations';
import { operation } from './operation';
import {
  ADMIN,
  approvals,
  argumentRules,
  email,
  instant,
  limits,
  methods,
  name,
  password,
  role,
  slug,
  toolNames,
  undo,
  writeSafety,
} from './schemas';
import { setUp } from './set-up';

export const group = z.object({
  slug: z.string(),
  name: z.string(),
  tools: z.array(z.string()),
  members: z.array(z.string()),
  methods: z.array(z.string()),
  limits,
  rules: argumentRules,
  approvals,
  undo,
  writeSafety,
  version: z.number(),
});
export const groupContent = z.object({
  name,
  tools: toolNames,
  members: z.array(email).max(100_000),
  methods: methods.optional(),
  limits: limits.optional(),
  rules: argumentRules.optional(),
  approvals: approvals.optional(),
  undo: undo.optional(),
  writeSafety: writeSafety.optional(),
});
const groupPath = z.object({ slug: z.string().max(100) });

const member = z.object({
  email: z.string(),
  name: z.string(),
  role,
  groups: z.array(z.string()),
  asanaEmails: z.array(z.string()),
  limits,
  signInReady: z.boolean(),
  lastSeenAt: instant.nullable(),
});
/** A member in the list, with what an admin wants to see at a glance. */
export const listedMember = member.extend({
  /** `invited`: never signed in and has no password yet. `active`: seen, or an agent called, in the last 30 days. */
  state: z.enum(['invited', 'active', 'inactive']),
  invited: z.boolean(),
  /** Until when the open invite is good; null where there is none. */
  inviteExpiresAt: instant.nullable(),
  connections: z.object({ active: z.number(), needsReconnect: z.number() }),
  /** Live agent tokens and grants. */
  agents: z.number(),
  lastCallAt: instant.nullable(),
});
const memberContent = z.object({
  email,
  name,
  role,
  password: password.optional(),
  groups: z.array(z.string().max(100)).max(1000).optional(),
  asanaEmails: z.array(email).max(50).optional(),
  limits: limits.optional(),
});
export const memberPath = z.object({ email: z.string().max(320) });

export const peopleOperations = {
  'GET /groups': operation({
    summary: 'All groups',
    who: ADMIN,
    effect: 'read',
    answer: z.object({ groups: z.array(group) }),
    run: async ({ tx, actor }) => ({ groups: await listGroups(tx, actor.organizationId) }),
  }),
  'POST /groups': operation({
    summary: 'Create a group',
    who: ADMIN,
    effect: 'change',
    policy: true,
    status: 201,
    body: groupContent.partial({ tools: true, members: true }).extend({ slug: slug.optional() }),
    answer: group,
    run: ({ tx, actor }, { body }) =>
      createGroup(tx, actor, { ...body, tools: body.tools ?? [], members: body.members ?? [] }),
  }),
  'GET /groups/{slug}': operation({
    summary: 'One group',
    who: ADMIN,
    effect: 'read',
    path: groupPath,
    answer: group,
    run: ({ tx, actor }, { path }) => requireGroup(tx, actor.organizationId, path.slug),
  }),
  'PUT /groups/{slug}': operation({
    summary:
      'Replace a group\u2019s name, tools and members; If-Match guards against overwriting somebody else\u2019s change',
    who: ADMIN,
    effect: 'change',
    policy: true,
    path: groupPath,
    body: groupContent,
    answer: group,
    run: ({ tx, actor }, { path, body, ifMatch }) => replaceGroup(tx, actor, path.slug, body, ifMatch),
  }),
  'DELETE /groups/{slug}': operation({
    summary: 'Delete a group',
    who: ADMIN,
    effect: 'change',
    policy: true,
    ends: true,
    path: groupPath,
    answer: 'none',
    run: ({ tx, actor }, { path }) => deleteGroup(tx, actor, path.slug),
  }),
  'GET /members': operation({
    summary: 'Members; without a limit all that match',
    who: ADMIN,
    effect: 'read',
    query: z.object({
      /** Part of a name or an e-mail address. */
      search: z.string().trim().max(200).optional(),
      /** A group's slug. */
      group: z.string().max(100).optional(),
      role: role.optional(),
      state: z.enum(['invited', 'active', 'inactive']).optional(),
      sort: z.enum(['name', 'email', 'lastSeen', 'lastCall']).optional(),
      direction: z.enum(['asc', 'desc']).optional(),
      limit: z.coerce.number().int().min(1).max(1000).optional(),
      offset: z.coerce.number().int().min(0).max(1_000_000).optional(),
    }),
    answer: z.object({ members: z.array(listedMember), total: z.number() }),
    run: ({ tx, actor }, { query }) => searchMembers(tx, actor.organizationId, query),
  }),
  'POST /members': operation({
    summary: 'Add a member; without a password the answer has an invite link',
    who: ADMIN,
    effect: 'change',
    policy: true,
    status: 201,
    body: memberContent,
    answer: member.extend({ inviteUrl: z.string().optional() }),
    run: async ({ tx, actor }, { body }) => {
      const { id, member } = await addMember(tx, actor, body);
      return body.password
        ? member
        : { ...member, inviteUrl: await invite(tx, actor, { id, email: member.email }) };
    },
  }),
  'PATCH /members/{email}': operation({
    summary: 'Change a member; a new role or password ends the member\u2019s sessions',
    who: ADMIN,
    effect: 'change',
    policy: true,
    path: memberPath,
    body: memberContent.omit({ email: true }).partial(),
    answer: member,
    run: ({ tx, actor }, { path, body }) => updateMember(tx, actor, path.email, body),
  }),
  'POST /members/{email}/invite': operation({
    summary: 'Make a new invite link, with which the member sets a password; an earlier link ends',
    who: ADMIN,
    effect: 'change',
    status: 201,
    path: memberPath,
    answer: z.object({ inviteUrl: z.string() }),
    run: async ({ tx, actor }, { path }) => {
      const id = await lockMember(tx, actor.organizationId, path.email);
      return { inviteUrl: await invite(tx, actor, { id, email: path.email.toLowerCase() }) };
    },
  }),
  'DELETE /members/{email}': operation({
    summary: 'Remove a member: ends sessions, tokens, grants and the Asana authorization',
    who: ADMIN,
    effect: 'outside',
    ends: true,
    path: memberPath,
    answer: 'none',
    run: async ({ actor }, { path }) => {
      await offboard(actor, path.email);
    },
  }),
  'GET /setup': operation({
    summary: 'Whether this deployment still waits for its first organization',
    who: 'anyone',
    effect: 'read',
    answer: z.object({ needed: z.boolean() }),
    run: async () => ({ needed: !(await isSetUp()) }),
  }),
  'POST /setup': operation({
    summary: 'Create the first organization and its admin, with the one-time code from the log',
    who: 'anyone',
    effect: 'outside',
    status: 201,
    body: z.object({ code: z.string().max(100), organization: name, name, email, password }),
    answer: z.object({ email: z.string() }),
    run: async ({ address }, { body }) => {
      await countAttempt(`setup:${address}`);
      if (await isSetUp()) throw new AppError('set_up_already');
      return setUp(body);
    },
  }),
  'POST /invites/accept': operation({
    summary: 'Use an invite: set the password of the invited member',
    who: 'anyone',
    effect: 'outside',
    body: z.object({ token: z.string().max(200), password }),
    answer: z.object({ email: z.string() }),
    run: async ({ address }, { body }) => {
      await countAttempt(`invite:${address}`);
      return acceptInvite(body.token, body.password);
    },
  }),
};
