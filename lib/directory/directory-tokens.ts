// The directory's bearers: each opens /scim/v2 of one organization and nothing else, is shown once and kept as SHA-256.
import { appendEvent, type Actor } from '../audit/append';
import { deploymentDb, type Tx } from '../db';
import { AppError } from '../errors';
import { hashToken, isWellFormedToken, mintToken } from '../tokens/token-format';

export interface DirectoryToken {
  id: string;
  name: string;
  last4: string;
  expiresAt: string | null;
  lastUsedAt: string | null;
  createdAt: string;
}

/** The organization's, newest first. */
export async function listDirectoryTokens(tx: Tx, organizationId: string): Promise<DirectoryToken[]> {
  const rows = await tx.directoryToken.findMany({
    where: { organizationId },
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
  });
  return rows.map(({ id, name, last4, expiresAt, lastUsedAt, createdAt }) => ({
    ...{ id, name, last4 },
    expiresAt: expiresAt?.toISOString() ?? null,
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
  }));
}

/** Makes one; the answer holds the only copy. */
export async function createDirectoryToken(
  tx: Tx,
  actor: Actor,
  input: { name: string; expiresInDays?: number },
): Promise<{ id: string; token: string }> {
  const token = mintToken('ghd');
  const { id } = await tx.directoryToken.create({
    data: {
      organizationId: actor.organizationId,
      name: input.name,
      tokenHash: hashToken(token),
      last4: token.slice(-4),
      expiresAt:
        input.expiresInDays === undefined ? null : new Date(Date.now() + input.expiresInDays * 86_400_000),
    },
    select: { id: true },
  });
  await appendEvent(tx, actor, {
    action: 'directory_token.created',
    target: `directory_token:${id}`,
    after: { name: input.name, expiresInDays: input.expiresInDays ?? null },
  });
  return { id, token };
}

/** Ends one; throws `not_found`. */
export async function deleteDirectoryToken(tx: Tx, actor: Actor, id: string): Promise<void> {
  const { organizationId } = actor;
  const found = await tx.directoryToken.findFirst({ where: { organizationId, id }, select: { name: true } });
  const { count } = await tx.directoryToken.deleteMany({ where: { organizationId, id } });
  if (!found || count === 0) throw new AppError('not_found', 'There is no such directory token.');
  await appendEvent(tx, actor, {
    action: 'directory_token.deleted',
    target: `directory_token:${id}`,
    before: found,
  });
}

/** Who acts with this bearer, or null when it is malformed, unknown or expired. */
export async function findDirectory(bearer: string): Promise<Actor | null> {
  if (!isWellFormedToken(bearer, 'ghd')) return null;
  const found = await deploymentDb().directoryToken.findUnique({
    where: { tokenHash: hashToken(bearer) },
    select: { id: true, organizationId: true, name: true, expiresAt: true, lastUsedAt: true },
  });
  if (!found || (found.expiresAt && found.expiresAt <= new Date())) return null;
  const { id, organizationId, name, lastUsedAt } = found;
  if (!lastUsedAt || Date.now() - lastUsedAt.getTime() > 10_000)
    await deploymentDb().directoryToken.updateMany({
      where: { organizationId, id },
      data: { lastUsedAt: new Date() },
    });
  return { organizationId, memberId: null, memberEmail: null, credential: { kind: 'api_key', id, name } };
}
