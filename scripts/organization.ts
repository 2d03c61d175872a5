// `npm run organization -- create --name N --admin EMAIL`: a further organization in the same deployment.
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { openDatabase } from '@/lib/database/open-database';
import { closeDatabase, transaction } from '@/lib/db';
import { env, EnvironmentError } from '@/lib/env';
import { AppError } from '@/lib/errors';
import { invite } from '@/lib/people/invites';
import { createOrganization } from '@/lib/people/organizations';
import { checkKeyRing } from '@/lib/vault/vault';

const USAGE = 'Use: npm run organization -- create --name "Acme" --admin ana@example.com';

async function create(name: string, email: string): Promise<void> {
  const database = await openDatabase(() => undefined);
  try {
    await checkKeyRing();
    const link = await transaction(async (tx) => {
      const admin = { email, name: email.split('@')[0]! };
      const { organizationId, adminId } = await createOrganization(tx, {
        name,
        admin,
        credentialName: 'npm run organization',
      });
      const actor = {
        organizationId,
        memberId: null,
        memberEmail: null,
        credential: { kind: 'system' as const, id: 'gatehouse', name: 'npm run organization' },
      };
      return invite(tx, actor, { id: adminId, email });
    });
    console.log(`Created the organization "${name}" with ${email} as its admin.`);
    console.log(`One-time sign-in link for ${email}, good for 7 days:\n${link}`);
    if (!env().GATEHOUSE_URL.startsWith('https://'))
      console.log('The link begins with GATEHOUSE_URL; set it to what browsers use.');
  } finally {
    await closeDatabase();
    await database.close();
  }
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  strict: false,
  options: { name: { type: 'string' }, admin: { type: 'string' } },
});
const name = z.string().trim().min(1).max(120).safeParse(values.name);
const admin = z.email().max(254).safeParse(values.admin);
if (positionals[0] !== 'create' || !name.success || !admin.success) {
  console.error(
    admin.success || values.admin === undefined
      ? USAGE
      : `"${String(values.admin)}" is not an e-mail address. ${USAGE}`,
  );
  process.exit(2);
}
try {
  await create(name.data, admin.data.toLowerCase());
} catch (error) {
  if (error instanceof EnvironmentError) console.error(error.problems.join('\n'));
  else if (error instanceof AppError) console.error(error.message);
  else throw error;
  process.exit(1);
}
