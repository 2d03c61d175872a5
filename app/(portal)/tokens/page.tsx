// My agents: the tokens I minted and the clients I allowed; mint, see, end.
import KeyRound from 'lucide-react/icons/key-round';
import { MyGrants } from '@/components/clients/my-grants';
import { connectionName } from '@/components/connections/connection-state';
import { NewToken } from '@/components/tokens/new-token';
import { TokensTable } from '@/components/tokens/tokens-table';
import { lineOfMine } from '@/components/tokens/line-of-mine';
import { EmptyState } from '@/components/ui/empty-state';
import { PageHeader } from '@/components/ui/page-header';
import { MyReadOnlyAgents } from '@/components/write-safety/read-only-agents';
import { env } from '@/lib/env';
import { read } from '@/lib/portal/read';

export const metadata = { title: 'Agents' };

export default async function TokensPage() {
  const [{ tokens }, { grants }, me, { budgets }] = await Promise.all([
    read('GET /me/tokens'),
    read('GET /me/grants'),
    read('GET /me'),
    read('GET /me/budgets'),
  ]);
  const active = me.connections.filter(({ status }) => status === 'active');
  const create = (
    <NewToken
      endpoint={`${env().GATEHOUSE_URL}/mcp`}
      connections={active.map((connection) => [connection.id, connectionName(connection)] as const)}
      tools={me.toolDetails.map(lineOfMine)}
    />
  );
  return (
    <>
      <PageHeader
        title="Agents"
        description="What may act as you: agent tokens for scripts and frameworks, and clients that you signed in and allowed."
        // Always in the same place: a dialog that moved with the first token would vanish, and the token with it.
        actions={create}
      />
      <MyReadOnlyAgents budgets={budgets} />
      <div className="flex flex-col gap-5">
        {tokens.length > 0 ? (
          // oxlint-disable-next-line react-hooks/purity -- a server component runs once per request
          <TokensTable tokens={tokens} connections={me.connections} now={Date.now()} />
        ) : (
          <div className="border-line bg-surface rounded-box border">
            <EmptyState icon={<KeyRound />} title="Create your first agent token">
              Put it into an agent, a script or an MCP client as its bearer. It is shown once; you can revoke
              it here at any time, and it stops working at the very next call.
            </EmptyState>
          </div>
        )}
        <MyGrants grants={grants} connections={me.connections} />
      </div>
    </>
  );
}
