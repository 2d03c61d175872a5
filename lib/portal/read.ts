// How pages read: the same operations as /api/v1, for the person who is signed in.
import { headers } from 'next/headers';
import { notFound, redirect } from 'next/navigation';
import { AppError } from '../errors';
import type { SignedIn } from '../people/sessions';
import { addressOfPage, currentMember } from './caller';
import { perform, type Operation, type Role } from './operation';
import { operations, type OperationAnswer, type OperationInput, type OperationName } from './operations';

export { currentMember };

/** The header in which server.ts tells a page its own path. */
export const PATH_HEADER = 'x-gatehouse-path';

/** The signed-in member; without one the page becomes a redirect to sign-in and comes back afterwards. */
export async function requireMember(): Promise<SignedIn> {
  const member = await currentMember();
  if (member) return member;
  const path = (await headers()).get(PATH_HEADER) ?? '/';
  return redirect(path === '/' ? '/sign-in' : `/sign-in?next=${encodeURIComponent(path)}`);
}

/** The same, for members of these roles; for others the page does not exist. */
export async function requireRole(...roles: Role[]): Promise<SignedIn> {
  const member = await requireMember();
  return roles.includes(member.role) ? member : notFound();
}

/** Performs a reading operation for the signed-in member. What the member may not see does not exist. */
export async function read<N extends OperationName>(
  name: N,
  input: OperationInput<N> = {},
): Promise<OperationAnswer<N>> {
  const operation = operations[name] as unknown as Operation;
  const address = await addressOfPage();
  const caller =
    operation.who === 'anyone'
      ? ({ kind: 'anyone', address } as const)
      : ({ kind: 'session', member: await requireMember(), address } as const);
  try {
    return (await perform(operation, caller, input)) as OperationAnswer<N>;
  } catch (error) {
    if (error instanceof AppError && (error.status === 403 || error.status === 404)) return notFound();
    throw error;
  }
}
