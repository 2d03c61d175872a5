// The way in. Who is signed in already goes on; a deployment without an organization is set up first.
import { redirect } from 'next/navigation';
import { CompanySignIn } from '@/components/entrance/company-sign-in';
import { Entrance } from '@/components/entrance/entrance';
import { safeNext } from '@/components/entrance/safe-next';
import { SignInForm } from '@/components/entrance/sign-in-form';
import { companySignIn } from '@/lib/env';
import { currentMember, read } from '@/lib/portal/read';

export const metadata = { title: 'Sign in' };

/** Why a sign-in through the company failed; other errors are the password form's own. */
const ofCompany = (error: string | string[] | undefined): string | null =>
  typeof error === 'string' && /^(company_\w+|OAuth\w+|Callback|AccessDenied)$/.test(error) ? error : null;

export default async function SignInPage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const { next, error } = await searchParams;
  const target = safeNext(typeof next === 'string' ? next : undefined);
  if (await currentMember()) redirect(target);
  if ((await read('GET /setup')).needed) redirect('/setup');
  return (
    <Entrance title="Sign in" description="With your account here, not the one at Asana.">
      {companySignIn() ? (
        <CompanySignIn next={target} error={ofCompany(error)}>
          <SignInForm next={target} secondary />
        </CompanySignIn>
      ) : (
        <SignInForm next={target} />
      )}
    </Entrance>
  );
}
