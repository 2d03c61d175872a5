// What oidc-provider stores, in our tables. Ids are hashed, payloads lose the `jti` (which is the token itself), what is under way is
// sealed whole. Its login session is never kept: who somebody is the portal says anew on every authorization.
import Provider, { errors, type Adapter, type AdapterPayload } from 'oidc-provider';
import type { Actor } from '../audit/append';
import { resourceUrl } from '../env';
import { hashToken, isWellFormedToken, type TokenPrefix } from '../tokens/token-format';
import { openSecret, placeOf, sealSecret } from '../vault/vault';
import { endGrants, type EndReason } from './grants';
import { isAllowedRedirect, type RedirectRule, DEFAULT_RULE } from './redirect-uris';
import { SCOPE } from './scope';
import { changing, currentCall, sql } from './token-transaction';

/** How long a client that lost the answer of a refresh may ask for it again. */
export const REFRESH_GRACE_SECONDS = 60;

const { InvalidGrant } = errors;
type Payload = AdapterPayload & { grantId?: string; aud?: string; resource?: string; consumed?: unknown };

const nothing = () => Promise.resolve(undefined);
const none: Adapter = {
  upsert: nothing,
  find: nothing,
  findByUid: nothing,
  findByUserCode: nothing,
  consume: nothing,
  destroy: nothing,
  revokeByGrantId: nothing,
};

const notStored = (model: string) => () => Promise.reject(new Error(`${model} is not stored here`));

/** oidc-provider's adapter factory. */
export function adapterFor(model: string): Adapter {
  if (model === 'Session') return none;
  if (model === 'Interaction') return interactions;
  if (model === 'Grant') return grants;
  if (model === 'Client') return clients;
  if (model === 'AccessToken') return tokens('access', 'gho');
  if (model === 'RefreshToken') return tokens('refresh', 'ghr');
  if (model === 'AuthorizationCode') return tokens('code', 'ghc');
  return { ...none, upsert: notStored(model), find: notStored(model) };
}

const hash = (value: string) => Buffer.from(hashToken(value));

const statePlace = (id: Buffer) => placeOf('deployment', 'oauth_states', 'sealed', id.toString('hex'));

const interactions: Adapter = {
  ...none,
  async upsert(id, payload, expiresInSeconds) {
    const idHash = hash(id);
    await sql(
      `INSERT INTO oauth_states (id_hash, kind, sealed, expires_at)
       VALUES ($1::bytea, 'Interaction', $2, now() + make_interval(secs => $3::int))
       ON CONFLICT (id_hash) DO UPDATE SET sealed = EXCLUDED.sealed, expires_at = EXCLUDED.expires_at`,
      idHash,
      sealSecret(statePlace(idHash), JSON.stringify(payload)),
      expiresInSeconds,
    );
  },
  find: readState,
  async destroy(id) {
    await sql('DELETE FROM oauth_states WHERE id_hash = $1::bytea', hash(id));
  },
};

/** An authorization under way by its id, as oidc-provider stored it; undefined where it is unknown or over. */
export async function readState(id: string): Promise<AdapterPayload | undefined> {
  const idHash = hash(id);
  const [row] = await sql<{ sealed: string }>(
    'SELECT sealed FROM oauth_states WHERE id_hash = $1::bytea AND expires_at > now()',
    idHash,
  );
  return row && (JSON.parse(openSecret(statePlace(idHash), row.sealed)) as AdapterPayload);
}

interface GrantRow {
  organization_id: string;
  member_id: string;
  client_id: string;
  email: string;
  client_name: string;
  redirect_uri: string;
  resource: string;
  expires_at: Date;
  created_at: Date;
  rule: RedirectRule | null;
}

const isUuid = (id: string) => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id);

