// What the portal calls roles and people.
import type { OperationAnswer } from '@/lib/portal/operations';

export type Member = OperationAnswer<'GET /members'>['members'][number];
export type Role = Member['role'];

export const roles = [
  { id: 'member', title: 'Member', note: 'Connects their own Asana account and their agents.' },
  { id: 'auditor', title: 'Auditor', note: 'Also reads tools and the audit; changes nothing.' },
  { id: 'admin', title: 'Admin', note: 'Decides everything: tools, groups, people, the Asana app.' },
] as const satisfies readonly { id: Role; title: string; note: string }[];

export interface GroupChoice {
  slug: string;
  name: string;
}
