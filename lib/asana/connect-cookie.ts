// The cookie that ties a connect to the browser it began in (OC-02). It carries a random value and no meaning.
import { randomBytes } from 'node:crypto';
import { env } from '../env';

/** `__Host-` needs https; on http (loopback) browsers would drop such a cookie. */
export function connectCookieName(): string {
  return secure() ? '__Host-gatehouse-connect' : 'gatehouse-connect';
}

/** As long as a connect attempt lives. Lax: Asana's redirect back is a top-level GET from another site. */
export function connectCookieAttributes(): {
  httpOnly: true;
  sameSite: 'lax';
  secure: boolean;
  path: '/';
  maxAge: number;
} {
  return { httpOnly: true, sameSite: 'lax', secure: secure(), path: '/', maxAge: 600 };
}

/**
 * The value to begin a connect with: this browser's present one if it is well formed (a second tab must not break the first,
 * OC-12), else a new one. Set it again either way, so that it lives as long as the attempt.
 */
export function browserSecretFor(present: string | undefined): string {
  return present && /^[A-Za-z0-9_-]{43}$/.test(present) ? present : randomBytes(32).toString('base64url');
}

function secure(): boolean {
  return env().GATEHOUSE_URL.startsWith('https://');
}
