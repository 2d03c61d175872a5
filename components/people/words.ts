// What the portal calls roles, states and people.
import type { OperationAnswer } from '@/lib/portal/operations';
import type { Tone } from '../ui/badge';

export type Member = OperationAnswer<'GET /members'>['members'][number];
export type MemberDetail = OperationAnswer<'GET /members/{email}'>;
export type Role = Member['role'];

export const roles = [
  { id: 'member', title: 'Member', note: 'Connects their own Asana account and their agents.' },
  { id: 'auditor', title: 'Auditor', note: 'Also reads tools and the audit; changes nothing.' },
  { id: 'admin', title: 'Admin', note: 'Decides everything: tools, groups, people, the Asana app.' },
] as const satisfies readonly { id: Role; title: string; note: string }[];

export const states: Record<Member['state'], { text: string; meaning: string; tone: Tone }> = {
  invited: { text: 'Invited', meaning: 'They have not set a password yet.', tone: 'warn' },
  active: { text: 'Active', meaning: 'Seen, or an agent called, in the last 30 days.', tone: 'success' },
  inactive: { text: 'Inactive', meaning: 'Neither seen nor any call in the last 30 days.', tone: 'neutral' },
};

export interface GroupChoice {
  slug: string;
  name: string;
}

/** The address of a person's page. */
export function hrefOfPerson(email: string): string {
  return `/admin/people/${encodeURIComponent(email)}`;
}
