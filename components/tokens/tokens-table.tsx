// A person's agent tokens with what they reach, when they end, and when they were last used.
import type { OperationAnswer } from '@/lib/portal/operations';
import { connectionName, type Connection } from '../connections/connection-state';
import { count } from '../tools/words';
import { Badge } from '../ui/badge';
import { RelativeTime } from '../ui/relative-time';
import { ActionsCell, Cell, Row, RowHeader, Table, TableBody, TableHead } from '../ui/table';
import { RevokeToken } from './revoke-token';

export type Token = OperationAnswer<'GET /me/tokens'>['tokens'][number];

/** `now` decides which have expired. */
export function TokensTable({
  tokens,
  connections,
  now,
}: {
  tokens: readonly Token[];
  connections: readonly Connection[];
  now: number;
}) {
  return (
    <div className="border-line bg-surface rounded-box border">
      <Table label="Agent tokens">
        <TableHead columns={['Name', 'Connection', 'Tools', 'Expires', 'Last used', { hidden: 'Actions' }]} />
        <TableBody>
          {tokens.map((token) => (
            <Row key={token.id}>
              <RowHeader className="max-md:pr-20">
                <span className="block font-medium [overflow-wrap:anywhere]">{token.name}</span>
                <code className="text-ink-3 font-mono text-xs">gth_…{token.last4}</code>
              </RowHeader>
              <Cell label="Connection">{throughWhat(token, connections)}</Cell>
              <Cell label="Tools">
                {token.tools === null ? (
                  'All I may use'
                ) : (
                  <span title={token.tools.join(', ')}>{count(token.tools.length, 'tool')} only</span>
                )}
              </Cell>
              <Cell label="Expires">
                {token.expiresAt === null ? (
                  'Never'
                ) : Date.parse(token.expiresAt) < now ? (
                  <Badge tone="danger">Expired</Badge>
                ) : (
                  <RelativeTime iso={token.expiresAt} />
                )}
              </Cell>
              <Cell label="Last used">
                {token.lastUsedAt ? <RelativeTime iso={token.lastUsedAt} /> : 'Not yet'}
              </Cell>
              <ActionsCell>
                <RevokeToken id={token.id} name={token.name} />
              </ActionsCell>
            </Row>
          ))}
        </TableBody>
      </Table>
    </div>
  );
}

function throughWhat(token: Token, connections: readonly Connection[]) {
  if (token.connectionId === null) return <span className="text-ink-2">My only connection</span>;
  const connection = connections.find(({ id }) => id === token.connectionId);
  if (!connection) return <Badge tone="danger">Disconnected</Badge>;
  return <span className="[overflow-wrap:anywhere]">{connectionName(connection)}</span>;
}
