// The people of an organization as its directory finds them: every member, and whoever it deactivated.
import { db, Prisma, type Tx } from '../db';
import { ScimError } from './scim-error';
import type { Term } from './scim-filter';

/** A person as the directory sees them. `memberId` null: inactive. */
export interface DirectoryPerson {
  id: string;
  email: string;
  userName: string;
  externalId: string | null;
  displayName: string;
  givenName: string | null;
  familyName: string | null;
  memberId: string | null;
  /** False for a member the directory has never changed: they have no row of its own. */
  isKept: boolean;
  createdAt: Date;
  updatedAt: Date;
}

/**
 * The organization's users as a table `users`, for `WITH`. A member is joined by the address, which is how the directory finds who was
 * there before it; a member without a row of the directory's has the member's own id, which such a row then keeps.
 */
export const usersOf = (organizationId: string): Prisma.Sql => Prisma.sql`
  users AS (
    SELECT d.id, d.email, d.user_name AS "userName", d.user_name_key, d.external_id AS "externalId",
      coalesce(m.name, d.display_name) AS "displayName", d.given_name AS "givenName", d.family_name AS "familyName",
      m.id AS "memberId", true AS "isKept", d.created_at AS "createdAt", d.updated_at AS "updatedAt"
    FROM directory_users d
    LEFT JOIN members m ON m.organization_id = d.organization_id AND m.email = d.email AND NOT m.is_drill
    WHERE d.organization_id = ${organizationId}::uuid
    UNION ALL
    SELECT m.id, m.email, m.email, m.email, NULL, m.name, NULL, NULL, m.id, false, m.created_at, m.created_at
    FROM members m WHERE m.organization_id = ${organizationId}::uuid AND NOT m.is_drill
      AND NOT EXISTS (SELECT 1 FROM directory_users d WHERE d.organization_id = m.organization_id AND d.email = m.email)
  )`;

export const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function condition({ attribute, value }: Term): Prisma.Sql {
  switch (attribute) {
    case 'id':
      return UUID.test(value) ? Prisma.sql`id = ${value}::uuid` : Prisma.sql`false`;
    case 'username':
      return Prisma.sql`user_name_key = ${value.toLowerCase()}`;
    case 'externalid':
      return Prisma.sql`"externalId" = ${value}`;
    case 'emails':
    case 'emails.value':
      return Prisma.sql`email = ${value.toLowerCase()}`;
    case 'displayname':
      return Prisma.sql`lower("displayName") = ${value.toLowerCase()}`;
    case 'active':
      return Prisma.sql`("memberId" IS NOT NULL) = ${value === 'true'}`;
    default:
      throw new ScimError(
        400,
        'Users are found by id, userName, externalId, emails.value, displayName or active.',
        'invalidFilter',
      );
  }
}

/** The users for which all terms hold, a page of them. */
export async function listUsers(
  organizationId: string,
  terms: readonly Term[],
  page: { offset: number; count: number },
): Promise<{ total: number; users: DirectoryPerson[] }> {
  const where = Prisma.join([Prisma.sql`true`, ...terms.map(condition)], ' AND ');
  const [[counted], users] = await Promise.all([
    db().$queryRaw<{ total: number }[]>`
      WITH ${usersOf(organizationId)} SELECT count(*)::int AS total FROM users WHERE ${where}`,
    db().$queryRaw<DirectoryPerson[]>`
      WITH ${usersOf(organizationId)} SELECT * FROM users WHERE ${where}
      ORDER BY user_name_key, id LIMIT ${page.count} OFFSET ${page.offset}`,
  ]);
  return { total: counted!.total, users };
}

/** One user; throws 404 also for another organization's. */
export async function requireUser(tx: Tx, organizationId: string, id: string): Promise<DirectoryPerson> {
  const [user] = UUID.test(id)
    ? await tx.$queryRaw<DirectoryPerson[]>`
        WITH ${usersOf(organizationId)} SELECT * FROM users WHERE id = ${id}::uuid`
    : [];
  if (!user) throw new ScimError(404, 'There is no such user here.');
  return user;
}

/** How many people the directory has made or changed here, and how many of them are inactive. */
export async function countUsers(tx: Tx, organizationId: string): Promise<{ all: number; inactive: number }> {
  const [counted] = await tx.$queryRaw<{ all: number; inactive: number }[]>`
    WITH ${usersOf(organizationId)}
    SELECT count(*)::int AS "all", (count(*) FILTER (WHERE "memberId" IS NULL))::int AS inactive FROM users WHERE "isKept"`;
  return counted!;
}
