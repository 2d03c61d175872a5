// A person's connections on the home, where more is to be said than that the only one is well.
import Link from 'next/link';
import { ConnectionBadge, workspaceName, type Connection } from '../connections/connection-state';
import { Section } from '../ui/section';

/** Nothing for none, and for one that is well: the numbers say it. */
export function ConnectionCards({ connections }: { connections: readonly Connection[] }) {
  if (connections.length < 2 && connections.every(({ status }) => status === 'active')) return null;
  return (
    <Section
      flush
      title="Asana connections"
      actions={
        <Link href="/connections" className="text-accent text-sm hover:underline">
          Manage
        </Link>
      }
    >
      <ul className="divide-line divide-y">
        {connections.map((connection) => (
          <li key={connection.id} className="px-4 py-2.5 text-sm">
            <div className="flex items-start justify-between gap-2">
              <span className="min-w-0 font-medium [overflow-wrap:anywhere]">
                {workspaceName(connection)}
              </span>
              <ConnectionBadge status={connection.status} />
            </div>
            <p className="text-ink-3 [overflow-wrap:anywhere]">{connection.asanaEmail}</p>
            {connection.status === 'needs_reconnect' && (
              <p className="text-ink-2 mt-1">
                Asana no longer accepts this authorization, so calls through it fail.{' '}
                <a href={`/connect/asana?connection=${connection.id}`} className="text-accent underline">
                  Reconnect {connection.asanaEmail}
                </a>
              </p>
            )}
          </li>
        ))}
      </ul>
    </Section>
  );
}
