// A person's connections: workspace, account, health, and the one thing to do about each.
import RefreshCw from 'lucide-react/icons/refresh-cw';
import type { OperationAnswer } from '@/lib/portal/operations';
import { ButtonAnchor } from '../ui/button';
import { RelativeTime } from '../ui/relative-time';
import { ConnectionBadge, connectionName, workspaceName, type Connection } from './connection-state';
import { Disconnect } from './disconnect';

type Token = OperationAnswer<'GET /me/tokens'>['tokens'][number];

export function ConnectionsList({
  connections,
  tokens,
}: {
  connections: readonly Connection[];
  tokens: readonly Token[];
}) {
  return (
    <ul className="border-line bg-surface divide-line rounded-box divide-y border">
      {connections.map((connection) => (
        <li key={connection.id} className="flex flex-wrap items-start justify-between gap-x-6 gap-y-3 p-4">
          <div className="min-w-0">
            <div className="flex flex-wrap items-center gap-2">
              <h2 className="font-semibold [overflow-wrap:anywhere]">{workspaceName(connection)}</h2>
              <ConnectionBadge status={connection.status} />
            </div>
            <p className="text-ink-2 text-sm [overflow-wrap:anywhere]">{connection.asanaEmail}</p>
            <p className="text-ink-3 mt-0.5 text-sm">
              {connection.lastUsedAt ? (
                <>
                  Last used <RelativeTime iso={connection.lastUsedAt} />
                </>
              ) : (
                'Not used yet'
              )}
            </p>
            {connection.status === 'needs_reconnect' && (
              <p className="text-warn mt-1 text-sm">
                Asana no longer accepts this authorization, so calls through it fail. Reconnect to repair it;
                agent tokens stay as they are.
              </p>
            )}
          </div>
          <div className="flex flex-wrap gap-2">
            <ButtonAnchor
              href={`/connect/asana?connection=${connection.id}`}
              variant={connection.status === 'needs_reconnect' ? 'primary' : 'secondary'}
              icon={<RefreshCw aria-hidden="true" />}
            >
              Reconnect
            </ButtonAnchor>
            <Disconnect
              id={connection.id}
              name={connectionName(connection)}
              tokens={tokens
                .filter((token) => token.connectionId === connection.id)
                .map((token) => token.name)}
            />
          </div>
        </li>
      ))}
    </ul>
  );
}
