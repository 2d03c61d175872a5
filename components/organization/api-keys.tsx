// API keys: for scripts that do what an admin or auditor does in the portal.
import type { OperationAnswer } from '@/lib/portal/operations';
import { addressOf } from '../api';
import { ConfirmEnd } from '../confirm-end';
import { roles } from '../people/words';
import { Badge } from '../ui/badge';
import { EmptyState } from '../ui/empty-state';
import { RelativeTime } from '../ui/relative-time';
import { Section } from '../ui/section';
import { ActionsCell, Cell, Row, RowHeader, Table, TableBody, TableHead } from '../ui/table';
import { NewApiKey } from './new-api-key';

type ApiKey = OperationAnswer<'GET /api-keys'>['apiKeys'][number];

/** `address` is the URL of /api/v1. */
export function ApiKeys({ apiKeys, address }: { apiKeys: readonly ApiKey[]; address: string }) {
  return (
    <Section
      flush
      title="API keys"
      description={
        <>
          For scripts that manage Gatehouse through <code className="font-mono text-xs">/api/v1</code>. They
          do not open <code className="font-mono text-xs">/mcp</code>.{' '}
          <a href={addressOf('/openapi.json', {})} className="text-accent underline">
            OpenAPI description
          </a>
        </>
      }
      // Always in the same place: a dialog that moved with the first key would vanish, and the key with it.
      actions={<NewApiKey address={address} />}
    >
      {apiKeys.length === 0 ? (
        <EmptyState title="No API keys">
          Make one when a script has to add people, change groups or fetch the audit.
        </EmptyState>
      ) : (
        <Table label="API keys">
          <TableHead columns={['Name', 'Role', 'Expires', 'Last used', { hidden: 'Actions' }]} />
          <TableBody>
            {apiKeys.map((key) => (
              <Row key={key.id}>
                <RowHeader className="max-md:pr-20">
                  <span className="block font-medium [overflow-wrap:anywhere]">{key.name}</span>
                  <code className="text-ink-3 font-mono text-xs">…{key.last4}</code>
                </RowHeader>
                <Cell label="Role">
                  <Badge>{roles.find(({ id }) => id === key.role)?.title}</Badge>
                </Cell>
                <Cell label="Expires">{key.expiresAt ? <RelativeTime iso={key.expiresAt} /> : 'Never'}</Cell>
                <Cell label="Last used">
                  {key.lastUsedAt ? <RelativeTime iso={key.lastUsedAt} /> : 'Not yet'}
                </Cell>
                <ActionsCell>
                  <EndApiKey id={key.id} name={key.name} />
                </ActionsCell>
              </Row>
            ))}
          </TableBody>
        </Table>
      )}
    </Section>
  );
}

function EndApiKey({ id, name }: { id: string; name: string }) {
  return (
    <ConfirmEnd
      operation="DELETE /api-keys/{id}"
      input={{ path: { id } }}
      text="End"
      label={`End ${name}`}
      title="End this API key?"
      confirm="End key"
      done="API key ended"
      about={name}
    >
      Every script that uses <strong className="font-medium">{name}</strong> is refused from its next request
      on. This can’t be undone.
    </ConfirmEnd>
  );
}
