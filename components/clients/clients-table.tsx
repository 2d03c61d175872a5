// Registered clients with whom they act for, and the ways to shut one out.
import AppWindow from 'lucide-react/icons/app-window';
import type { OperationAnswer } from '@/lib/portal/operations';
import { Badge } from '../ui/badge';
import { EmptyState } from '../ui/empty-state';
import { RelativeTime } from '../ui/relative-time';
import { Section } from '../ui/section';
import { ActionsCell, Cell, Row, RowHeader, Table, TableBody, TableHead } from '../ui/table';
import { ClientActions } from './client-actions';

export type Client = OperationAnswer<'GET /clients'>['clients'][number];

export function ClientsTable({ clients }: { clients: readonly Client[] }) {
  return (
    <Section
      title="Registered clients"
      description="A client registers itself; nobody has checked its name."
      flush
    >
      {clients.length === 0 ? (
        <EmptyState icon={<AppWindow />} title="No client yet">
          Clients appear here as soon as one registers: point Claude, Cursor, VS Code or any MCP client at
          Gatehouse’s address and let it sign in.
        </EmptyState>
      ) : (
        <Table label="Registered clients" widths={['', 'w-[24%]', 'w-[32%]', 'w-28', 'w-36']}>
          <TableHead
            columns={['Client', 'Acts for', 'Sends people back to', 'Last used', { hidden: 'Actions' }]}
          />
          <TableBody>
            {clients.map((client) => (
              <Row key={client.id}>
                <RowHeader className="max-md:pr-40">
                  <span className="flex flex-wrap items-center gap-1.5 font-medium [overflow-wrap:anywhere]">
                    {client.name}
                    {client.blocked && <Badge tone="danger">Blocked</Badge>}
                  </span>
                  <span className="text-ink-3 block text-xs [overflow-wrap:anywhere]">
                    {client.kind === 'document' ? client.id : <RelativeTime iso={client.createdAt} />}
                  </span>
                </RowHeader>
                <Cell label="Acts for">
                  {client.members.length === 0 ? (
                    <span className="text-ink-3">Nobody</span>
                  ) : (
                    <span className="[overflow-wrap:anywhere]" title={client.members.join(', ')}>
                      {client.members.slice(0, 2).join(', ')}
                      {client.members.length > 2 && ` and ${client.members.length - 2} more`}
                    </span>
                  )}
                </Cell>
                <Cell label="Sends people back to">
                  <ul>
                    {client.redirectUris.slice(0, 3).map((uri) => (
                      <li key={uri}>
                        <code className="text-ink-2 font-mono text-xs [overflow-wrap:anywhere]">{uri}</code>
                      </li>
                    ))}
                  </ul>
                </Cell>
                <Cell label="Last used">
                  {client.lastUsedAt ? <RelativeTime iso={client.lastUsedAt} /> : 'Not yet'}
                </Cell>
                <ActionsCell>
                  <ClientActions
                    id={client.id}
                    name={client.name}
                    blocked={client.blocked}
                    members={client.members}
                  />
                </ActionsCell>
              </Row>
            ))}
          </TableBody>
        </Table>
      )}
    </Section>
  );
}
