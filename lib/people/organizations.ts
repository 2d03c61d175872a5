// Creates organizations and changes their settings. Organizations share a deployment and nothing else.
import { appendEvent, type Actor } from '../audit/append';
import { seedCatalogue } from '../catalogue/catalogue';
import { deploymentDb, Prisma, type Tx } from '../db';
import { PLAN_LIMITS, type ConnectionLimits } from '../policy/limits';
import { emailTaken, refuseTakenEmail } from './members';
import { hashPassword } from './passwords';

export interface OrganizationSettings {
  name: string;
  workspaces: { gid: string; name: string }[] | null;
  driftPolicy: 'hold' | 'warn';
  asanaEmail: 'same' | 'listed' | 'any';
  asanaPlan: 'free' | 'paid';
  /** Calls a minute through each connection; null: what Asana documents for the plan. */
  limits: ConnectionLimits | null;
  /** Whether arguments of calls are kept, sealed, beside the audit; since when; and for how many days. */
  keepArguments: boolean;
  keepArgumentsSince: string | null;
  argumentDays: number;
  /** Months after which audit records are deleted; null: never. */
  auditMonths: number | null;
}

const settings = {
  name: true,
  workspaces: true,
  driftPolicy: true,
  asanaEmail: true,
  asanaPlan: true,
  connectionPerMinute: true,
  searchPerMinute: true,
  keepArgumentsSince: true,
  argumentDays: true,
  auditMonths: true,
} as const;

/** One number that is set makes the other, where it is not, the plan's. */
function toSettings(row: Prisma.OrganizationGetPayload<{ select: typeof settings }>): OrganizationSettings {
  const { connectionPerMinute, searchPerMinute, keepArgumentsSince, ...rest } = row;
  const plan = PLAN_LIMITS[rest.asanaPlan as OrganizationSettings['asanaPlan']];
  const limits =
    connectionPerMinute === null && searchPerMinute === null
      ? null
      : {
          connectionPerMinute: connectionPerMinute ?? plan.connectionPerMinute,
          searchPerMinute: searchPerMinute ?? plan.searchPerMinute,
        };
  const keeping = {
    keepArguments: keepArgumentsSince !== null,
    keepArgumentsSince: keepArgumentsSince?.toISOString() ?? null,
  };
  return { ...rest, ...keeping, limits } as unknown as OrganizationSettings;
}

/** The organization's settings. */
export async function readOrganization(tx: Tx, organizationId: string): Promise<OrganizationSettings> {
  return toSettings(
    await tx.organization.findUniqueOrThrow({ where: { id: organizationId }, select: settings }),
  );
}

/** Changes the given settings, with its audit event. Of `limits` a number that is left out goes back to the plan's. */
export async function updateOrganization(
  tx: Tx,
  actor: Actor,
  change: Partial<Omit<OrganizationSettings, 'limits' | 'keepArgumentsSince'>> & {
    limits?: Partial<ConnectionLimits> | null;
  },
): Promise<OrganizationSettings> {
  await tx.$executeRaw`SELECT 1 FROM organizations WHERE id = ${actor.organizationId}::uuid FOR NO KEY UPDATE`;
  const before = await readOrganization(tx, actor.organizationId);
  const { workspaces, limits, keepArguments, ...rest } = change;
  const row = await tx.organization.update({
    where: { id: actor.organizationId },
    data: {
      ...rest,
      // Said again it is no new beginning.
      ...(keepArguments === undefined || keepArguments === before.keepArguments
        ? {}
        : { keepArgumentsSince: keepArguments ? new Date() : null }),
      ...(workspaces === undefined ? {} : { workspaces: workspaces ?? Prisma.DbNull }),
      ...(limits === undefined
        ? {}
        : {
            connectionPerMinute: limits?.connectionPerMinute ?? null,
            searchPerMinute: limits?.searchPerMinute ?? null,
          }),
    },
    select: settings,
  });
  const after = toSettings(row);
  await appendEvent(tx, actor, { action: 'organization.updated', target: 'organization', before, after });
  return after;
}

/**
 * Creates an organization with its catalogue and first admin. Without a password the admin gets in by an invite. Throws
 * `email_taken`. `credentialName` says in the audit how it came about (set-up page, environment, command).
 */
export async function createOrganization(
  tx: Tx,
  input: { name: string; admin: { email: string; name: string; password?: string }; credentialName: string },
): Promise<{ organizationId: string; adminId: string }> {
  const email = input.admin.email.toLowerCase();
  await refuseTakenEmail(tx, email);
  const { id: organizationId } = await tx.organization.create({
    data: { name: input.name },
    select: { id: true },
  });
  const { id: adminId } = await tx.member
    .create({
      data: {
        organizationId,
        email,
        name: input.admin.name,
        role: 'admin',
        passwordHash: input.admin.password ? await hashPassword(input.admin.password) : null,
      },
      select: { id: true },
    })
    .catch(emailTaken);
  await seedCatalogue(tx, organizationId);
  await appendEvent(
    tx,
    {
      organizationId,
      memberId: adminId,
      memberEmail: email,
      credential: { kind: 'system', id: 'gatehouse', name: input.credentialName },
    },
    { action: 'organization.created', target: 'organization', after: { name: input.name, admin: email } },
  );
  return { organizationId, adminId };
}

/** Whether any organization exists; before that only `/setup` is open. */
export async function isSetUp(): Promise<boolean> {
  return (await deploymentDb().organization.count({ take: 1 })) > 0;
}
