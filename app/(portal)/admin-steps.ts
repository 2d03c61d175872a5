// What an admin has done and what is next, read from the facts themselves: nothing is remembered that could be wrong.
import type { Step } from '@/components/home/checklist';
import { read } from '@/lib/portal/read';

/** The steps from an empty organization to the first filtered call, whether the app is registered, how many tools wait for review. */
export async function adminSteps(
  connections: number,
  tokens: number,
): Promise<{ steps: Step[]; registered: boolean; unreviewed: number }> {
  const [app, { groups }, { members }, { tools }, calls] = await Promise.all([
    read('GET /asana-app'),
    read('GET /groups'),
    read('GET /members'),
    read('GET /tools'),
    read('GET /audit', { query: { kind: 'call', limit: 1 } }),
  ]);
  const steps: Step[] = [
    {
      title: 'Register the Asana app',
      note: 'Create the one MCP app in Asana’s developer console and enter its client id and secret.',
      href: '/admin/asana',
      done: app.clientId !== null,
    },
    {
      title: 'Make a group with tools and people',
      note: 'Nobody can call anything until a group allows it.',
      href: '/admin/groups',
      done: groups.some((group) => group.tools.length > 0 && group.members.length > 0),
    },
    {
      title: 'Invite people',
      note: 'Each of them connects their own Asana account.',
      href: '/admin/people',
      done: members.length > 1,
    },
    {
      title: 'Connect your own Asana account',
      note: 'It also lets Gatehouse compare the catalogue with what Asana lists.',
      href: '/connections',
      done: connections > 0,
    },
    {
      title: 'Create an agent token',
      note: 'Then point an MCP client at the endpoint below.',
      href: '/tokens',
      done: tokens > 0 || calls.records.length > 0,
    },
    {
      title: 'See the first call in the audit',
      note: 'Every call is on record before it goes to Asana.',
      href: '/admin/audit',
      done: calls.records.length > 0,
    },
  ];
  return {
    steps,
    registered: app.clientId !== null,
    unreviewed: tools.filter(({ status }) => status === 'new' || status === 'changed').length,
  };
}
