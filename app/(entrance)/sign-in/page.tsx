// The way in. Who is signed in already goes on; a deployment without an organization is set up first.
import { redirect } from 'next/navigation';
import { Entrance } from '@/components/entrance/entrance';
import { safeNext } from '@/components/entrance/safe-next';
import { SignInForm } from '@/components/entrance/sign-in-form';
import { currentMember, read } from '@/lib/portal/read';

export const metadata = { title: 'Sign in' };

export default async function SignInPage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const { next } = await searchParams;
  const target = safeNext(typeof next === 'string' ? next : undefined);
  if (await currentMember()) redirect(target);
  if ((await read('GET /setup')).needed) redirect('/setup');
  return (
    <Entrance title="Sign in" description="With your account here, not the one at Asana.">
      <SignInForm next={target} />
    </Entrance>
  );
}
