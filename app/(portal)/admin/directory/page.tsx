// How the company's own systems decide who is here: sign-in through its identity provider, its groups, and its directory over SCIM.
import { CompanyGroups } from '@/components/directory/company-groups';
import { DirectoryTokens } from '@/components/directory/directory-tokens';
import { SignInState } from '@/components/directory/sign-in-state';
import { PageHeader } from '@/components/ui/page-header';
import { read, requireRole } from '@/lib/portal/read';

export const metadata = { title: 'Directory' };

export default async function DirectoryPage() {
  await requireRole('admin');
  const [directory, { directoryGroups }, { directoryTokens }, { groups }] = await Promise.all([
    read('GET /directory'),
    read('GET /directory/groups'),
    read('GET /directory/tokens'),
    read('GET /groups'),
  ]);
  return (
    <>
      <PageHeader
        title="Directory"
        description="Let your company’s identity provider say who signs in, who is here, and who is in which group."
      />
      <div className="flex flex-col gap-5">
        <SignInState signIn={directory.signIn} bound={directory.bound} />
        <DirectoryTokens tokens={directoryTokens} address={directory.scimUrl} users={directory.users} />
        <CompanyGroups
          mapped={directoryGroups}
          groups={groups.map(({ slug, name }) => ({ slug, name }))}
          groupsClaim={directory.signIn?.groupsClaim ?? null}
        />
      </div>
    </>
  );
}
