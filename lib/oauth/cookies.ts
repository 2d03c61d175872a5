// Cookies of an authorization under way. Bound to the path of that one authorization, so that two at once do not replace each other;
// `__Host-` would forbid the path, so on https they are `__Secure-`, and signed.
import { createHmac } from 'node:crypto';
import { env } from '../env';

const secure = () => env().GATEHOUSE_URL.startsWith('https://');

/** Names as oidc-provider wants them. The session's cookie is taken out of every request and answer. */
export function cookieNames() {
  const prefix = secure() ? '__Secure-' : '';
  return {
    session: `${secure() ? '__Host-' : ''}gatehouse-oauth-session`,
    interaction: `${prefix}gatehouse-authorize`,
    resume: `${prefix}gatehouse-resume`,
  };
}

export const cookieOptions = () =>
  ({ httpOnly: true, sameSite: 'lax', secure: secure(), signed: true }) as const;

/** A key for one purpose, from the deployment's secret. */
export function keyFor(purpose: string): Buffer {
  return createHmac('sha256', env().GATEHOUSE_SECRET ?? '')
    .update(`gatehouse oauth ${purpose}`)
    .digest();
}

/** The value of a cookie in a `Cookie` header. */
export function cookieIn(header: string | undefined, name: string): string | undefined {
  return (header ?? '')
    .split(/;\s*/)
    .find((pair) => pair.startsWith(`${name}=`))
    ?.slice(name.length + 1);
}

/** The header without the cookies (and their signatures) of this name. */
export function withoutCookie(header: string, name: string): string {
  return header
    .split(/;\s*/)
    .filter((pair) => !pair.startsWith(`${name}=`) && !pair.startsWith(`${name}.sig=`))
    .join('; ');
}
