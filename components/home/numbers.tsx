// The home in four facts: connection, tools, agents, the last call. Each leads to where there is more.
import Link from 'next/link';
import type { ReactNode } from 'react';
import type { AuditRecord } from '../audit/words';
import { workspaceName, type Connection } from '../connections/connection-state';
import { toolClasses, type ToolClass } from '../tools/words';
import { RelativeTime } from '../ui/relative-time';

/** An agent: a token or an allowed client. */
export interface AgentUse {
  lastUsedAt: string | null;
}

export function Numbers({
  connections,
  tools,
  agents,
  lastCall,
}: {
  connections: readonly Connection[];
  tools: readonly { class: ToolClass }[];
  agents: readonly AgentUse[];
  lastCall: AuditRecord | undefined;
}) {
  const active = connections.filter(({ status }) => status === 'active');
  const lastUse = agents
    .flatMap(({ lastUsedAt }) => lastUsedAt ?? [])
    .sort()
    .at(-1);
  const mix = toolClasses
    .map(({ id, title }) => [title.toLowerCase(), tools.filter((tool) => tool.class === id).length] as const)
    .filter(([, n]) => n > 0)
    .map(([title, n]) => `${n} ${title}`)
    .join(' · ');
  return (
    <ul className="mb-5 grid grid-cols-2 gap-3 lg:grid-cols-4">
      <Fact
        href="/connections"
        name={connections.length === 1 ? 'Asana connection' : 'Asana connections'}
        value={
          active.length === connections.length
            ? connections.length === 1
              ? 'Healthy'
              : `${active.length} healthy`
            : `${active.length} of ${connections.length} healthy`
        }
        warn={active.length < connections.length}
      >
        {connections.length === 1
          ? `${workspaceName(connections[0]!)}, ${connections[0]!.asanaEmail}`
          : connections.map(workspaceName).join(', ')}
      </Fact>
      <Fact href="#tools" name="Tools" value={tools.length.toLocaleString('en')}>
        {mix || 'None of your groups has any'}
      </Fact>
      <Fact href="/tokens" name="Agents" value={agents.length.toLocaleString('en')}>
        {lastUse ? (
          <>
            Last used <RelativeTime iso={lastUse} />
          </>
        ) : agents.length > 0 ? (
          'Not used yet'
        ) : (
          'None yet'
        )}
      </Fact>
      <Fact
        href="/activity"
        name="Last call"
        value={lastCall ? <RelativeTime iso={lastCall.at} /> : 'None yet'}
        warn={lastCall?.decision === 'deny'}
      >
        {lastCall
          ? `${lastCall.tool ?? lastCall.method ?? 'unreadable'}${lastCall.decision === 'deny' ? ', denied' : ''}`
          : 'It appears here when an agent calls'}
      </Fact>
    </ul>
  );
}

function Fact({
  href,
  name,
  value,
  warn = false,
  children,
}: {
  href: string;
  name: string;
  value: ReactNode;
  warn?: boolean;
  children: ReactNode;
}) {
  return (
    <li className="border-line bg-surface rounded-box hover:border-control relative flex min-w-0 flex-col border px-3.5 py-2.5">
      <Link href={href} className="text-ink-3 text-xs font-medium after:absolute after:inset-0">
        {name}
      </Link>
      <p className={`text-lg font-semibold tabular-nums ${warn ? 'text-warn' : ''}`}>{value}</p>
      <p className="text-ink-3 text-xs [overflow-wrap:anywhere]">{children}</p>
    </li>
  );
}
