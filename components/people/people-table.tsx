// All members, searchable, a page at a time.
'use client';
import Search from 'lucide-react/icons/search';
import { useState } from 'react';
import { Badge } from '../ui/badge';
import { Button } from '../ui/button';
import { EmptyState } from '../ui/empty-state';
import { RelativeTime } from '../ui/relative-time';
import { ActionsCell, Cell, Row, RowHeader, Table, TableBody, TableHead } from '../ui/table';
import { TextField } from '../ui/text-field';
import { PersonActions } from './person-actions';
import { roles, type GroupChoice, type Member } from './words';

const SHOWN = 100;

/** `self` is the e-mail of who is looking. */
export function PeopleTable({
  members,
  groups,
  listed,
  self,
}: {
  members: readonly Member[];
  groups: readonly GroupChoice[];
  listed: boolean;
  self: string;
}) {
  const [search, setSearch] = useState('');
  const [limit, setLimit] = useState(SHOWN);
  const names = new Map(groups.map(({ slug, name }) => [slug, name]));
  const wanted = search.trim().toLowerCase();
  const found = members.filter((member) =>
    `${member.name} ${member.email} ${member.role} ${member.groups.map((slug) => names.get(slug)).join(' ')}`
      .toLowerCase()
      .includes(wanted),
  );
  return (
    <>
      {members.length > 5 && (
        <TextField
          label="Search people"
          hideLabel
          type="search"
          placeholder="Name, e-mail, role or group"
          icon={<Search aria-hidden="true" />}
          value={search}
          onChange={(event) => {
            setSearch(event.target.value);
            setLimit(SHOWN);
          }}
          className="mb-3 max-w-sm"
        />
      )}
      <div className="border-line bg-surface rounded-box border">
        {found.length === 0 ? (
          <EmptyState title="Nobody matches">Nobody here is called “{search}”.</EmptyState>
        ) : (
          <Table label="People">
            <TableHead columns={['Person', 'Role', 'Groups', 'Last seen', { hidden: 'Actions' }]} />
            <TableBody>
              {found.slice(0, limit).map((member) => (
                <Row key={member.email}>
                  <RowHeader className="max-md:pr-12">
                    <span className="block font-medium [overflow-wrap:anywhere]">
                      {member.name}
                      {member.email === self && <span className="text-ink-3 font-normal"> (you)</span>}
                    </span>
                    <span className="text-ink-3 block text-xs [overflow-wrap:anywhere]">{member.email}</span>
                  </RowHeader>
                  <Cell label="Role">
                    <Badge tone={member.role === 'admin' ? 'accent' : 'neutral'}>
                      {roles.find(({ id }) => id === member.role)!.title}
                    </Badge>
                  </Cell>
                  <Cell label="Groups">
                    <span className="flex flex-wrap gap-1">
                      {member.groups.length === 0 && <span className="text-ink-3">none</span>}
                      {member.groups.map((slug) => (
                        <Badge key={slug}>{names.get(slug) ?? slug}</Badge>
                      ))}
                    </span>
                  </Cell>
                  <Cell label="Last seen">
                    {!member.signInReady ? (
                      <Badge tone="warn">Invited</Badge>
                    ) : member.lastSeenAt ? (
                      <RelativeTime iso={member.lastSeenAt} />
                    ) : (
                      'Not yet'
                    )}
                  </Cell>
                  <ActionsCell>
                    <PersonActions {...{ member, groups, listed }} self={member.email === self} />
                  </ActionsCell>
                </Row>
              ))}
            </TableBody>
          </Table>
        )}
      </div>
      {found.length > limit && (
        <div className="mt-3 flex justify-center">
          <Button onClick={() => setLimit(limit + 200)}>
            Show more of {found.length.toLocaleString('en')}
          </Button>
        </div>
      )}
    </>
  );
}
