// SCIM's users: every member is one, and whoever the directory deactivated still is one, inactive, until it deletes them. Deactivation is
// the offboarding of everywhere: all that is theirs ends at once, with a receipt.
import { z } from 'zod';
import { appendEvent, type Actor } from '../audit/append';
import { db, endingAccess, transaction, type Tx } from '../db';
import { AppError } from '../errors';
import { offboard } from '../offboarding/offboard';
import { addMember, updateMember } from '../people/members';
import { requireUser, usersOf, type DirectoryPerson } from './find-users';
import { ScimError } from './scim-error';
import { readBoolean, readPatch, readText, type Change } from './scim-patch';

/** What a user shall be. Null e-mail: as it is; the display name is derived where none is given. */
interface Wanted {
  userName: string;
  externalId: string | null;
  displayName: string;
  givenName: string | null;
  familyName: string | null;
  email: string | null;
  active: boolean;
}

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

// Plain ASCII addresses only, as everywhere: a member is known by it (SP-10).
const address = z.email().max(254);

function readEmail(value: unknown): string {
  const parsed = address.safeParse(value);
  if (parsed.success) return parsed.data.toLowerCase();
  throw new ScimError(
    400,
    'Gatehouse knows people by their e-mail address: send it as the primary one of emails, or as userName.',
    'invalidValue',
  );
}

/** The address that counts of a list: the primary one, else that for work, else the first. */
function chosenEmail(value: unknown): string | null {
  const entries = (Array.isArray(value) ? value : [value]).filter(isObject);
  const chosen =
    entries.find(({ primary }) => primary === true || primary === 'True') ??
    entries.find(({ type }) => type === 'work') ??
    entries[0];
  return chosen === undefined ? null : readEmail(chosen.value);
}

/** A whole user in a body. Roles, entitlements and passwords in it are not read: the directory gives nobody more than membership. */
function readUser(body: unknown, current: DirectoryPerson | null): Wanted {
  if (!isObject(body)) throw new ScimError(400, 'Send a user as a JSON object.', 'invalidSyntax');
  const userName = readText(body.userName, 'userName');
  if (userName === null) throw new ScimError(400, 'userName is required.', 'invalidValue');
  const name = isObject(body.name) ? body.name : {};
  const givenName = readText(name.givenName, 'name.givenName');
  const familyName = readText(name.familyName, 'name.familyName');
  const email = chosenEmail(body.emails) ?? (current === null ? readEmail(userName) : null);
  return {
    ...{ userName, givenName, familyName, email },
    externalId: readText(body.externalId, 'externalId'),
    displayName:
      readText(body.displayName, 'displayName') ??
      readText(name.formatted, 'name.formatted') ??
      joined(givenName, familyName) ??
      current?.displayName ??
      userName,
    // What is left out is no order to let somebody in or to end them (SP-20).
    active:
      body.active === undefined
        ? current === null || current.memberId !== null
        : readBoolean(body.active, 'active'),
  };
}

const joined = (givenName: string | null, familyName: string | null) =>
  [givenName, familyName].filter(Boolean).join(' ') || null;

function changed(current: DirectoryPerson, changes: readonly Change[]): Wanted {
  const { userName, externalId, displayName, givenName, familyName } = current;
  const wanted: Wanted = {
    ...{ userName, externalId, displayName, givenName, familyName },
    ...{ email: null, active: current.memberId !== null },
  };
  let ownName: string | null = null;
  let isNameChanged = false;
  for (const { op, path, value } of changes) {
    const given = op === 'remove' ? null : value;
    if (path === 'active') wanted.active = readBoolean(given, 'active');
    else if (path === 'username') wanted.userName = requiredText(given, 'userName');
    else if (path === 'externalid') wanted.externalId = readText(given, 'externalId');
    else if (path === 'displayname' || path === 'name.formatted') ownName = readText(given, path) ?? ownName;
    else if (path === 'name.givenname') {
      wanted.givenName = readText(given, 'name.givenName');
      isNameChanged = true;
    } else if (path === 'name.familyname') {
      wanted.familyName = readText(given, 'name.familyName');
      isNameChanged = true;
    } else if (path === 'emails.value' && op !== 'remove') wanted.email = readEmail(given);
    else if (path === 'emails' && op !== 'remove') wanted.email = chosenEmail(given) ?? wanted.email;
    // Every other attribute a directory may send is accepted and not kept (RFC 7644 §3.3), so that its run goes on.
  }
  const derived = isNameChanged ? joined(wanted.givenName, wanted.familyName) : null;
  return { ...wanted, displayName: ownName ?? derived ?? displayName };
}

function requiredText(value: unknown, attribute: string): string {
  const text = readText(value, attribute);
  if (text === null) throw new ScimError(400, `${attribute} is required.`, 'invalidValue');
  return text;
}

