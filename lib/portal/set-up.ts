// The first run: one organization and its admin, guarded by a code that only who reads the log knows, or set by the environment.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { transaction, type Tx } from '../db';
import { env } from '../env';
import { AppError } from '../errors';
import { createOrganization, isSetUp } from '../people/organizations';

/**
 * The one-time code that the start prints. It is derived from GATEHOUSE_SECRET, so that every process prints the same one and none
 * must be stored; after the first organization it opens nothing.
 */
export function setUpCode(): string {
  const digest = createHmac('sha256', env().GATEHOUSE_SECRET ?? '')
    .update('gatehouse set-up code')
    .digest('hex');
  return `${digest.slice(0, 4)}-${digest.slice(4, 8)}-${digest.slice(8, 12)}-${digest.slice(12, 16)}`;
}

/** Creates the first organization. Throws `wrong_set_up_code`, `set_up_already` for everyone but the first. */
export async function setUp(input: {
  code: string;
  organization: string;
  name: string;
  email: string;
  password: string;
}): Promise<{ email: string }> {
  // Of hashes: whatever was typed has another length in bytes, and comparing then would throw.
  const digest = (code: string) => createHash('sha256').update(code).digest();
  if (!timingSafeEqual(digest(input.code.trim().toLowerCase()), digest(setUpCode())))
    throw new AppError(
      'wrong_set_up_code',
      'The set-up code is wrong. Whoever started Gatehouse finds it in its log, after \u201cone-time code\u201d; copy all of it, hyphens too.',
    );
  await transaction((tx) =>
    createFirst(tx, {
      name: input.organization,
      admin: { email: input.email, name: input.name, password: input.password },
      credentialName: 'set-up page',
    }),
  );
  return { email: input.email };
}

// Two browsers that finish set-up together, or two processes that start unattended together, must not both create one.
async function createFirst(tx: Tx, input: Parameters<typeof createOrganization>[1]): Promise<void> {
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended('gatehouse set-up', 0))`;
  const rows = await tx.$queryRaw<unknown[]>`SELECT 1 FROM organizations LIMIT 1`;
  if (rows.length > 0) throw new AppError('set_up_already');
  await createOrganization(tx, input);
}

/** Unattended first run from the environment; does nothing once an organization exists. Returns whether it created one. */
export async function setUpFromEnvironment(): Promise<boolean> {
  const {
    GATEHOUSE_ORGANIZATION: name,
    GATEHOUSE_ADMIN_EMAIL: email,
    GATEHOUSE_ADMIN_PASSWORD: password,
  } = env();
  if (!name || !email || !password || (await isSetUp())) return false;
  try {
    await transaction((tx) =>
      createFirst(tx, {
        name,
        admin: { email, name: email.split('@')[0]!, password },
        credentialName: 'environment',
      }),
    );
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === 'set_up_already') return false;
    throw error;
  }
}
