// Where this folder's tables hold sealed texts, for the rotation of keys. A new sealed column must be named here.
import type { SealedColumn } from '../vault/key-use';

export const WRITE_SAFETY_SEALED: readonly SealedColumn[] = [
  {
    ...{ table: 'write_claims', column: 'sealed', key: { column: 'call_id', type: 'uuid' } },
    organization: 'organization_id',
  },
];
