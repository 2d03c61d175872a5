// My agent tokens: mint, see, revoke.
import KeyRound from 'lucide-react/icons/key-round';
import { connectionName } from '@/components/connections/connection-state';
import { NewToken } from '@/components/tokens/new-token';
import { TokensTable } from '@/components/tokens/tokens-table';
import { EmptyState } from '@/components/ui/empty-state';
import { PageHeader } from '@/components/ui/page-header';
import { env } from '@/lib/env';
import { read } from '@/lib/portal/read';
import { myTools } from '../my-tools';

export const metadata = { title: 'Tokens' };

export default async function TokensPage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const [{ tokens }, me, query] = await Promise.all([read('GET /me/tokens'), read('GET /me'), searchParams]);
  const active = me.connections.filter(({ status }) => status === 'active');
  const create = (
    <NewToken
      endpoint={`${env().GATEHOUSE_URL}/mcp`}
      connections={active.map((connection) => [connection.id, connectionName(connection)] as const)}
      tools={myTools(me.tools)}
      openAtFirst={query.new !== undefined}
    />
  );
  return (
    <>
      <PageHeader
        title="Agent tokens"
        description="One for each agent or script. A token acts as you, through one Asana connection, with at most your tools."
        // Always in the same place: a dialog that moved with the first token would vanish, and the token with it.
        actions={create}
      />
      {tokens.length > 0 ? (
        // oxlint-disable-next-line react-hooks/purity -- a server component runs once per request
        <TokensTable tokens={tokens} connections={me.connections} now={Date.now()} />
      ) : (
        <div className="border-line bg-surface rounded-box border">
          <EmptyState icon={<KeyRound />} title="Create your first agent token">
            Put it into an agent, a script or an MCP client as its bearer. It is shown once; you can revoke it
            here at any time, and it stops working at the very next call.
          </EmptyState>
        </div>
      )}
    </>
  );
}
