// The employee's home: is my connection well, what may my agents do, how do I use it. For admins also the first run and what waits.
import type { AuditRecord } from '@/components/audit/words';
import { connectionName } from '@/components/connections/connection-state';
import { AgentTools } from '@/components/home/agent-tools';
import { ConnectionCards } from '@/components/home/connection-cards';
import { FirstRun } from '@/components/home/first-run';
import { firstStep } from '@/components/home/first-steps';
import { LatestCalls } from '@/components/home/latest-calls';
import { MyAgents } from '@/components/home/my-agents';
import { NextStep } from '@/components/home/next-step';
import { Numbers } from '@/components/home/numbers';
import { homeState, stateWords } from '@/components/home/state';
import { UseItIn } from '@/components/home/use-it-in';
import { WaitsForAdmin } from '@/components/home/waits-for-admin';
import { ButtonLink } from '@/components/ui/button';
import { CopyField } from '@/components/ui/copy-field';
import { PageHeader } from '@/components/ui/page-header';
import { Section } from '@/components/ui/section';
import { MyReadOnlyAgents, ReadOnlyAgentsNotice } from '@/components/write-safety/read-only-agents';
import { env } from '@/lib/env';
import { read, requireMember } from '@/lib/portal/read';

export const metadata = { title: 'Home' };

/** Enough records to find the latest calls among changes. */
const RECORDS = 30;

export default async function HomePage() {
  const { role } = await requireMember();
  const admin = role === 'admin';
  const [me, own, allowed, activity, firstRun, mine, all] = await Promise.all([
    read('GET /me'),
    read('GET /me/tokens'),
    read('GET /me/grants'),
    read('GET /me/activity', { query: { limit: RECORDS } }),
    admin ? read('GET /first-run') : null,
    read('GET /me/budgets'),
    admin ? read('GET /budgets') : null,
  ]);
  const { connections, toolDetails, groups } = me;
  // oxlint-disable-next-line react-hooks/purity -- a server component runs once per request
  const now = Date.now();
  const tokens = own.tokens.filter(({ expiresAt }) => expiresAt === null || Date.parse(expiresAt) > now);
  const grants = allowed.grants.filter(({ ended }) => ended === null);
  const agents = [...tokens, ...grants];
  const calls = activity.records.filter(isOfAgent);
  const state = homeState({ ...me, tools: toolDetails.length, agents: agents.length });
  // Without the app nobody can connect: the first steps lead, nothing else.
  const fresh = admin && state === 'no_app';
  const step = firstRun && !firstRun.hidden ? firstRun.steps.find(({ done }) => !done) : undefined;
  const led = step !== undefined && firstStep(step.id, { connected: true }).action !== null;
  const words = stateWords[state];
  const endpoint = `${env().GATEHOUSE_URL}/mcp`;
  const choices = connections
    .filter(({ status }) => status === 'active')
    .map((connection) => [connection.id, connectionName(connection)] as const);
  return (
    <>
      <PageHeader
        title={fresh ? 'Welcome to Gatehouse' : words.title}
        description={
          fresh
            ? 'A few steps to the first call of an agent. Each says what to do and leads there.'
            : (words.next ??
              `Through ${list(groups.map(({ name }) => name))} at ${me.member.organization.name}.`)
        }
        actions={!fresh && <NextStep {...{ state, connections, admin, led }} />}
      />
      {firstRun && !firstRun.hidden && <FirstRun given={firstRun} endpoint={endpoint} />}
      {firstRun && <WaitsForAdmin {...firstRun} />}
      {all && <ReadOnlyAgentsNotice budgets={all.budgets} />}
      <MyReadOnlyAgents budgets={mine.budgets} />
      {connections.length > 0 && (
        <Numbers connections={connections} tools={toolDetails} agents={agents} lastCall={calls[0]} />
      )}
      {!fresh && (
        <div
          className={
            agents.length + calls.length + connections.length > 1 || state === 'needs_reconnect'
              ? 'grid items-start gap-5 xl:grid-cols-[minmax(0,1fr)_22rem]'
              : ''
          }
        >
          <div className="flex min-w-0 flex-col gap-5">
            <Section
              title={agents.length > 0 ? 'Use it in another agent' : 'Use it in'}
              description="This one address is all an agent or MCP client needs to know."
            >
              <CopyField value={endpoint} what="endpoint" />
              <div className="mt-3">
                <UseItIn endpoint={endpoint} connections={choices} folded={agents.length > 0} />
              </div>
            </Section>
            <Section
              flush
              id="tools"
              title="What my agents may do"
              description={
                toolDetails.length > 0 ? 'They see these tools of Asana’s and no others.' : undefined
              }
              actions={
                toolDetails.length > 0 && (
                  <ButtonLink href="/explain" size="sm">
                    Ask for more
                  </ButtonLink>
                )
              }
            >
              <AgentTools tools={toolDetails} mayHelpThemselves={admin} />
            </Section>
          </div>
          <div className="flex min-w-0 flex-col gap-5">
            <ConnectionCards connections={connections} />
            <MyAgents tokens={tokens} grants={grants} />
            <LatestCalls calls={calls} />
          </div>
        </div>
      )}
    </>
  );
}

/** What an agent wanted: not the greetings of the protocol, nor what Gatehouse itself asks Asana. */
function isOfAgent({ kind, credential, tool, method, decision }: AuditRecord): boolean {
  if (kind !== 'call' || credential.kind === 'system') return false;
  return tool !== undefined || decision === 'deny' || method === 'tools/list';
}

function list(names: readonly string[]): string {
  return new Intl.ListFormat('en-GB', { type: 'conjunction' }).format(names);
}
