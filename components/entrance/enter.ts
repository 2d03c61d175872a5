// Signs a person in from the browser and says in our words why it failed.
import { signIn } from 'next-auth/react';

/** Null when signed in; else a title and what to do. */
export async function enter(
  email: string,
  password: string,
): Promise<{ title: string; detail: string } | null> {
  const answer = await signIn('credentials', { email, password, redirect: false }).catch(() => undefined);
  if (answer?.ok && !answer.error) return null;
  if (answer?.error === 'CredentialsSignin')
    return {
      title: 'Wrong e-mail or password.',
      detail: 'Check both. If you forgot the password, an admin can send you a link to set a new one.',
    };
  if (answer?.error === 'locked')
    return {
      title: 'Too many attempts.',
      detail: 'Wait 15 minutes, then try again. An admin can also send you a link to set a new password.',
    };
  return {
    title: 'Gatehouse could not check your password.',
    detail: 'Nothing is wrong with what you typed. Try again in a moment.',
  };
}
