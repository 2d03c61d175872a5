// Where this folder's tables hold sealed texts, for the rotation of keys. A new sealed column must be named here.
import type { SealedColumn } from '../vault/key-use';

const byId = { column: 'id', type: 'uuid' } as const;
const organization = 'organization_id';

export const ASANA_SEALED: readonly SealedColumn[] = [
  { table: 'asana_apps', column: 'client_secret', key: { column: organization, type: 'uuid' }, organization },
  { table: 'connections', column: 'access_token', key: byId, organization },
  { table: 'connections', column: 'refresh_token', key: byId, organization },
  {
    table: 'connect_attempts',
    column: 'code_verifier',
    key: { column: 'state_hash', type: 'bytea' },
    organization,
  },
  { table: 'revocations', column: 'client_secret', key: byId, organization },
  { table: 'revocations', column: 'refresh_token', key: byId, organization },
];
