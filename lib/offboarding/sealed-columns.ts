// Where this folder's tables hold sealed texts, for the rotation of keys. A new sealed column must be named here.
import type { SealedColumn } from '../vault/key-use';

export const OFFBOARDING_SEALED: readonly SealedColumn[] = [
  {
    ...{ table: 'offboardings', column: 'drill_token', key: { column: 'id', type: 'uuid' } },
    organization: 'organization_id',
  },
];
