// Sessions in the portal: one row each, so that ending one takes effect at the very next request, in every process.
import { randomUUID } from 'node:crypto';
import { deploymentDb, type Tx } from '../db';

const SESSION_HOURS = 12;

/** Who is signed in. */
export interface SignedIn {
  sessionId: string;
  id: string;
  email: string;
  name: string;
  role: 'admin' | 'auditor' | 'member';
  organization: { id: string; name: string };
}

/** Starts a session; returns its id, which the cookie's signed JWT carries. */
export async function startSession(member: { id: string; organizationId: string }): Promise<string> {
  const id = randomUUID();
  await deploymentDb().session.create({
    data: {
      id,
      organizationId: member.organizationId,
      memberId: member.id,
      expiresAt: new Date(Date.now() + SESSION_HOURS * 3_600_000),
    },
  });
  return id;
}

/** The member behind a session id, or null when the session ended, expired, or its member is gone. */
export async function findSession(sessionId: string): Promise<SignedIn | null> {
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(sessionId)) return null;
  const session = await deploymentDb().session.findUnique({
    where: { id: sessionId, expiresAt: { gt: new Date() } },
    select: {
      member: { select: { id: true, email: true, name: true, role: true } },
      organization: { select: { id: true, name: true } },
    },
  });
  return session && { sessionId, ...session.member, organization: session.organization };
}

/** Ends one session (sign-out). */
export async function endSession(sessionId: string): Promise<void> {
  await deploymentDb().session.deleteMany({ where: { id: sessionId } });
}

/** Ends all sessions of a member: a new role or password begins with a new sign-in. */
export async function endMemberSessions(tx: Tx, organizationId: string, memberId: string): Promise<void> {
  await tx.session.deleteMany({ where: { organizationId, memberId } });
}
