// API keys: bearers for /api/v1 with a role of their own. They belong to the organization, not to a person.
import { appendEvent, type Actor } from '../audit/append';
import { deploymentDb, type Tx } from '../db';
import { AppError } from '../errors';
import { hashToken, isWellFormedToken, mintToken } from './token-format';

export interface ApiKey {
  id: string;
  name: string;
  role: 'admin' | 'auditor' | 'member';
  last4: string;
  expiresAt: string | null;
  lastUsedAt: string | null;
  createdAt: string;
}

/** The organization's keys, newest first. */
export async function listApiKeys(tx: Tx, organizationId: string): Promise<ApiKey[]> {
  const rows = await tx.apiKey.findMany({
    where: { organizationId },
    select: {
      id: true,
      name: true,
      role: true,
      last4: true,
      expiresAt: true,
      lastUsedAt: true,
      createdAt: true,
    },
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
  });
  return rows.map((row) => ({
    ...row,
    expiresAt: row.expiresAt?.toISOString() ?? null,
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
  }));
}

/** Makes a key; the answer holds the only copy. */
export async function createApiKey(
  tx: Tx,
  actor: Actor,
  input: { name: string; role: ApiKey['role']; expiresInDays?: number },
): Promise<{ id: string; key: string }> {
  const key = mintToken('ghk');
  const { id } = await tx.apiKey.create({
    data: {
      organizationId: actor.organizationId,
      name: input.name,
      role: input.role,
      keyHash: hashToken(key),
      last4: key.slice(-4),
      expiresAt:
        input.expiresInDays === undefined ? null : new Date(Date.now() + input.expiresInDays * 86_400_000),
    },
    select: { id: true },
  });
  await appendEvent(tx, actor, {
    action: 'api_key.created',
    target: `api_key:${id}`,
    after: { name: input.name, role: input.role, expiresInDays: input.expiresInDays ?? null },
  });
  return { id, key };
}

/** Ends a key; throws `not_found`. */
export async function deleteApiKey(tx: Tx, actor: Actor, id: string): Promise<void> {
  const { organizationId } = actor;
  const found = await tx.apiKey.findFirst({
    where: { organizationId, id },
    select: { name: true, role: true },
  });
  const { count } = await tx.apiKey.deleteMany({ where: { organizationId, id } });
  if (!found || count === 0) throw new AppError('not_found', 'There is no such API key.');
  await appendEvent(tx, actor, { action: 'api_key.deleted', target: `api_key:${id}`, before: found });
}

/** The key behind a bearer, or null when it is malformed, unknown or expired. */
export async function findApiKey(
  bearer: string,
): Promise<{ id: string; organizationId: string; name: string; role: ApiKey['role'] } | null> {
  if (!isWellFormedToken(bearer, 'ghk')) return null;
  const found = await deploymentDb().apiKey.findUnique({
    where: { keyHash: hashToken(bearer) },
    select: { id: true, organizationId: true, name: true, role: true, expiresAt: true, lastUsedAt: true },
  });
  if (!found || (found.expiresAt && found.expiresAt <= new Date())) return null;
  const { lastUsedAt, ...key } = found;
  if (!lastUsedAt || Date.now() - lastUsedAt.getTime() > 60_000)
    await deploymentDb().apiKey.updateMany({ where: { id: key.id }, data: { lastUsedAt: new Date() } });
  return key;
}