/** Creates a user, and unless it is inactive the member. Throws `uniqueness` where the address or the userName is somebody's. */
export async function createUser(actor: Actor, body: unknown): Promise<DirectoryPerson> {
  const { organizationId } = actor;
  const wanted = readUser(body, null);
  const email = wanted.email!;
  return transaction(async (tx) => {
    const taken = await tx.$queryRaw<unknown[]>`
      WITH ${usersOf(organizationId)} SELECT 1 FROM users WHERE email = ${email} OR user_name_key = ${wanted.userName.toLowerCase()}`;
    if (taken.length > 0) throw notUnique();
    const { id } = await tx.directoryUser
      .create({ data: { organizationId, email, ...columnsOf(wanted) }, select: { id: true } })
      .catch(notUniqueOr);
    await appendEvent(tx, actor, {
      action: 'directory_user.created',
      target: `member:${email}`,
      after: { userName: wanted.userName, externalId: wanted.externalId, active: wanted.active },
    });
    if (wanted.active) await admit(tx, actor, email, wanted.displayName);
    return requireUser(tx, organizationId, id);
  });
}

const columnsOf = ({ userName, externalId, displayName, givenName, familyName }: Wanted) => ({
  ...{ userName, externalId, displayName, givenName, familyName },
  userNameKey: userName.toLowerCase(),
});

/** No password, no group, no role but a member's: nothing is granted by being known to the directory. */
const admit = (tx: Tx, actor: Actor, email: string, name: string) =>
  addMember(tx, actor, { email, name: memberName(name), role: 'member' });

const memberName = (name: string) => name.slice(0, 120).trim();

const notUnique = () =>
  new ScimError(
    409,
    'Somebody here has this userName or e-mail address already; find them by a filter.',
    'uniqueness',
  );

function notUniqueOr(error: unknown): never {
  if ((error as { code?: string }).code === 'P2002') throw notUnique();
  throw error;
}

/** PUT: makes the user what the body says. Throws 404, `uniqueness`, `mutability`; 409 for the last admin. */
export async function replaceUser(actor: Actor, id: string, body: unknown): Promise<DirectoryPerson> {
  const current = await requireUser(db() as unknown as Tx, actor.organizationId, id);
  return change(actor, current, readUser(body, current));
}

/** PATCH: the same for some attributes. */
export async function patchUser(actor: Actor, id: string, body: unknown): Promise<DirectoryPerson> {
  const current = await requireUser(db() as unknown as Tx, actor.organizationId, id);
  return change(actor, current, changed(current, readPatch(body)));
}

async function change(actor: Actor, current: DirectoryPerson, wanted: Wanted): Promise<DirectoryPerson> {
  const { organizationId } = actor;
  const isActive = current.memberId !== null;
  const email = wanted.email ?? current.email;
  // An address is who somebody is, here and at Asana: another one would hand all of theirs to whoever has that.
  if (email !== current.email && isActive)
    throw new ScimError(
      400,
      'The e-mail address of an active person can\u2019t change: their sign-in and Asana account hang on it. Deactivate them, then change it.',
      'mutability',
    );
  await transaction((tx) => keep(tx, actor, current, { ...wanted, email }));
  if (isActive && !wanted.active) await end(actor, current.email);
  return requireUser(db() as unknown as Tx, organizationId, current.id);
}

/** Writes all but a deactivation. Its row is there before the member goes, so that the directory finds them afterwards, inactive. */
async function keep(
  tx: Tx,
  actor: Actor,
  current: DirectoryPerson,
  wanted: Wanted & { email: string },
): Promise<void> {
  const { organizationId } = actor;
  const { id, email } = current;
  const columns = columnsOf(wanted);
  const before = {
    userName: current.userName,
    externalId: current.externalId,
    displayName: current.displayName,
  };
  const after = { userName: wanted.userName, externalId: wanted.externalId, displayName: wanted.displayName };
  const isSame =
    JSON.stringify([before, current.givenName, current.familyName, email]) ===
    JSON.stringify([after, wanted.givenName, wanted.familyName, wanted.email]);
  const leaves = current.memberId !== null && !wanted.active;
  if (!isSame || (leaves && !current.isKept)) {
    const data = { email: wanted.email, ...columns, updatedAt: new Date() };
    if (current.isKept)
      await tx.directoryUser.update({ where: { organizationId, id }, data }).catch(notUniqueOr);
    else await tx.directoryUser.create({ data: { organizationId, id, ...data } }).catch(notUniqueOr);
    await appendEvent(tx, actor, {
      action: 'directory_user.updated',
      target: `member:${wanted.email}`,
      before,
      after,
    });
  }
  const name = memberName(wanted.displayName);
  if (current.memberId === null && wanted.active) await admit(tx, actor, wanted.email, name);
  else if (current.memberId !== null && wanted.active && name !== memberName(current.displayName))
    await updateMember(tx, actor, email, { name });
}

/** The goodbye, on connections of its own. Whoever is gone already is gone. */
async function end(actor: Actor, email: string): Promise<void> {
  try {
    await endingAccess(() => offboard(actor, email));
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'not_found')) throw error;
  }
}

/** DELETE: ends everything of the person, then forgets them. Throws 404; 409 for the last admin. */
export async function deleteUser(actor: Actor, id: string): Promise<void> {
  const { organizationId } = actor;
  const current = await requireUser(db() as unknown as Tx, organizationId, id);
  if (current.memberId !== null) await end(actor, current.email);
  if (!current.isKept) return;
  await transaction(async (tx) => {
    const { count } = await tx.directoryUser.deleteMany({ where: { organizationId, id: current.id } });
    if (count === 0) return;
    await appendEvent(tx, actor, {
      action: 'directory_user.deleted',
      target: `member:${current.email}`,
      before: { userName: current.userName, externalId: current.externalId },
    });
  });
}
