// The first run. Once an organization exists this page leads to sign-in.
import { redirect } from 'next/navigation';
import { Entrance } from '@/components/entrance/entrance';
import { SetUpForm } from '@/components/entrance/set-up-form';
import { MIN_PASSWORD_CHARS } from '@/lib/people/passwords';
import { read } from '@/lib/portal/read';

export const metadata = { title: 'Set up' };

export default async function SetUpPage() {
  if (!(await read('GET /setup')).needed) redirect('/sign-in');
  return (
    <Entrance
      title="Set up Gatehouse"
      description="Name your organization and make yourself its first admin. Afterwards you register the Asana app and invite people."
    >
      <SetUpForm minPasswordChars={MIN_PASSWORD_CHARS} />
    </Entrance>
  );
}
