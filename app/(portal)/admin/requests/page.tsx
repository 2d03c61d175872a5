// Requests for tools: the open ones to be decided, then what was decided.
import Inbox from 'lucide-react/icons/inbox';
import { acceptOptions } from '@/components/requests/accept-options';
import { RequestCard } from '@/components/requests/request-card';
import { requestStates, type OpenRequest } from '@/components/requests/words';
import { count } from '@/components/tools/words';
import { Badge } from '@/components/ui/badge';
import { EmptyState } from '@/components/ui/empty-state';
import { PageHeader } from '@/components/ui/page-header';
import { RelativeTime } from '@/components/ui/relative-time';
import { Section } from '@/components/ui/section';
import { Cell, Row, RowHeader, Table, TableBody, TableHead } from '@/components/ui/table';
import { read, requireRole } from '@/lib/portal/read';

export const metadata = { title: 'Requests' };

export default async function RequestsPage() {
  await requireRole('admin');
  const [{ requests: open }, { requests: closed }, { groups }] = await Promise.all([
    read('GET /tool-requests', { query: { status: 'open' } }),
    read('GET /tool-requests', { query: { status: 'closed' } }),
    read('GET /groups'),
  ]);
  return (
    <>
      <PageHeader title="Requests" description="Tools that people asked for, each with a reason." />
      <div className="flex flex-col gap-5">
        <Section title="Open" description={open.length > 0 && count(open.length, 'request')} flush>
          {open.length === 0 ? (
            <EmptyState icon={<Inbox />} title="Nothing waits for you">
              When an agent is refused a tool, its owner can ask for it under “Ask”; the request comes here
              with the reason.
            </EmptyState>
          ) : (
            <ul className="divide-line divide-y">
              {open.map((request) => (
                <RequestCard key={request.id} request={request} options={acceptOptions(request, groups)} />
              ))}
            </ul>
          )}
        </Section>
        {closed.length > 0 && (
          <Section title="Closed" flush>
            <Closed requests={closed} groupNames={new Map(groups.map(({ slug, name }) => [slug, name]))} />
          </Section>
        )}
      </div>
    </>
  );
}

function Closed({
  requests,
  groupNames,
}: {
  requests: readonly OpenRequest[];
  groupNames: ReadonlyMap<string, string>;
}) {
  return (
    <Table label="Closed requests" widths={['w-[28%]', 'w-[24%]', 'w-28', '', 'w-36']}>
      <TableHead columns={['Tool', 'Person', 'State', 'Reason and answer', 'Decided']} />
      <TableBody>
        {requests.map(
          ({ id, tool, member, status, reason, answer, group, decidedBy, decidedAt, createdAt }) => (
            <Row key={id}>
              <RowHeader>
                <code className="font-mono text-xs [overflow-wrap:anywhere]">{tool}</code>
              </RowHeader>
              <Cell label="Person">
                <span className="[overflow-wrap:anywhere]">{member.name}</span>
              </Cell>
              <Cell label="State">
                <Badge tone={requestStates[status].tone}>{requestStates[status].text}</Badge>
              </Cell>
              <Cell label="Why">
                <span className="text-ink-2 block [overflow-wrap:anywhere]">{reason}</span>
                {group && <span className="block">Through {groupNames.get(group) ?? group}.</span>}
                {answer && <span className="block [overflow-wrap:anywhere]">Answer: {answer}</span>}
              </Cell>
              <Cell label="Decided">
                <RelativeTime iso={decidedAt ?? createdAt} />
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
