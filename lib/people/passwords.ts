// Passwords are kept as argon2id (RFC 9106); a check takes as long for an unknown address as for a known one.
import { hash, verify } from '@node-rs/argon2';

// OWASP's first recommendation: 19 MiB, two passes, one lane. The library's default algorithm is Argon2id.
const options = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** The shortest password accepted. */
export const MIN_PASSWORD_CHARS = 10;
/** The longest; argon2 takes any length, a request should not. */
export const MAX_PASSWORD_CHARS = 200;

/** argon2id hash in PHC form. */
export function hashPassword(password: string): Promise<string> {
  return hash(password.normalize('NFKC'), options);
}

let decoy: Promise<string> | undefined;

/** Whether the password fits. Null (no such member, no password yet) takes the same time and is false (SP-24). */
export async function checkPassword(passwordHash: string | null, password: string): Promise<boolean> {
  decoy ??= hashPassword('no member has this password');
  const fits = await verify(passwordHash ?? (await decoy), password.normalize('NFKC')).catch(() => false);
  return fits && passwordHash !== null;
}
