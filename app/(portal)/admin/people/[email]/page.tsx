// One person: what they may do, with what, whether it works, what they did last, and how to end it.
import Link from 'next/link';
import type { ReactNode } from 'react';
import { RecordRow } from '@/components/audit/record-row';
import type { AuditRecord } from '@/components/audit/words';
import { EndedConnections } from '@/components/connections/ended-connections';
import { CompanyAccount } from '@/components/directory/company-account';
import { EndClient, EndToken } from '@/components/people/end-agent';
import { PersonButtons } from '@/components/people/person-actions';
import { roles, states, type GroupChoice, type MemberDetail } from '@/components/people/words';
import { count, toolClasses, type Tool } from '@/components/tools/words';
import { Badge } from '@/components/ui/badge';
import { ButtonLink } from '@/components/ui/button';
import { Callout } from '@/components/ui/callout';
import { EmptyState } from '@/components/ui/empty-state';
import { Fact, KeyValues } from '@/components/ui/key-values';
import { PageHeader } from '@/components/ui/page-header';
import { RelativeTime } from '@/components/ui/relative-time';
import { Section } from '@/components/ui/section';
import { ActionsCell, Cell, Row, RowHeader, Table, TableBody, TableHead } from '@/components/ui/table';
import { read, requireRole } from '@/lib/portal/read';

export const metadata = { title: 'Person' };

export default async function PersonPage({ params }: { params: Promise<{ email: string }> }) {
  const viewer = await requireRole('admin');
  const email = decodeURIComponent((await params).email);
  const [
    person,
    { revocations },
    { groups },
    { tools },
    organization,
    { records },
    { identities },
    directory,
  ] = await Promise.all([
    read('GET /members/{email}', { path: { email } }),
    read('GET /members/{email}/revocations', { path: { email } }),
    read('GET /groups'),
    read('GET /tools'),
    read('GET /organization'),
    read('GET /audit', { query: { member: email, limit: 10 } }),
    read('GET /members/{email}/identity', { path: { email } }),
    read('GET /directory'),
  ]);
  const choices = groups.map(({ slug, name }) => ({ slug, name }));
  const self = person.email === viewer.email;
  return (
    <>
      <PageHeader
        back={
          <Link href="/admin/people" className="text-accent hover:underline">
            People
          </Link>
        }
        title={person.name}
        marks={
          <>
            <Badge tone={person.role === 'admin' ? 'accent' : 'neutral'}>
              {roles.find(({ id }) => id === person.role)!.title}
            </Badge>
            <Badge tone={states[person.state].tone}>{states[person.state].text}</Badge>
          </>
        }
        description={`${person.email}${self ? ' (you)' : ''}`}
        actions={
          <PersonButtons
            member={forButtons(person)}
            groups={choices}
            listed={organization.asanaEmail === 'listed'}
            self={self}
          />
        }
      />
      <Attention person={person} throughCompany={directory.signIn !== null} />
      <div className="grid items-start gap-5 xl:grid-cols-[minmax(0,1fr)_21rem]">
        <div className="flex min-w-0 flex-col gap-5">
          <Connections person={person} />
          <EndedConnections revocations={revocations} />
          <Agents person={person} />
          <Tools person={person} tools={tools} />
        </div>
        <div className="flex min-w-0 flex-col gap-5">
          <Facts person={person} />
          <Groups person={person} groups={choices} />
          <CompanyAccount person={person} identities={identities} />
        </div>
      </div>
      <Activity email={person.email} records={records} />
    </>
  );
}

// Only what the dialogs need goes to the browser.
function forButtons({ email, name, role, groups, asanaEmails, signInReady }: MemberDetail) {
  return { email, name, role, groups, asanaEmails, signInReady };
}

function Attention({ person, throughCompany }: { person: MemberDetail; throughCompany: boolean }) {
  const lapsed = person.state === 'invited' && person.inviteExpiresAt === null;
  if (person.connections.needsReconnect > 0)
    return (
      <Callout tone="warn" className="mb-5" title="An Asana connection needs to be reconnected">
        Asana refused to renew it, so agents that use it can call nothing. Ask {person.name} to open Gatehouse
        and press Reconnect; nobody else can do it for them.
      </Callout>
    );
  if (lapsed && throughCompany)
    return (
      <Callout className="mb-5" title="They have not signed in yet">
        They get in through the company with this e-mail address, and need no password. For one of their own,
        make an invite link with “New invite link”.
      </Callout>
    );
  if (lapsed)
    return (
      <Callout tone="warn" className="mb-5" title="They can’t get in">
        No invite link is open: it was never made, has run out or was used up. Make a new one with “New invite
        link” and hand it over.
      </Callout>
    );
  return null;
}

