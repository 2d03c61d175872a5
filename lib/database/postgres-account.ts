// PostgreSQL refuses to run as root: which account it runs as instead, and what that account can reach.
import { readFileSync, realpathSync, statSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { EnvironmentError } from '../env';

export type Account = { name: string; uid: number; gid: number };

const accounts = () =>
  readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name, , uid, gid]) => ({ name: name ?? '', uid: Number(uid), gid: Number(gid) }));

/**
 * The account to run PostgreSQL as; null: our own, for we are not root. `existing` are folders of a database that may be
 * there already: its owner comes first, so that a database keeps its account when the machine's accounts change.
 * Throws `EnvironmentError` where root has no account to drop to.
 */
export function postgresAccount(existing: string[]): Account | null {
  if (process.getuid?.() !== 0) return null;
  const owner = existing
    .map((folder) => statSync(folder, { throwIfNoEntry: false }))
    .find((stats) => stats && stats.uid !== 0);
  if (owner)
    return {
      name: accounts().find(({ uid }) => uid === owner.uid)?.name ?? String(owner.uid),
      uid: owner.uid,
      gid: owner.gid,
    };
  const account = ['postgres', 'nobody']
    .map((wanted) => accounts().find(({ name }) => name === wanted))
    .find(Boolean);
  if (account) return account;
  throw new EnvironmentError([
    'PostgreSQL does not run as root, and this machine has no account "postgres" or "nobody" to run it as: start Gatehouse as an ordinary user, or set DATABASE_URL to a PostgreSQL of yours.',
  ]);
}

const allows = (stats: Stats, account: Account, bits: number) => {
  const shift = stats.uid === account.uid ? 6 : stats.gid === account.gid ? 3 : 0;
  return ((stats.mode >> shift) & bits) === bits;
};

/** Whether the account can read this existing file or folder, by the mode bits of it and of every folder above it. */
export function canReach(path: string, account: Account | null): boolean {
  if (!account) return true;
  const real = realpathSync(path);
  const stats = statSync(real);
  if (!allows(stats, account, stats.isDirectory() ? 5 : 4)) return false;
  return canTraverse(dirname(real), account);
}

/** Whether the account can pass through this existing folder and every folder above it. */
export function canTraverse(folder: string, account: Account | null): boolean {
  if (!account) return true;
  const real = realpathSync(folder);
  return (
    allows(statSync(real), account, 1) && (dirname(real) === real || canTraverse(dirname(real), account))
  );
}
