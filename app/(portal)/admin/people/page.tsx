// People: who is a member, in which role and groups; invite, change, remove.
import { InvitePerson } from '@/components/people/invite-person';
import { PeopleTable } from '@/components/people/people-table';
import { count } from '@/components/tools/words';
import { Callout } from '@/components/ui/callout';
import { PageHeader } from '@/components/ui/page-header';
import { read, requireRole } from '@/lib/portal/read';

export const metadata = { title: 'People' };

export default async function PeoplePage() {
  const { email } = await requireRole('admin');
  const [{ members }, { groups }, organization] = await Promise.all([
    read('GET /members'),
    read('GET /groups'),
    read('GET /organization'),
  ]);
  const choices = groups.map(({ slug, name }) => ({ slug, name }));
  const listed = organization.asanaEmail === 'listed';
  return (
    <>
      <PageHeader
        title="People"
        description={`${count(members.length, 'person', 'people')} can be given access. Each connects their own Asana account.`}
        actions={<InvitePerson groups={choices} listed={listed} />}
      />
      {members.length === 1 && (
        <Callout tone="info" className="mb-4" title="So far it is only you">
          Invite somebody: you get a link to hand over, with which they set a password and connect their Asana
          account.
        </Callout>
      )}
      <PeopleTable members={members} groups={choices} listed={listed} self={email} />
    </>
  );
}
