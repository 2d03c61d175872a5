// Policy tests: what must stay true of the policy, and the policy as a file.
import { PolicyFile } from '@/components/config/policy-file';
import { PolicyTests } from '@/components/config/policy-tests';
import { PageHeader } from '@/components/ui/page-header';
import { read, requireRole } from '@/lib/portal/read';

export const metadata = { title: 'Policy tests' };

export default async function PolicyTestsPage() {
  const { role } = await requireRole('admin', 'auditor');
  const isAdmin = role === 'admin';
  const [{ policyTests }, { tools }, groups] = await Promise.all([
    read('GET /policy-tests'),
    read('GET /tools'),
    isAdmin ? read('GET /groups').then((answer) => answer.groups) : [],
  ]);
  return (
    <>
      <PageHeader
        title="Policy tests"
        description="What must, or must not, be allowed. A save that would break a test is refused, whoever makes it."
      />
      <div className="flex flex-col gap-5">
        <PolicyTests
          tests={policyTests}
          editing={
            isAdmin
              ? {
                  groups: groups.map(({ slug, name }) => ({ slug, name })),
                  tools: tools.map(({ name }) => name),
                }
              : null
          }
        />
        {isAdmin && <PolicyFile />}
      </div>
    </>
  );
}
