// The organization's policy tests, failing ones first: what must, or must not, be allowed, and whether the policy says so.
import ListChecks from 'lucide-react/icons/list-checks';
import { ConfirmEnd } from '../confirm-end';
import { count } from '../tools/words';
import { Badge } from '../ui/badge';
import { EmptyState } from '../ui/empty-state';
import { RelativeTime } from '../ui/relative-time';
import { Section } from '../ui/section';
import { ActionsCell, Cell, Row, RowHeader, Table, TableBody, TableHead } from '../ui/table';
import { NewPolicyTest } from './new-policy-test';
import type { PolicyTest } from './words';

/** `groups` and `tools` are to pick from; null (auditors): nothing can be changed. */
export function PolicyTests({
  tests,
  editing,
}: {
  tests: readonly PolicyTest[];
  editing: { groups: readonly { slug: string; name: string }[]; tools: readonly string[] } | null;
}) {
  const failing = tests.filter(({ result }) => !result.passed);
  const sorted = [...failing, ...tests.filter(({ result }) => result.passed)];
  return (
    <Section
      flush
      title="Tests"
      description={
        tests.length === 0
          ? 'Sentences that stay true, whoever edits the policy.'
          : failing.length === 0
            ? `${tests.length === 1 ? 'It passes' : `All ${tests.length} pass`}. No save may break one.`
            : `${count(failing.length, 'test')} of ${tests.length} ${failing.length === 1 ? 'fails' : 'fail'} now. No save may break another.`
      }
      // Always in the same place: a dialog that moved with the first test would vanish.
      actions={editing && <NewPolicyTest {...editing} />}
    >
      {tests.length === 0 ? (
        <EmptyState icon={<ListChecks />} title="No policy tests yet">
          Write down what must never happen (“somebody in Interns alone may not call delete_task”) and what
          must keep working. A save that would break it is refused, in the portal and through the API, and
          says which test and why.
        </EmptyState>
      ) : (
        <Table label="Policy tests">
          <TableHead columns={['Test', 'Now', 'Added', ...(editing ? [{ hidden: 'Actions' }] : [])]} />
          <TableBody>
            {sorted.map((test) => (
              <Line key={test.id} test={test} canEnd={editing !== null} />
            ))}
          </TableBody>
        </Table>
      )}
    </Section>
  );
}

function Line({ test, canEnd }: { test: PolicyTest; canEnd: boolean }) {
  const { id, member, groups, tool, may, because, words, result, createdBy, createdAt } = test;
  return (
    <Row>
      <RowHeader className="max-md:pr-20">
        <span className="block text-sm [overflow-wrap:anywhere]">
          {member ?? `Somebody in ${groups.join(' and ')} alone`}{' '}
          <strong className="font-semibold">{may ? 'may' : 'may not'}</strong> call{' '}
          <code className="font-mono text-xs">{tool}</code>
        </span>
        {test.arguments !== null && (
          <code className="text-ink-3 block font-mono text-xs [overflow-wrap:anywhere]">
            with {JSON.stringify(test.arguments)}
          </code>
        )}
        {because !== null && (
          <span className="text-ink-3 block text-xs font-normal [overflow-wrap:anywhere]">{because}</span>
        )}
      </RowHeader>
      <Cell label="Now">
        <Badge tone={result.passed ? 'success' : 'danger'}>{result.passed ? 'Passes' : 'Fails'}</Badge>
        {!result.passed && (
          <span className="text-ink-2 mt-1 block text-xs [overflow-wrap:anywhere]">{result.sentence}</span>
        )}
      </Cell>
      <Cell label="Added">
        <RelativeTime iso={createdAt} />
        <span className="text-ink-3 block text-xs [overflow-wrap:anywhere]">{createdBy}</span>
      </Cell>
      {canEnd && (
        <ActionsCell>
          <ConfirmEnd
            operation="DELETE /policy-tests/{id}"
            input={{ path: { id } }}
            text="Delete"
            label={`Delete: ${words}`}
            title="Delete this policy test?"
            confirm="Delete test"
            done="Policy test deleted"
            about={words}
          >
            “{words}”: from then on any admin may change that without being told. Nobody’s access changes now.
          </ConfirmEnd>
        </ActionsCell>
      )}
    </Row>
  );
}
