// The company's directory: where SCIM is pointed at, with which tokens, and when each was last used.
import Link from 'next/link';
import type { OperationAnswer } from '@/lib/portal/operations';
import { ConfirmEnd } from '../confirm-end';
import { CopyField } from '../ui/copy-field';
import { EmptyState } from '../ui/empty-state';
import { RelativeTime } from '../ui/relative-time';
import { Section } from '../ui/section';
import { ActionsCell, Cell, Row, RowHeader, Table, TableBody, TableHead } from '../ui/table';
import { NewDirectoryToken } from './new-directory-token';

type Token = OperationAnswer<'GET /directory/tokens'>['directoryTokens'][number];
type Users = OperationAnswer<'GET /directory'>['users'];

/** `address` is the URL of /scim/v2. */
export function DirectoryTokens({
  tokens,
  address,
  users,
}: {
  tokens: readonly Token[];
  address: string;
  users: Users;
}) {
  return (
    <Section
      flush
      title="Directory over SCIM"
      description="Okta, Entra and others add people, put them into groups, and end everything of theirs within a second when they leave."
      // Always in the same place: a dialog that moved with the first token would vanish, and the token with it.
      actions={<NewDirectoryToken address={address} />}
    >
      <div className="border-line flex flex-col gap-2 border-b p-4">
        <CopyField label="SCIM base URL" what="SCIM base URL" value={address} />
        <p className="text-ink-3 text-sm">{usersWords(users)}</p>
      </div>
      {tokens.length === 0 ? (
        <EmptyState title="No directory is connected">
          Make a token and enter it with the base URL above as the SCIM connector’s bearer token. It opens
          nothing else.
        </EmptyState>
      ) : (
        <Table label="Directory tokens" widths={['', 'w-40', 'w-40', 'w-20']}>
          <TableHead columns={['Name', 'Last used', 'Expires', { hidden: 'Actions' }]} />
          <TableBody>
            {tokens.map((token) => (
              <Row key={token.id}>
                <RowHeader className="max-md:pr-20">
                  <Link
                    href={`/admin/audit?credential=${token.id}`}
                    prefetch={false}
                    title="What it changed, in the audit"
                    className="block font-medium [overflow-wrap:anywhere] hover:underline"
                  >
                    {token.name}
                  </Link>
                  <code className="text-ink-3 font-mono text-xs">…{token.last4}</code>
                </RowHeader>
                <Cell label="Last used">
                  {token.lastUsedAt ? <RelativeTime iso={token.lastUsedAt} /> : 'Not yet'}
                </Cell>
                <Cell label="Expires">
                  {token.expiresAt ? <RelativeTime iso={token.expiresAt} /> : 'Never'}
                </Cell>
                <ActionsCell>
                  <EndToken id={token.id} name={token.name} />
                </ActionsCell>
              </Row>
            ))}
          </TableBody>
        </Table>
      )}
    </Section>
  );
}

function usersWords({ all, inactive }: Users): string {
  if (all === 0)
    return 'The directory has not sent anybody yet; who is here already, it finds by e-mail address.';
  const people = all === 1 ? '1 person comes' : `${all.toLocaleString('en')} people come`;
  const gone =
    inactive === 0
      ? ''
      : `, of whom ${inactive.toLocaleString('en')} ${inactive === 1 ? 'is' : 'are'} deactivated`;
  return `${people} from it${gone}.`;
}

function EndToken({ id, name }: { id: string; name: string }) {
  return (
    <ConfirmEnd
      operation="DELETE /directory/tokens/{id}"
      input={{ path: { id } }}
      text="End"
      label={`End ${name}`}
      title="End this directory token?"
      confirm="End token"
      done="Directory token ended"
      about={name}
    >
      The directory that uses <strong className="font-medium">{name}</strong> is refused from its next request
      on: nobody is added, moved or deactivated any more until it has another token. People and groups stay as
      they are. This can’t be undone.
    </ConfirmEnd>
  );
}
