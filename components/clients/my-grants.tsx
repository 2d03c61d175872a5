// The MCP clients that a person allowed, each with what it acts through and a way to end it.
import AppWindow from 'lucide-react/icons/app-window';
import type { OperationAnswer } from '@/lib/portal/operations';
import { connectionName, type Connection } from '../connections/connection-state';
import { Badge } from '../ui/badge';
import { EmptyState } from '../ui/empty-state';
import { RelativeTime } from '../ui/relative-time';
import { Section } from '../ui/section';
import { ActionsCell, Cell, Row, RowHeader, Table, TableBody, TableHead } from '../ui/table';
import { EndGrant } from './end-grant';

export type MyGrant = OperationAnswer<'GET /me/grants'>['grants'][number];

/** A section of its own, headed Clients. */
export function MyGrants({
  grants,
  connections,
}: {
  grants: readonly MyGrant[];
  connections: readonly Connection[];
}) {
  return (
    <Section
      title="Clients"
      description="MCP clients that you signed in to Gatehouse and allowed to act as you."
      flush
    >
      {grants.length === 0 ? (
        <EmptyState icon={<AppWindow />} title="No client acts for you">
          Give an MCP client the address of Gatehouse and choose to sign in; it then asks you here, and
          appears in this list.
        </EmptyState>
      ) : (
        <Table label="Clients" widths={['', 'w-[24%]', 'w-32', 'w-32', 'w-28']}>
          <TableHead columns={['Client', 'Connection', 'Allowed', 'Last used', { hidden: 'Actions' }]} />
          <TableBody>
            {grants.map((grant) => (
              <Row key={grant.id}>
                <RowHeader className="max-md:pr-20">
                  <span className="block font-medium [overflow-wrap:anywhere]">{grant.client.name}</span>
                  <code className="text-ink-3 font-mono text-xs [overflow-wrap:anywhere]">
                    {grant.redirectUri}
                  </code>
                </RowHeader>
                <Cell label="Connection">{throughWhat(grant, connections)}</Cell>
                <Cell label="Allowed">
                  <RelativeTime iso={grant.createdAt} />
                </Cell>
                <Cell label="Last used">
                  {grant.ended ? (
                    <Badge tone="danger">Ended: a token was used twice</Badge>
                  ) : grant.lastUsedAt ? (
                    <RelativeTime iso={grant.lastUsedAt} />
                  ) : (
                    'Not yet'
                  )}
                </Cell>
                <ActionsCell>
                  {!grant.ended && <EndGrant id={grant.id} name={grant.client.name} />}
                </ActionsCell>
              </Row>
            ))}
          </TableBody>
        </Table>
      )}
    </Section>
  );
}

function throughWhat({ connectionId }: MyGrant, connections: readonly Connection[]) {
  if (connectionId === null) return <span className="text-ink-2">My only connection</span>;
  const connection = connections.find(({ id }) => id === connectionId);
  if (!connection) return <Badge tone="danger">Disconnected</Badge>;
  return <span className="[overflow-wrap:anywhere]">{connectionName(connection)}</span>;
}
