// The name of the portal's session cookie. `__Host-` pins it to this very host; browsers accept the prefix on https only.
import { env } from '../env';

export function sessionCookieName(): string {
  return `${env().GATEHOUSE_URL.startsWith('https://') ? '__Host-' : ''}next-auth.session-token`;
}
