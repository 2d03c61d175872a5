// My Asana connections: connect, reconnect, disconnect. `?connected=<id>` is where the connect's callback leads.
import Link2 from 'lucide-react/icons/link-2';
import { connectionName } from '@/components/connections/connection-state';
import { ConnectionsList } from '@/components/connections/connections-list';
import { EndedConnections } from '@/components/connections/ended-connections';
import { ButtonAnchor, ButtonLink } from '@/components/ui/button';
import { Callout } from '@/components/ui/callout';
import { EmptyState } from '@/components/ui/empty-state';
import { PageHeader } from '@/components/ui/page-header';
import { read } from '@/lib/portal/read';

export const metadata = { title: 'Connections' };

export default async function ConnectionsPage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const [{ connections, asanaApp, member }, { tokens }, { revocations }, { connected }] = await Promise.all([
    read('GET /me'),
    read('GET /me/tokens'),
    read('GET /me/revocations'),
    searchParams,
  ]);
  const fresh = connections.find(({ id }) => id === connected);
  // A plain link: a prefetch would start a connect that nobody asked for.
  const connect = (
    <ButtonAnchor href="/connect/asana" variant="primary" icon={<Link2 aria-hidden="true" />}>
      Connect Asana
    </ButtonAnchor>
  );
  return (
    <>
      <PageHeader
        title="Connections"
        description="Your agents work in Asana as you. A connection belongs to one workspace; connect again for another."
        actions={connections.length > 0 && connect}
      />
      {fresh && (
        <Callout
          tone="success"
          live
          className="mb-4"
          title="Connected"
          actions={
            tokens.length === 0 && (
              <ButtonLink href="/tokens?new" size="sm">
                Create an agent token
              </ButtonLink>
            )
          }
        >
          Your agents can now reach {connectionName(fresh)}.
        </Callout>
      )}
      {connections.length > 0 ? (
        <ConnectionsList connections={connections} tokens={tokens} />
      ) : !asanaApp ? (
        <div className="border-line bg-surface rounded-box border">
          <EmptyState
            icon={<Link2 />}
            title="Asana is not set up yet"
            action={
              member.role === 'admin' && (
                <ButtonLink href="/admin/asana" variant="primary">
                  Register the Asana app
                </ButtonLink>
              )
            }
          >
            {member.role === 'admin'
              ? 'Register the company’s Asana app first; then everybody can connect.'
              : 'An admin registers the company’s Asana app first. Then you can connect your account here.'}
          </EmptyState>
        </div>
      ) : (
        <div className="border-line bg-surface rounded-box border">
          <EmptyState icon={<Link2 />} title="Connect your Asana account" action={connect}>
            Asana asks which workspace to open and whether Gatehouse may act for you there. Sign in at Asana
            with your own account first: it approves silently as whoever is signed in. You can disconnect here
            at any time.
          </EmptyState>
        </div>
      )}
      <EndedConnections revocations={revocations} className="mt-5" />
    </>
  );
}
