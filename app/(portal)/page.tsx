// The employee's home: is my connection well, what may my agents do, how do I use it. For admins also what is next.
import KeyRound from 'lucide-react/icons/key-round';
import Link2 from 'lucide-react/icons/link-2';
import RefreshCw from 'lucide-react/icons/refresh-cw';
import Link from 'next/link';
import { ConnectionBadge, workspaceName, type Connection } from '@/components/connections/connection-state';
import { AgentTools } from '@/components/home/agent-tools';
import { Checklist } from '@/components/home/checklist';
import { UseItIn } from '@/components/home/use-it-in';
import type { Token } from '@/components/tokens/tokens-table';
import { count } from '@/components/tools/words';
import { ButtonAnchor, ButtonLink } from '@/components/ui/button';
import { Callout } from '@/components/ui/callout';
import { CopyField } from '@/components/ui/copy-field';
import { EmptyState } from '@/components/ui/empty-state';
import { PageHeader } from '@/components/ui/page-header';
import { RelativeTime } from '@/components/ui/relative-time';
import { Section } from '@/components/ui/section';
import { env } from '@/lib/env';
import { read } from '@/lib/portal/read';
import { adminSteps } from './admin-steps';
import { myTools } from './my-tools';

export const metadata = { title: 'Home' };

export default async function HomePage() {
  const [me, { tokens }] = await Promise.all([read('GET /me'), read('GET /me/tokens')]);
  const admin = me.member.role === 'admin' ? await adminSteps(me.connections.length, tokens.length) : null;
  // Without the app nobody can connect: the checklist leads, nothing else.
  const fresh = admin?.registered === false;
  const endpoint = `${env().GATEHOUSE_URL}/mcp`;
  return (
    <>
      <PageHeader
        title={fresh ? 'Welcome to Gatehouse' : headline(me.connections, me.tools.length)}
        description={
          me.groups.length > 0
            ? `You are in ${list(me.groups.map(({ name }) => name))} at ${me.member.organization.name}.`
            : `You are in no group at ${me.member.organization.name} yet.`
        }
        actions={!fresh && <NextStep connections={me.connections} tokens={tokens.length} />}
      />
      {admin && <Checklist steps={admin.steps} />}
      {admin && admin.unreviewed > 0 && (
        <Callout
          tone="warn"
          className="mb-5"
          title={`${count(admin.unreviewed, 'tool')} ${admin.unreviewed === 1 ? 'waits' : 'wait'} for review`}
          actions={
            <ButtonLink href="/admin/tools?status=review" size="sm">
              Review tools
            </ButtonLink>
          }
        >
          Asana added or changed them. New ones stay closed until an admin has reviewed them.
        </Callout>
      )}
      <div className="grid items-start gap-5 xl:grid-cols-[minmax(0,1fr)_21rem]">
        <div className="flex min-w-0 flex-col gap-5">
          <Section
            title="Use it in your agent"
            description="Every MCP client needs this address and an agent token."
          >
            <CopyField value={endpoint} what="endpoint URL" />
            <div className="mt-4">
              <UseItIn endpoint={endpoint} />
            </div>
          </Section>
          <Section
            flush
            title="What your agents may do"
            description={
              me.tools.length > 0
                ? `${count(me.tools.length, 'tool')} of Asana’s, given by your groups. They see no others.`
                : undefined
            }
          >
            <AgentTools tools={myTools(me.tools)} mayHelpThemselves={admin !== null} />
          </Section>
        </div>
        <div className="flex min-w-0 flex-col gap-5">
          <MyConnections connections={me.connections} />
          <MyTokens tokens={tokens} />
        </div>
      </div>
    </>
  );
}

function headline(connections: readonly Connection[], tools: number): string {
  if (connections.length === 0) return 'Connect Asana to begin';
  const broken = connections.filter(({ status }) => status === 'needs_reconnect');
  if (broken.length === connections.length) return 'Reconnect Asana to go on';
  if (tools === 0) return 'Connected, but no tools yet';
  return broken.length > 0 ? 'One of your connections needs you' : 'Your agents can reach Asana';
}

/** The one thing to do now; nothing where all is well. */
function NextStep({ connections, tokens }: { connections: readonly Connection[]; tokens: number }) {
  const broken = connections.find(({ status }) => status === 'needs_reconnect');
  // Plain links: a prefetch would start a connect that nobody asked for.
  if (connections.length === 0)
    return (
      <ButtonAnchor href="/connect/asana" variant="primary" icon={<Link2 aria-hidden="true" />}>
        Connect Asana
      </ButtonAnchor>
    );
  if (broken)
    return (
      <ButtonAnchor
        href={`/connect/asana?connection=${broken.id}`}
        variant="primary"
        icon={<RefreshCw aria-hidden="true" />}
      >
        Reconnect
      </ButtonAnchor>
    );
  if (tokens > 0) return null;
  return (
    <ButtonLink href="/tokens?new" variant="primary" icon={<KeyRound aria-hidden="true" />}>
      Create a token
    </ButtonLink>
  );
}

function list(names: readonly string[]): string {
  return new Intl.ListFormat('en-GB', { type: 'conjunction' }).format(names);
}

function MyConnections({ connections }: { connections: readonly Connection[] }) {
  return (
    <Section
      flush
      title="Asana connections"
      actions={
        connections.length > 0 && (
          <Link href="/connections" className="text-accent text-sm hover:underline">
            Manage
          </Link>
        )
      }
    >
      {connections.length === 0 ? (
        <EmptyState title="Not connected">
          Your agents see their tools already, but can call none until you connect your Asana account.
        </EmptyState>
      ) : (
        <ul className="divide-line divide-y">
          {connections.map((connection) => (
            <li key={connection.id} className="px-4 py-3 text-sm">
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
                    Reconnect it
                  </a>
                  .
                </p>
              )}
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

function MyTokens({ tokens }: { tokens: readonly Token[] }) {
  return (
    <Section
      flush
      title="Agent tokens"
      actions={
        tokens.length > 0 && (
          <Link href="/tokens" className="text-accent text-sm hover:underline">
            Manage
          </Link>
        )
      }
    >
      {tokens.length === 0 ? (
        <EmptyState title="No tokens yet">
          An agent shows its token with every call; that is how Gatehouse knows it is yours.
        </EmptyState>
      ) : (
        <ul className="divide-line divide-y">
          {tokens.slice(0, 5).map((token) => (
            <li key={token.id} className="flex items-baseline justify-between gap-3 px-4 py-2.5 text-sm">
              <span className="min-w-0 truncate font-medium">{token.name}</span>
              <span className="text-ink-3 shrink-0">
                {token.lastUsedAt ? <RelativeTime iso={token.lastUsedAt} /> : 'not used yet'}
              </span>
            </li>
          ))}
          {tokens.length > 5 && (
            <li className="px-4 py-2.5 text-sm">
              <Link href="/tokens" className="text-accent hover:underline">
                All {tokens.length} tokens
              </Link>
            </li>
          )}
        </ul>
      )}
    </Section>
  );
}