// A grant counts while nothing cut it off: its own end, its member's, a block, a tightened redirect rule, another resource (AS-32).
async function livingGrant(id: string): Promise<GrantRow | undefined> {
  if (!isUuid(id)) return undefined;
  const [row] = await sql<GrantRow>(
    `SELECT g.organization_id, g.member_id, g.client_id, m.email, g.client_name, g.redirect_uri, g.resource, g.expires_at, g.created_at,
       CASE WHEN r.organization_id IS NOT NULL THEN json_build_object('uris', r.uris, 'allowLoopback', r.allow_loopback) END AS rule
     FROM grants g
     JOIN members m ON m.organization_id = g.organization_id AND m.id = g.member_id
     LEFT JOIN redirect_uri_rules r ON r.organization_id = g.organization_id
     WHERE g.id = $1::uuid AND g.ended_at IS NULL AND g.expires_at > now() AND g.resource = $2 AND NOT EXISTS (
       SELECT 1 FROM client_blocks b WHERE b.organization_id = g.organization_id AND b.client_id = g.client_id)`,
    id,
    resourceUrl(),
  );
  return row && isAllowedRedirect(row.rule ?? DEFAULT_RULE, row.redirect_uri) ? row : undefined;
}

const seconds = (at: Date) => Math.floor(at.getTime() / 1000);

const grants: Adapter = {
  ...none,
  upsert: notStored('Grant'),
  async find(id) {
    const row = await livingGrant(id);
    return (
      row && {
        jti: id,
        kind: 'Grant',
        accountId: row.member_id,
        clientId: row.client_id,
        resources: { [row.resource]: SCOPE },
        iat: seconds(row.created_at),
        exp: seconds(row.expires_at),
      }
    );
  },
  destroy: (id) => endFamily(id, currentCall()?.suspicion ?? 'client'),
};

/** Ends a grant for what the token or revocation endpoint saw. */
async function endFamily(grantId: string, reason: EndReason): Promise<undefined> {
  if (!isUuid(grantId)) return undefined;
  await changing(async (tx) => {
    const [row] = await tx.$queryRaw<GrantRow[]>`
      SELECT g.organization_id, g.member_id, m.email, g.client_name FROM grants g
      JOIN members m ON m.organization_id = g.organization_id AND m.id = g.member_id WHERE g.id = ${grantId}::uuid`;
    if (!row) return;
    const actor: Actor = {
      organizationId: row.organization_id,
      memberId: row.member_id,
      memberEmail: row.email,
      credential: { kind: 'oauth', id: grantId, name: row.client_name },
    };
    await endGrants(tx, actor, { id: grantId }, reason);
    const call = currentCall();
    if (call) call.ended = true;
  });
  return undefined;
}

const clients: Adapter = {
  ...none,
  upsert: notStored('Client'),
  async find(id) {
    if (!/^[\x21-\x7e]{1,200}$/.test(id)) return undefined;
    const [row] = await sql<{ metadata: AdapterPayload; secret: string | null }>(
      `SELECT metadata, secret FROM oauth_clients WHERE id = $1 AND kind = 'registered'`,
      id,
    );
    if (!row) return undefined;
    const secret = row.secret === null ? {} : { client_secret: openSecret(secretPlace(id), row.secret) };
    return { ...row.metadata, ...secret };
  },
};

/** Where a confidential client's secret is sealed for. */
export const secretPlace = (clientId: string) => placeOf('deployment', 'oauth_clients', 'secret', clientId);

interface TokenRow {
  payload: Payload;
  hash: Uint8Array;
  organization_id: string;
  grant_id: string;
  consumed_at: Date | null;
  in_grace: boolean;
  answer: string | null;
  answer_age: number;
}

