// What the consent page shows: the question, through which Asana connection the client would act, and which tools it would see.
import { cookies } from 'next/headers';
import { listConnections, type ConnectionView } from '../asana/connections';
import { usableTools, type UsableTool } from '../catalogue/catalogue';
import { readQuestion, type ConsentQuestion } from '../oauth/consent';
import { cookieNames } from '../oauth/cookies';
import type { SignedIn } from '../people/sessions';

export interface ConsentView {
  question: ConsentQuestion;
  connections: ConnectionView[];
  tools: UsableTool[];
}

/** Null where nothing is asked here: another browser's request, one that is decided, over, or never was. */
export async function readConsent(uid: string, member: SignedIn): Promise<ConsentView | null> {
  // The decision checks the cookie's signature; without the cookie the page would ask in vain.
  if ((await cookies()).get(cookieNames().interaction)?.value !== uid) return null;
  const organizationId = member.organization.id;
  const question = await readQuestion(uid, { organizationId, sessionId: member.sessionId });
  if (!question) return null;
  const [connections, tools] = await Promise.all([
    listConnections(organizationId, member.id),
    usableTools(organizationId, member.id),
  ]);
  return { question, connections, tools };
}
