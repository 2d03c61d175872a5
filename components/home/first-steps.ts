// The admin's first steps: what each is for, what to do, and where. Pure; `GET /first-run` says which are done.
import type { OperationAnswer } from '@/lib/portal/operations';

export type FirstRun = OperationAnswer<'GET /first-run'>;
export type FirstStepId = FirstRun['steps'][number]['id'];

export interface FirstStep {
  title: string;
  note: string;
  /** `leaves`: a full load, because it goes on to Asana. */
  action: { href: string; text: string; leaves?: true } | null;
}

const connect = { href: '/connect/asana', text: 'Connect Asana', leaves: true } as const;

/** `connected`: somebody has connected Asana, which syncing needs. */
export function firstStep(id: FirstStepId, { connected }: { connected: boolean }): FirstStep {
  switch (id) {
    case 'organization':
      return {
        title: 'Name the organization',
        note: 'Its settings hold which Asana accounts and workspaces may be connected.',
        action: { href: '/admin/organization', text: 'Open its settings' },
      };
    case 'asana_app':
      return {
        title: 'Register the Asana app',
        note: 'Create the company’s one MCP app in Asana’s developer console, enter its client id and secret here and run the checks.',
        action: { href: '/admin/asana', text: 'Open Asana app' },
      };
    case 'sync':
      return {
        title: 'Compare the tools with Asana’s',
        note: connected
          ? 'Gatehouse knows Asana’s tools from a recording. Sync once to see what Asana has added or changed since.'
          : 'Gatehouse knows Asana’s tools from a recording. To see what has changed since it needs one connected account: connect yours, then come back and sync.',
        action: connected ? { href: '/admin/tools', text: 'Open Tools and sync' } : connect,
      };
    case 'group':
      return {
        title: 'Make the first group',
        note: 'A group says which tools the agents of its people may call. Until there is one, nobody can call anything.',
        action: { href: '/admin/groups?new', text: 'New group' },
      };
    case 'invite':
      return {
        title: 'Invite somebody',
        note: 'You get a link to hand over. With it they choose a password and connect their own Asana account.',
        action: { href: '/admin/people?invite', text: 'Invite a person' },
      };
    case 'connect':
      return {
        title: 'Connect an Asana account',
        note: 'Agents work in Asana as the person behind them. Connect yours to try it.',
        action: connect,
      };
    case 'endpoint':
      return {
        title: 'Copy the endpoint',
        note: 'This one address goes into every agent and MCP client. How, for each of them, stands below under “Use it in”.',
        action: null,
      };
    case 'first_call':
      return {
        title: 'See the first call',
        note: 'Let an agent list or call a tool. Every call is on record before it goes to Asana.',
        action: null,
      };
  }
}
