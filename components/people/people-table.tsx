// A page of the organization's people: who they are, what they may do, whether their Asana and their agents work.
import Link from 'next/link';
import { Badge } from '../ui/badge';
import { RelativeTime } from '../ui/relative-time';
import { ActionsCell, Cell, Row, RowHeader, Table, TableBody, TableHead, type SortColumn } from '../ui/table';
import { hrefOfView, sortedBy, type PeopleSort, type PeopleView } from './people-list';
import { PersonActions } from './person-actions';
import { hrefOfPerson, roles, states, type GroupChoice, type Member } from './words';

/** Groups that a row names; the rest is a number, or one person in thirty groups would push everybody else away. */
const NAMED = 3;

/** `self` is the e-mail of who is looking. */
export function PeopleTable({
  view,
  members,
  groups,
  listed,
  self,
}: {
  view: PeopleView;
  members: readonly Member[];
  groups: readonly GroupChoice[];
  listed: boolean;
  self: string;
}) {
  const names = new Map(groups.map(({ slug, name }) => [slug, name]));
  const by = (name: string, sort: PeopleSort): SortColumn => ({
    name,
    href: hrefOfView(sortedBy(view, sort)),
    sorted: view.sort === sort ? view.direction : null,
  });
  return (
    <Table label="People" widths={['', 'w-24', 'w-[24%]', 'w-36', 'w-20', 'w-32', 'w-32', 'w-14']}>
      <TableHead
        columns={[
          by('Person', 'name'),
          ...['Role', 'Groups', 'Asana', { end: 'Agents' }],
          ...[by('Last seen', 'lastSeen'), by('Last call', 'lastCall'), { hidden: 'Actions' }],
        ]}
      />
      <TableBody>
        {members.map((member) => (
          <Row key={member.email}>
            <RowHeader className="max-md:pr-12">
              <Link
                href={hrefOfPerson(member.email)}
                prefetch={false}
                className="font-medium hover:underline"
              >
                <span className="block [overflow-wrap:anywhere] md:truncate">
                  {member.name}
                  {member.email === self && <span className="text-ink-3 font-normal"> (you)</span>}
                </span>
              </Link>
              <span className="text-ink-3 block text-xs [overflow-wrap:anywhere] md:truncate">
                {member.email}
              </span>
            </RowHeader>
            <Cell label="Role">
              <Badge tone={member.role === 'admin' ? 'accent' : 'neutral'}>
                {roles.find(({ id }) => id === member.role)!.title}
              </Badge>
            </Cell>
            <Cell label="Groups">
              <Groups slugs={member.groups} names={names} />
            </Cell>
            <Cell label="Asana">
              <Connections {...member.connections} />
            </Cell>
            <Cell label="Agents" end>
              <span className="tabular-nums">
                {member.agents === 0 ? (
                  <span className="text-ink-3">0</span>
                ) : (
                  member.agents.toLocaleString('en')
                )}
              </span>
            </Cell>
            <Cell label="Last seen">
              {member.state === 'invited' ? (
                <Badge tone="warn">{states.invited.text}</Badge>
              ) : (
                <Moment iso={member.lastSeenAt} />
              )}
            </Cell>
            <Cell label="Last call">
              <Moment iso={member.lastCallAt} />
            </Cell>
            <ActionsCell>
              <PersonActions {...{ member, groups, listed }} self={member.email === self} />
            </ActionsCell>
          </Row>
        ))}
      </TableBody>
    </Table>
  );
}

function Groups({ slugs, names }: { slugs: readonly string[]; names: ReadonlyMap<string, string> }) {
  if (slugs.length === 0) return <span className="text-ink-3">None</span>;
  const rest = slugs.slice(NAMED).map((slug) => names.get(slug) ?? slug);
  return (
    <span className="flex flex-wrap gap-1">
      {slugs.slice(0, NAMED).map((slug) => (
        <Badge key={slug} title={names.get(slug)} className="max-w-40!">
          {names.get(slug) ?? slug}
        </Badge>
      ))}
      {rest.length > 0 && (
        <span title={rest.join(', ')} className="text-ink-3 inline-flex h-5 items-center text-xs">
          +{rest.length}
        </span>
      )}
    </span>
  );
}

/** How a person's Asana connections stand. */
function Connections({ active, needsReconnect }: Member['connections']) {
  if (needsReconnect > 0)
    return <Badge tone="warn">{active > 0 ? `${needsReconnect} to reconnect` : 'Needs reconnect'}</Badge>;
  if (active === 0) return <span className="text-ink-3">Not connected</span>;
  return <Badge tone="success">{active === 1 ? 'Connected' : `${active} connected`}</Badge>;
}

function Moment({ iso }: { iso: string | null }) {
  return iso ? <RelativeTime iso={iso} /> : <span className="text-ink-3">Never</span>;
}
