// Where this folder's tables hold sealed texts, for the rotation of keys. A new sealed column must be named here.
import type { SealedColumn } from '../vault/key-use';

const organization = 'organization_id';

export const AUDIT_SEALED: readonly SealedColumn[] = [
  { table: 'audit_keys', column: 'private_key', key: { column: 'id', type: 'text' }, organization },
  { table: 'audit_arguments', column: 'sealed', key: { column: 'call_id', type: 'uuid' }, organization },
  { table: 'audit_sinks', column: 'secret', key: { column: organization, type: 'uuid' }, organization },
];
