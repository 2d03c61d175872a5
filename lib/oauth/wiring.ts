// What the authorization server needs of floors above it; server.ts hands it over.
import type { IncomingMessage } from 'node:http';

/** Who is signed in to the portal. */
export interface PortalMember {
  id: string;
  email: string;
  organizationId: string;
  sessionId: string;
}

/** The member signed in to the portal in the browser that sent this request; null for nobody. Asks the database every time. */
export type MemberOf = (request: IncomingMessage) => Promise<PortalMember | null>;

/** A page that says what happened, why, and what to do next. */
export type ErrorPage = (page: {
  status: number;
  title: string;
  explanation: string;
  fix: string;
  link: { href: string; label: string };
}) => Response;
