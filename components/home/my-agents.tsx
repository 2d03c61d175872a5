// What works with this person's access: agent tokens and allowed clients, the ones used last first, each with its end beside it.
import Link from 'next/link';
import type { MyGrant } from '../clients/my-grants';
import { EndGrant } from '../clients/end-grant';
import { RevokeToken } from '../tokens/revoke-token';
import type { Token } from '../tokens/tokens-table';
import { RelativeTime } from '../ui/relative-time';
import { Section } from '../ui/section';

const SHOWN = 5;

/** `tokens` and `grants` that are in force. */
export function MyAgents({ tokens, grants }: { tokens: readonly Token[]; grants: readonly MyGrant[] }) {
  const agents = [
    ...tokens.map(({ id, name, lastUsedAt }) => ({
      ...{ id, name, lastUsedAt, kind: 'Agent token' },
      end: <RevokeToken id={id} name={name} />,
    })),
    ...grants.map(({ id, client, lastUsedAt }) => ({
      ...{ id, name: client.name, lastUsedAt, kind: 'Signed in' },
      end: <EndGrant id={id} name={client.name} />,
    })),
  ].sort((a, b) => (b.lastUsedAt ?? '').localeCompare(a.lastUsedAt ?? ''));
  if (agents.length === 0) return null;
  return (
    <Section
      flush
      title="My agents"
      actions={
        <Link href="/tokens" className="text-accent text-sm hover:underline">
          {agents.length > SHOWN ? `All ${agents.length}` : 'Manage'}
        </Link>
      }
    >
      <ul className="divide-line divide-y">
        {agents.slice(0, SHOWN).map(({ id, name, kind, lastUsedAt, end }) => (
          <li key={id} className="flex items-center justify-between gap-2 py-2 pr-2 pl-4 text-sm">
            <span className="min-w-0">
              <span className="block truncate font-medium">{name}</span>
              <span className="text-ink-3 block truncate text-xs">
                {kind}, {lastUsedAt ? <RelativeTime iso={lastUsedAt} /> : 'not used yet'}
              </span>
            </span>
            {end}
          </li>
        ))}
      </ul>
    </Section>
  );
}
