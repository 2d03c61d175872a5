// How a person's way to Asana stands, in one word, one headline and one next step. Pure.
import type { Connection } from '../connections/connection-state';

export type HomeState =
  'no_app' | 'no_connection' | 'needs_reconnect' | 'no_tools' | 'some_need_reconnect' | 'no_agent' | 'well';

/** What is in the way comes first: nothing later works before it. `agents` are live tokens and allowed clients. */
export function homeState({
  asanaApp,
  connections,
  tools,
  agents,
}: {
  asanaApp: boolean;
  connections: readonly Pick<Connection, 'status'>[];
  tools: number;
  agents: number;
}): HomeState {
  const broken = connections.filter(({ status }) => status === 'needs_reconnect').length;
  if (connections.length === 0) return asanaApp ? 'no_connection' : 'no_app';
  if (broken === connections.length) return 'needs_reconnect';
  if (tools === 0) return 'no_tools';
  if (broken > 0) return 'some_need_reconnect';
  return agents === 0 ? 'no_agent' : 'well';
}

/** The page's title, and what to do now in a sentence; the sentence is null where nothing is to be done. */
export const stateWords: Record<HomeState, { title: string; next: string | null }> = {
  no_app: {
    title: 'Asana is not set up yet',
    next: 'An admin registers the company’s Asana app first. Then you can connect your account here.',
  },
  no_connection: {
    title: 'Connect Asana to begin',
    next: 'Your agents work in Asana as you, through your own account. Connecting takes a minute.',
  },
  needs_reconnect: {
    title: 'Reconnect Asana to go on',
    next: 'Asana no longer accepts the authorization, so every call fails. Reconnecting repairs it; your agents stay as they are.',
  },
  no_tools: {
    title: 'Connected, but no tools yet',
    next: 'None of your groups allows a tool, so your agents see none.',
  },
  some_need_reconnect: {
    title: 'One of your connections needs you',
    next: 'Agents on the others go on working.',
  },
  no_agent: {
    title: 'Ready for your first agent',
    next: 'Choose what you work with below and follow its steps.',
  },
  well: { title: 'Your agents can reach Asana', next: null },
};
