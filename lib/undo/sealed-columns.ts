// Where this folder's tables hold sealed texts, for the rotation of keys. A new sealed column must be named here.
import type { SealedColumn } from '../vault/key-use';

export const UNDO_SEALED: readonly SealedColumn[] = [
  {
    ...{ table: 'undo_bundles', column: 'sealed', key: { column: 'id', type: 'uuid' } },
    organization: 'organization_id',
  },
];
