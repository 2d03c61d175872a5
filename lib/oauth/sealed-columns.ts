// Where this folder's tables hold sealed texts, for the rotation of keys. A new sealed column must be named here.
import type { SealedColumn } from '../vault/key-use';

export const OAUTH_SEALED: readonly SealedColumn[] = [
  { table: 'oauth_clients', column: 'secret', key: { column: 'id', type: 'text' }, organization: null },
  { table: 'oauth_states', column: 'sealed', key: { column: 'id_hash', type: 'bytea' }, organization: null },
  {
    table: 'oauth_tokens',
    column: 'answer',
    key: { column: 'hash', type: 'bytea' },
    organization: 'organization_id',
  },
];
