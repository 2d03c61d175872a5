// Which group of the company's decides who is in which group here.
import Link from 'next/link';
import type { OperationAnswer } from '@/lib/portal/operations';
import { ConfirmEnd } from '../confirm-end';
import { Badge } from '../ui/badge';
import { ButtonLink } from '../ui/button';
import { EmptyState } from '../ui/empty-state';
import { Section } from '../ui/section';
import { ActionsCell, Cell, Row, RowHeader, Table, TableBody, TableHead } from '../ui/table';
import { MapGroup } from './map-group';

type Mapped = OperationAnswer<'GET /directory/groups'>['directoryGroups'][number];

export function CompanyGroups({
  mapped,
  groups,
  groupsClaim,
}: {
  mapped: readonly Mapped[];
  groups: readonly { slug: string; name: string }[];
  groupsClaim: string | null;
}) {
  const taken = new Set(mapped.map(({ group }) => group));
  const free = groups.filter(({ slug }) => !taken.has(slug));
  return (
    <Section
      flush
      title="Groups of the company"
      description={
        groupsClaim
          ? `Each decides who is in a group here, at sign-in (claim ${groupsClaim}) and over SCIM. Which tools the group has, stays yours.`
          : 'Each decides over SCIM who is in a group here. Which tools the group has, stays yours.'
      }
      actions={free.length > 0 && <MapGroup groups={free} />}
    >
      {mapped.length === 0 ? (
        <EmptyState
          title="No group of the company’s counts here"
          action={
            groups.length === 0 ? <ButtonLink href="/admin/groups">Make a group first</ButtonLink> : undefined
          }
        >
          Name one as your identity provider calls it and choose the group here that has its members. A group
          that your directory creates over SCIM appears by itself, without tools.
        </EmptyState>
      ) : (
        <Table label="Groups of the company" widths={['', 'w-[30%]', 'w-28', 'w-36', 'w-20']}>
          <TableHead
            columns={['At the company', 'Group here', { end: 'Members' }, 'Made by', { hidden: 'Actions' }]}
          />
          <TableBody>
            {mapped.map(({ id, name, externalId, group, groupName, members, madeByDirectory }) => (
              <Row key={id}>
                <RowHeader className="max-md:pr-20">
                  <span className="block font-medium [overflow-wrap:anywhere]">{name}</span>
                  {externalId && (
                    <code className="text-ink-3 font-mono text-xs [overflow-wrap:anywhere]">
                      {externalId}
                    </code>
                  )}
                </RowHeader>
                <Cell label="Group here">
                  <Link href={`/admin/groups/${group}`} className="[overflow-wrap:anywhere] hover:underline">
                    {groupName}
                  </Link>
                </Cell>
                <Cell label="Members" end>
                  {members.toLocaleString('en')}
                </Cell>
                <Cell label="Made by">
                  <Badge>{madeByDirectory ? 'Directory' : 'Admin'}</Badge>
                </Cell>
                <ActionsCell>
                  <ConfirmEnd
                    operation="DELETE /directory/groups/{id}"
                    input={{ path: { id } }}
                    text="Let go"
                    label={`Let go of ${name}`}
                    title="Let go of this group of the company?"
                    confirm="Let go"
                    done="Group of the company let go"
                    about={name}
                  >
                    {name} no longer decides who is in {groupName}. The {members.toLocaleString('en')} in it
                    stay in it, with its tools, until you take them out; who leaves {name} at the company is
                    not taken out any more.
                  </ConfirmEnd>
                </ActionsCell>
              </Row>
            ))}
          </TableBody>
        </Table>
      )}
    </Section>
  );
}
