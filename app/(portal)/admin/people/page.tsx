// People: who is a member, in which role and groups, and how their access stands. The URL holds search, filters, order and page.
import Users from 'lucide-react/icons/users';
import { InvitePerson } from '@/components/people/invite-person';
import { PeopleFilters } from '@/components/people/people-filters';
import { hrefOfView, PAGE, viewIn } from '@/components/people/people-list';
import { PeopleTable } from '@/components/people/people-table';
import { ButtonLink } from '@/components/ui/button';
import { Callout } from '@/components/ui/callout';
import { EmptyState } from '@/components/ui/empty-state';
import { PageHeader } from '@/components/ui/page-header';
import { Pager } from '@/components/ui/pager';
import { ReadOnlyAgents } from '@/components/write-safety/read-only-agents';
import { read, requireRole } from '@/lib/portal/read';

export const metadata = { title: 'People' };

export default async function PeoplePage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const { email } = await requireRole('admin');
  const view = viewIn(await searchParams);
  const [{ members, total }, { groups }, organization, { budgets }] = await Promise.all([
    read('GET /members', { query: { ...view, limit: PAGE } }),
    read('GET /groups'),
    read('GET /organization'),
    read('GET /budgets'),
  ]);
  const choices = groups.map(({ slug, name }) => ({ slug, name }));
  const listed = organization.asanaEmail === 'listed';
  const filtered = Boolean(view.search || view.group || view.role || view.state);
  return (
    <>
      <PageHeader
        title="People"
        description="Who can be given access. Each connects their own Asana account."
        actions={
          <>
            <ButtonLink href="/admin/people/offboardings">Offboardings</ButtonLink>
            <InvitePerson groups={choices} listed={listed} />
          </>
        }
      />
      {total === 1 && !filtered && (
        <Callout tone="info" className="mb-4" title="So far it is only you">
          Invite somebody: you get a link to hand over, with which they set a password and connect their Asana
          account.
        </Callout>
      )}
      <ReadOnlyAgents budgets={budgets} />
      <PeopleFilters view={view} groups={choices} />
      <div className="border-line bg-surface rounded-box border">
        {members.length === 0 ? (
          <EmptyState
            icon={<Users />}
            title={filtered ? 'Nobody matches' : 'Nobody stands on this page'}
            action={<ButtonLink href="/admin/people">Show everybody</ButtonLink>}
          >
            {filtered
              ? 'Look for a part of the name or the e-mail, or take a filter away. Who is missing altogether can be invited.'
              : 'The list is shorter than it was.'}
          </EmptyState>
        ) : (
          <PeopleTable {...{ view, members, listed }} groups={choices} self={email} />
        )}
      </div>
      <Pager
        offset={Math.min(view.offset, total)}
        limit={PAGE}
        total={total}
        noun="people"
        hrefOf={(offset) => hrefOfView({ ...view, offset })}
      />
    </>
  );
}
