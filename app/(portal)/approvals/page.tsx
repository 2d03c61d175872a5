// Calls of agents that wait for a person: those to decide about, those of one's own agents, and what became of the others.
import Stamp from 'lucide-react/icons/stamp';
import { ApprovalCard } from '@/components/approvals/approval-card';
import { LiveInbox } from '@/components/approvals/live-inbox';
import { approvalStates, keyOf, type Approval } from '@/components/approvals/words';
import { count } from '@/components/tools/words';
import { Badge } from '@/components/ui/badge';
import { EmptyState } from '@/components/ui/empty-state';
import { PageHeader } from '@/components/ui/page-header';
import { RelativeTime } from '@/components/ui/relative-time';
import { Section } from '@/components/ui/section';
import { Cell, Row, RowHeader, Table, TableBody, TableHead } from '@/components/ui/table';
import { read, requireMember } from '@/lib/portal/read';

export const metadata = { title: 'Approvals' };

export default async function ApprovalsPage() {
  const { role } = await requireMember();
  const [{ approvals: open }, { approvals: closed }] = await Promise.all([
    read('GET /approvals', { query: { state: 'open' } }),
    read('GET /approvals', { query: { state: 'closed' } }),
  ]);
  const mine = open.filter(({ canDecide }) => canDecide);
  const others = open.filter(({ canDecide }) => !canDecide);
  return (
    <>
      <PageHeader
        title="Approvals"
        description="Calls of agents that wait: nothing is sent to Asana until a person says yes to exactly this call."
      />
      <LiveInbox shown={keyOf(open)} />
      <div className="flex flex-col gap-5">
        <Section title="For you to decide" description={mine.length > 0 && count(mine.length, 'call')} flush>
          {mine.length === 0 ? (
            <EmptyState icon={<Stamp />} title="Nothing waits for you">
              {role === 'admin'
                ? 'Which tools wait, and for whom, is said on each group\u2019s page, under \u201cApprovals\u201d. Calls come here by themselves.'
                : 'When an agent calls a tool that you approve, the call comes here by itself.'}
            </EmptyState>
          ) : (
            <ul className="divide-line divide-y">
              {mine.map((approval) => (
                <ApprovalCard key={approval.id} approval={approval} />
              ))}
            </ul>
          )}
        </Section>
        {others.length > 0 && (
          <Section title="Your agents wait" description={count(others.length, 'call')} flush>
            <ul className="divide-line divide-y">
              {others.map((approval) => (
                <ApprovalCard key={approval.id} approval={approval} />
              ))}
            </ul>
          </Section>
        )}
        {closed.length > 0 && (
          <Section title="Decided and over" flush>
            <Closed approvals={closed} />
          </Section>
        )}
      </div>
    </>
  );
}

function Closed({ approvals }: { approvals: readonly Approval[] }) {
  return (
    <Table label="Decided and over" widths={['w-[26%]', 'w-[24%]', 'w-48', '', 'w-36']}>
      <TableHead columns={['Tool', 'Agent', 'State', 'Answer', 'When']} />
      <TableBody>
        {approvals.map(
          ({ id, tool, member, agent, state, answer, decidedBy, decidedAt, expiresAt, usedAt }) => (
            <Row key={id}>
              <RowHeader>
                <code className="font-mono text-xs [overflow-wrap:anywhere]">{tool}</code>
              </RowHeader>
              <Cell label="Agent">
                <span className="block [overflow-wrap:anywhere]">{member.name}</span>
                <span className="text-ink-3 block text-xs [overflow-wrap:anywhere]">{agent}</span>
              </Cell>
              <Cell label="State">
                <Badge tone={approvalStates[state].tone}>{approvalStates[state].text}</Badge>
              </Cell>
              <Cell label="Answer">
                {answer === null ? (
                  <span className="text-ink-3">none</span>
                ) : (
                  <span className="text-ink-2 block [overflow-wrap:anywhere]">{answer}</span>
                )}
              </Cell>
              <Cell label="When">
                <RelativeTime iso={usedAt ?? decidedAt ?? expiresAt} />
                {decidedBy && (
                  <span className="text-ink-3 block text-xs [overflow-wrap:anywhere]">{decidedBy}</span>
                )}
              </Cell>
            </Row>
          ),
        )}
      </TableBody>
    </Table>
  );
}