function tokens(kind: 'access' | 'refresh' | 'code', prefix: TokenPrefix): Adapter {
  return {
    ...none,
    async upsert(id, { jti, ...payload }: Payload, expiresInSeconds) {
      if (jti !== id) throw new Error('the token is not its own id');
      const stored = await sql(
        `INSERT INTO oauth_tokens (hash, organization_id, grant_id, kind, resource, payload, expires_at)
         SELECT $1::bytea, g.organization_id, g.id, $3, $4, $5::jsonb,
           least(g.expires_at, now() + make_interval(secs => $6::int))
         FROM grants g WHERE g.id = $2::uuid AND g.ended_at IS NULL RETURNING 1 AS stored`,
        hash(id),
        payload.grantId,
        kind,
        payload.aud ?? payload.resource ?? '',
        JSON.stringify(payload),
        expiresInSeconds,
      );
      if (stored.length === 0) throw new InvalidGrant('the access was ended');
    },
    async find(id) {
      // Junk dies here, without the database (AS-43).
      if (!isWellFormedToken(id, prefix)) return undefined;
      const call = currentCall();
      // The family's grant is locked first, whoever comes second waits here and then reads what the first left (AS-10, AS-26).
      if (call && kind !== 'access')
        await (
          await call.open()
        ).$queryRaw`
          SELECT 1 FROM grants WHERE id = (SELECT grant_id FROM oauth_tokens WHERE hash = ${hash(id)}) FOR NO KEY UPDATE`;
      const [row] = await sql<TokenRow>(
        `SELECT t.payload, t.hash, t.organization_id, t.grant_id, t.consumed_at, t.answer,
           extract(epoch FROM clock_timestamp() - t.consumed_at)::float8 AS answer_age,
           t.consumed_at > clock_timestamp() - interval '${REFRESH_GRACE_SECONDS} seconds'
             AND EXISTS (SELECT 1 FROM oauth_tokens s WHERE s.hash = t.successor_hash AND s.consumed_at IS NULL) AS in_grace
         FROM oauth_tokens t WHERE t.hash = $1::bytea AND t.kind = $2 AND t.expires_at > now()`,
        hash(id),
        kind,
      );
      if (!row) return undefined;
      const consumed = row.consumed_at ? { consumed: seconds(row.consumed_at) } : {};
      if (call && row.consumed_at) await suspect(row, kind);
      return { ...row.payload, ...consumed, jti: id };
    },
    async consume(id) {
      const [row] = await sql<{ hash: Uint8Array; organization_id: string; grant_id: string }>(
        `UPDATE oauth_tokens SET consumed_at = clock_timestamp() WHERE hash = $1::bytea AND consumed_at IS NULL
         RETURNING hash, organization_id, grant_id`,
        hash(id),
      );
      if (!row) throw new InvalidGrant(`${kind} already used`);
      const call = currentCall();
      if (kind === 'refresh' && call)
        call.rotated = { hash: Buffer.from(row.hash), organizationId: row.organization_id };
      if (kind === 'code')
        await sql('UPDATE grants SET redeemed_at = now() WHERE id = $1::uuid', row.grant_id);
    },
    async destroy(id) {
      await sql('DELETE FROM oauth_tokens WHERE hash = $1::bytea AND kind = $2', hash(id), kind);
    },
    async revokeByGrantId(grantId) {
      // Ending the grant removes its tokens; this is called once for each kind of them.
      await endFamily(grantId, currentCall()?.suspicion ?? 'client');
    },
  };
}

/**
 * A code or refresh token that was used before. The client that got the answer, or lost it, may ask again within the grace: the very
 * same answer, for the immediate predecessor of an unused token only (AS-25, AS-27). Anything else is theft until shown otherwise.
 */
async function suspect(row: TokenRow, kind: 'refresh' | 'code' | 'access'): Promise<void> {
  const call = currentCall()!;
  const { client, params } = Provider.ctx!.oidc;
  if (client?.clientId !== row.payload.clientId) return;
  const sameRequest = [undefined, resourceUrl()].includes(params?.resource as string | undefined);
  const sameScope = [undefined, SCOPE].includes(params?.scope as string | undefined);
  if (kind === 'refresh' && row.in_grace && row.answer && sameRequest && sameScope) {
    if (!(await livingGrant(row.grant_id))) return;
    const hex = Buffer.from(row.hash).toString('hex');
    const answer = JSON.parse(
      openSecret(placeOf(row.organization_id, 'oauth_tokens', 'answer', hex), row.answer),
    ) as { expires_in: number };
    call.repeat = { ...answer, expires_in: Math.max(1, Math.floor(answer.expires_in - row.answer_age)) };
    throw new InvalidGrant('refresh token already used');
  }
  call.suspicion = kind === 'code' ? 'code_reused' : 'refresh_reused';
}

/** Seals what a refresh answered beside the token that it was answered for, until the grace is over. */
export async function keepAnswer(
  { hash: of, organizationId }: { hash: Buffer; organizationId: string },
  answer: { refresh_token?: unknown },
): Promise<void> {
  if (typeof answer.refresh_token !== 'string') return;
  const place = placeOf(organizationId, 'oauth_tokens', 'answer', of.toString('hex'));
  await sql(
    'UPDATE oauth_tokens SET successor_hash = $2::bytea, answer = $3 WHERE hash = $1::bytea',
    of,
    hash(answer.refresh_token),
    sealSecret(place, JSON.stringify(answer)),
  );
}
