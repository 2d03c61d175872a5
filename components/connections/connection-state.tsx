// The state of a connection in one word, and what it means for the person's agents.
import { Badge } from '../ui/badge';
import type { OperationAnswer } from '@/lib/portal/operations';

export type Connection = OperationAnswer<'GET /me/connections'>['connections'][number];

export function ConnectionBadge({ status }: { status: Connection['status'] }) {
  return status === 'active' ? (
    <Badge tone="success">Active</Badge>
  ) : (
    <Badge tone="warn">Needs reconnect</Badge>
  );
}

/** The workspace's name; Asana does not always say it. */
export function workspaceName(connection: Pick<Connection, 'workspace'>): string {
  return connection.workspace?.name ?? 'Workspace not named by Asana';
}

/** "Fabrikam, ada@example.com". */
export function connectionName(connection: Connection): string {
  return `${workspaceName(connection)}, ${connection.asanaEmail}`;
}
