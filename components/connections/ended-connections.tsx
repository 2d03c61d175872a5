// Authorizations that ended here: whether Asana has confirmed each, or Gatehouse is still asking.
import type { OperationAnswer } from '@/lib/portal/operations';
import { Badge } from '../ui/badge';
import { RelativeTime } from '../ui/relative-time';
import { Section } from '../ui/section';
import { Cell, Row, RowHeader, Table, TableBody, TableHead } from '../ui/table';

type Revocation = OperationAnswer<'GET /me/revocations'>['revocations'][number];

/** Nothing where none ended lately. */
export function EndedConnections({
  revocations,
  className,
}: {
  revocations: readonly Revocation[];
  className?: string;
}) {
  if (revocations.length === 0) return null;
  return (
    <Section
      flush
      className={className}
      title="Connections ended lately"
      description="Nothing here uses these any more. Asana is asked until it confirms that it has ended them too."
    >
      <Table label="Ended authorizations">
        <TableHead columns={['Ended', 'At Asana', 'Asked']} />
        <TableBody>
          {revocations.map(({ endedAt, revocation, confirmedAt, attempts }) => (
            <Row key={`${endedAt}${attempts}`}>
              <RowHeader>
                <RelativeTime iso={endedAt} />
              </RowHeader>
              <Cell label="At Asana">
                {revocation === 'confirmed' ? (
                  <span className="inline-flex flex-wrap items-center gap-1.5">
                    <Badge tone="success">Confirmed</Badge> <RelativeTime iso={confirmedAt!} />
                  </span>
                ) : (
                  <Badge tone="warn">Waiting</Badge>
                )}
              </Cell>
              <Cell label="Asked">
                {attempts === 0 ? 'Not yet' : attempts === 1 ? 'Once' : `${attempts} times`}
              </Cell>
            </Row>
          ))}
        </TableBody>
      </Table>
    </Section>
  );
}
