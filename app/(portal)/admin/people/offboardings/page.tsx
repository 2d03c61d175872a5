// The receipts of everybody who was offboarded, and of the drills that rehearse it.
import Link from 'next/link';
import { RunDrill } from '@/components/people/run-drill';
import { seconds, type Receipt } from '@/components/people/receipt-words';
import { Badge } from '@/components/ui/badge';
import { EmptyState } from '@/components/ui/empty-state';
import { PageHeader } from '@/components/ui/page-header';
import { RelativeTime } from '@/components/ui/relative-time';
import { Section } from '@/components/ui/section';
import { Cell, Row, RowHeader, Table, TableBody, TableHead } from '@/components/ui/table';
import { read, requireRole } from '@/lib/portal/read';

export const metadata = { title: 'Offboardings' };

export default async function OffboardingsPage() {
  await requireRole('admin');
  const [{ offboardings }, { drills }] = await Promise.all([
    read('GET /offboardings'),
    read('GET /offboarding-drills'),
  ]);
  return (
    <>
      <PageHeader
        back={
          <Link href="/admin/people" className="text-accent hover:underline">
            People
          </Link>
        }
        title="Offboardings"
        description="What ended for whom, how fast, and whether it would today."
        actions={<RunDrill />}
      />
      <div className="flex flex-col gap-5">
        <Section title="People" flush>
          {offboardings.length === 0 ? (
            <EmptyState title="Nobody has been offboarded yet">
              Open a person under People and press Offboard: all that is theirs ends at once, and the receipt
              comes here.
            </EmptyState>
          ) : (
            <Table label="Offboarded people" widths={['', 'w-40', 'w-28', 'w-28', 'w-44']}>
              <TableHead columns={['Person', 'When', 'Portal', 'Agents', 'Asana']} />
              <TableBody>
                {offboardings.map((receipt) => (
                  <Row key={receipt.id}>
                    <RowHeader>
                      <ReceiptLink id={receipt.id}>{receipt.member.name}</ReceiptLink>
                      <span className="text-ink-3 block text-xs font-normal [overflow-wrap:anywhere]">
                        {receipt.member.email}, by {receipt.by}
                      </span>
                    </RowHeader>
                    <Cell label="When">
                      <RelativeTime iso={receipt.startedAt} />
                    </Cell>
                    <Cell label="Portal">{tookOr(receipt.portal.ms, 'Not measured')}</Cell>
                    <Cell label="Agents">{tookOr(receipt.agents.ms, 'Under way')}</Cell>
                    <Cell label="Asana">
                      <AsanaState asana={receipt.asana} />
                    </Cell>
                  </Row>
                ))}
              </TableBody>
            </Table>
          )}
        </Section>
        <Section
          title="Drills"
          description="Once a day Gatehouse offboards a synthetic member and looks whether everything of it ends within a second, in every process."
          flush
        >
          {drills.length === 0 ? (
            <EmptyState title="No drill has run yet">
              The first one comes within a day; “Run the drill now” does not wait.
            </EmptyState>
          ) : (
            <Table label="Drills" widths={['', 'w-36', 'w-36', 'w-36']}>
              <TableHead columns={['When', 'Result', 'Took', 'Processes']} />
              <TableBody>
                {drills.map(({ id, startedAt, problem, agents, isOver }) => (
                  <Row key={id}>
                    <RowHeader>
                      <ReceiptLink id={id}>
                        <RelativeTime iso={startedAt} />
                      </ReceiptLink>
                    </RowHeader>
                    <Cell label="Result">
                      <Badge tone={!isOver ? 'neutral' : problem === null ? 'success' : 'danger'}>
                        {!isOver ? 'Under way' : problem === null ? 'In time' : 'Too late'}
                      </Badge>
                    </Cell>
                    <Cell label="Took">{tookOr(agents.ms, 'Not seen')}</Cell>
                    <Cell label="Processes">{agents.processes.all.toLocaleString('en')}</Cell>
                  </Row>
                ))}
              </TableBody>
            </Table>
          )}
        </Section>
      </div>
    </>
  );
}

function ReceiptLink({ id, children }: { id: string; children: React.ReactNode }) {
  return (
    <Link href={`/admin/people/offboardings/${id}`} prefetch={false} className="font-medium hover:underline">
      {children}
    </Link>
  );
}

function AsanaState({ asana: { state, ms, attempts } }: Pick<Receipt, 'asana'>) {
  if (state === 'nothing') return <span className="text-ink-3">Nothing to end</span>;
  if (state === 'confirmed') return <>{tookOr(ms, 'Confirmed')}</>;
  return state === 'waiting' ? (
    <Badge tone="warn">{`Not confirmed, try ${attempts.toLocaleString('en')}`}</Badge>
  ) : (
    <Badge tone="danger">Can’t be revoked</Badge>
  );
}

const tookOr = (ms: number | null, otherwise: string) =>
  ms === null ? (
    <span className="text-ink-3">{otherwise}</span>
  ) : (
    <span className="tabular-nums">{seconds(ms)}</span>
  );