function Facts({ person }: { person: MemberDetail }) {
  return (
    <Section title="Facts">
      <KeyValues>
        <Fact name="Role">{roles.find(({ id }) => id === person.role)!.note}</Fact>
        <Fact name="State">{states[person.state].meaning}</Fact>
        <Fact name="Open sign-ins">{person.sessions.toLocaleString('en')}</Fact>
        <Fact name="Invite link">
          {person.inviteExpiresAt && (
            <>
              Open, runs out <RelativeTime iso={person.inviteExpiresAt} />
            </>
          )}
        </Fact>
        <Fact name="Last seen">{person.lastSeenAt ? <RelativeTime iso={person.lastSeenAt} /> : 'Never'}</Fact>
        <Fact name="Last call">{person.lastCallAt ? <RelativeTime iso={person.lastCallAt} /> : 'Never'}</Fact>
        <Fact name="Asana accounts">{person.asanaEmails.join(', ')}</Fact>
        <Fact name="Limit">{person.limits && `${count(person.limits.perMinute, 'call')} a minute`}</Fact>
      </KeyValues>
    </Section>
  );
}

function Groups({ person, groups }: { person: MemberDetail; groups: readonly GroupChoice[] }) {
  const nameOf = (slug: string) => groups.find((group) => group.slug === slug)?.name ?? slug;
  return (
    <Section title="Groups">
      {person.groups.length === 0 ? (
        <p className="text-ink-3 text-sm">
          None. Without a group their agents see no tools; add one with “Change”.
        </p>
      ) : (
        <ul className="flex flex-wrap gap-1">
          {person.groups.map((slug) => (
            <li key={slug} className="max-w-full">
              <Link href={`/admin/groups/${slug}`} className="hover:underline">
                <Badge title={nameOf(slug)}>{nameOf(slug)}</Badge>
              </Link>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

function Connections({ person: { name, connectionList } }: { person: MemberDetail }) {
  return (
    <Section flush title="Asana connections">
      {connectionList.length === 0 ? (
        <EmptyState title="Not connected">
          {name} signs in here and presses Connect Asana; only they can, for it is their account.
        </EmptyState>
      ) : (
        <Table label="Asana connections" widths={['', 'w-[30%]', 'w-36', 'w-32']}>
          <TableHead columns={['Asana account', 'Workspace', 'State', 'Last used']} />
          <TableBody>
            {connectionList.map(({ id, asanaEmail, workspace, status, lastUsedAt }) => (
              <Row key={id}>
                <RowHeader className="[overflow-wrap:anywhere]">{asanaEmail}</RowHeader>
                <Cell label="Workspace">{workspace ?? <span className="text-ink-3">Not named</span>}</Cell>
                <Cell label="State">
                  <Badge tone={status === 'active' ? 'success' : 'warn'}>
                    {status === 'active' ? 'Healthy' : 'Needs reconnect'}
                  </Badge>
                </Cell>
                <Cell label="Last used">{momentOr(lastUsedAt, 'Never')}</Cell>
              </Row>
            ))}
          </TableBody>
        </Table>
      )}
    </Section>
  );
}

function Agents({ person }: { person: MemberDetail }) {
  const { tokens, grants } = person;
  return (
    <Section flush title="Agents" description="Agent tokens they made, and MCP clients they allowed.">
      {tokens.length + grants.length === 0 ? (
        <EmptyState title="No agents yet">
          {person.name} makes an agent token, or lets an MCP client sign in, from their own home page.
        </EmptyState>
      ) : (
        <Table label="Agents" widths={['', 'w-28', 'w-32', 'w-32', 'w-20']}>
          <TableHead columns={['Name', 'Kind', 'Last used', 'Expires', { hidden: 'Actions' }]} />
          <TableBody>
            {tokens.map(({ id, name, last4, lastUsedAt, expiresAt }) => (
              <Row key={id}>
                <RowHeader className="max-md:pr-20">
                  <Named href={`/admin/audit?credential=${id}`}>{name}</Named>
                  <code className="text-ink-3 font-mono text-xs">…{last4}</code>
                </RowHeader>
                <Cell label="Kind">Token</Cell>
                <Cell label="Last used">{momentOr(lastUsedAt, 'Not yet')}</Cell>
                <Cell label="Expires">{momentOr(expiresAt, 'Never')}</Cell>
                <ActionsCell>
                  <EndToken person={{ email: person.email, name: person.name }} token={{ id, name }} />
                </ActionsCell>
              </Row>
            ))}
            {grants.map(({ id, client, lastUsedAt }) => (
              <Row key={id}>
                <RowHeader className="max-md:pr-20">
                  <Named href={`/admin/audit?credential=${id}`}>{client}</Named>
                </RowHeader>
                <Cell label="Kind">MCP client</Cell>
                <Cell label="Last used">{momentOr(lastUsedAt, 'Not yet')}</Cell>
                <Cell label="Expires">With the consent</Cell>
                <ActionsCell>
                  <EndClient person={{ email: person.email, name: person.name }} grant={{ id, client }} />
                </ActionsCell>
              </Row>
            ))}
          </TableBody>
        </Table>
      )}
    </Section>
  );
}

function Named({ href, children }: { href: string; children: ReactNode }) {
  return (
    <Link
      href={href}
      prefetch={false}
      title="Its calls in the audit"
      className="block font-medium [overflow-wrap:anywhere] hover:underline"
    >
      {children}
    </Link>
  );
}

function Tools({ person, tools }: { person: MemberDetail; tools: readonly Tool[] }) {
  const explain = (tool?: string) =>
    `/admin/explain?${new URLSearchParams({ member: person.email, ...(tool ? { tool } : {}) })}`;
  const byClass = toolClasses
    .map((words) => ({
      ...words,
      names: tools
        .filter(({ class: own, name }) => own === words.id && person.tools.includes(name))
        .map(({ name }) => name),
    }))
    .filter(({ names }) => names.length > 0);
  return (
    <Section
      title="Tools they may use"
      description={`${count(person.tools.length, 'tool')}, of ${tools.length.toLocaleString('en')} in the catalogue. A tool leads to why.`}
      actions={
        <ButtonLink size="sm" href={explain()}>
          Explain a tool
        </ButtonLink>
      }
    >
      {byClass.length === 0 ? (
        <p className="text-ink-3 text-sm">
          None: no group of theirs has an open tool. Put them into a group that does.
        </p>
      ) : (
        <dl className="flex flex-col gap-2.5 text-sm">
          {byClass.map(({ id, title, names }) => (
            <div key={id} className="grid gap-x-4 gap-y-1 sm:grid-cols-[7rem_minmax(0,1fr)]">
              <dt className="text-ink-3 leading-6">{title}</dt>
              <dd>
                <ul className="flex flex-wrap gap-x-3">
                  {names.map((name) => (
                    <li key={name}>
                      <Link
                        href={explain(name)}
                        prefetch={false}
                        className="inline-flex min-h-6 items-center font-mono text-xs hover:underline"
                      >
                        {name}
                      </Link>
                    </li>
                  ))}
                </ul>
              </dd>
            </div>
          ))}
        </dl>
      )}
    </Section>
  );
}

function Activity({ email, records }: { email: string; records: readonly AuditRecord[] }) {
  const search = new URLSearchParams({ member: email }).toString();
  return (
    <Section
      flush
      className="mt-5"
      title="Latest activity"
      actions={
        <ButtonLink size="sm" href={`/admin/audit?${search}`}>
          All of it
        </ButtonLink>
      }
    >
      {records.length === 0 ? (
        <EmptyState title="Nothing on record">
          Neither they nor an agent of theirs has done anything here yet.
        </EmptyState>
      ) : (
        <Table label="Latest activity" widths={['w-44', 'w-[26%]', '', 'w-38', 'w-28', 'w-20']}>
          <TableHead columns={['Time (UTC)', 'Who', 'What', 'Decision', 'Outcome', { end: 'Took' }]} />
          <TableBody>
            {records.map(({ before: _before, after: _after, ...record }) => (
              <RecordRow key={record.id} record={record} search={search} fresh={false} />
            ))}
          </TableBody>
        </Table>
      )}
    </Section>
  );
}

function momentOr(iso: string | null, otherwise: string) {
  return iso ? <RelativeTime iso={iso} /> : <span className="text-ink-3">{otherwise}</span>;
}
