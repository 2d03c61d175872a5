// Where this folder's tables hold sealed texts, for the rotation of keys. A new sealed column must be named here.
import type { SealedColumn } from '../vault/key-use';

export const APPROVALS_SEALED: readonly SealedColumn[] = [
  {
    ...{ table: 'approvals', column: 'sealed', key: { column: 'id', type: 'uuid' } },
    organization: 'organization_id',
  },
];
