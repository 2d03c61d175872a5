// The verdict, the checks it came from with who put them so, the person's groups, and what to do.
import CircleCheck from 'lucide-react/icons/circle-check';
import CircleMinus from 'lucide-react/icons/circle-minus';
import CircleX from 'lucide-react/icons/circle-x';
import Link from 'next/link';
import type { ReactNode } from 'react';
import { ClassBadge } from '../tools/tool-badges';
import { ButtonLink } from '../ui/button';
import { Callout } from '../ui/callout';
import { EmptyState } from '../ui/empty-state';
import { RelativeTime } from '../ui/relative-time';
import { Section } from '../ui/section';
import { Cell, Row, RowHeader, Table, TableBody, TableHead } from '../ui/table';
import { cellAddress } from '../matrix/model';
import { remediesFor, type Explanation } from './remedies';

const titles: Record<Explanation['checks'][number]['id'], string> = {
  catalogue: 'In the catalogue',
  blocked: 'Not blocked',
  review: 'Reviewed',
  groups: 'Given by a group',
  token: 'Within the token',
};

/** `admin` links to what can be changed, `audit` to the records (admins and auditors); `own` is what a person sees of themselves. */
export function ExplanationView({
  explanation,
  admin,
  audit,
  own = null,
}: {
  explanation: Explanation;
  admin: boolean;
  audit: boolean;
  /** Shown as the next step in place of an admin's. */
  own?: ReactNode;
}) {
  const { allowed, sentence, checks, tool, groups, toolName, record } = explanation;
  return (
    <div className="flex flex-col gap-5">
      <Callout tone={allowed ? 'success' : 'danger'} title={allowed ? 'Allowed' : 'Denied'}>
        <span className="text-ink text-base">{sentence}</span>
        {tool && (
          <span className="mt-1.5 flex flex-wrap items-center gap-2">
            <code className="font-mono text-xs">{tool.name}</code>
            <ClassBadge toolClass={tool.class} />
            {tool.title}
          </span>
        )}
      </Callout>
      {record && <RecordNote record={record} />}
      <div className="grid items-start gap-5 xl:grid-cols-[minmax(0,1fr)_24rem]">
        <div className="flex min-w-0 flex-col gap-5">
          {checks.length > 0 && (
            <Section title="The checks" description="In the order in which the gate asks; all must pass.">
              <Checks checks={checks} audit={audit} />
            </Section>
          )}
          {tool && (
            <Section title={own ? 'Your groups' : `${explanation.member.name}’s groups`} flush>
              <Groups {...{ groups, toolName, admin, audit }} own={own !== null} />
            </Section>
          )}
        </div>
        {own ?? <NextSteps explanation={explanation} admin={admin} />}
      </div>
    </div>
  );
}

function RecordNote({ record }: { record: NonNullable<Explanation['record']> }) {
  const then = record.decision === 'allow' ? 'allowed' : 'denied';
  return (
    <p className="text-ink-2 text-sm">
      The{' '}
      <Link href={`/admin/audit/${record.id}`} className="text-accent underline">
        call on record
      </Link>{' '}
      was {then} <RelativeTime iso={record.at} />.{' '}
      {record.now === 'same'
        ? 'It would be decided the same way now.'
        : 'Something has changed since: it would be decided the other way now, which is what stands below.'}
    </p>
  );
}

function Checks({ checks, audit }: { checks: Explanation['checks']; audit: boolean }) {
  return (
    <ol className="flex flex-col">
      {checks.map(({ id, passed, message, change }) => {
        const { Icon, ink, word } = passed === null ? looks.none : passed ? looks.passed : looks.failed;
        return (
          <li key={id} className="border-line flex gap-3 border-b py-2.5 text-sm last:border-b-0">
            <Icon aria-hidden="true" className={`mt-0.5 size-4 shrink-0 ${ink}`} />
            <div className="min-w-0 flex-1 [overflow-wrap:anywhere]">
              <p>
                <span className="font-medium">{titles[id]}</span> <span className={ink}>{word}</span>
              </p>
              <p className="text-ink-2">{message}</p>
              <ChangeNote change={change} audit={audit} />
            </div>
          </li>
        );
      })}
    </ol>
  );
}

const looks = {
  passed: { Icon: CircleCheck, ink: 'text-success', word: 'passed' },
  failed: { Icon: CircleX, ink: 'text-danger', word: 'failed' },
  none: { Icon: CircleMinus, ink: 'text-ink-3', word: 'does not apply' },
} as const;

/** Who put it so, and when. */
function ChangeNote({ change, audit }: { change: Explanation['checks'][number]['change']; audit: boolean }) {
  if (!change) return null;
  return (
    <p className="text-ink-3 text-xs">
      Put so by {change.by ?? 'Gatehouse'}, <RelativeTime iso={change.at} />
      {audit && change.record && (
        <>
          {' '}
          <Link href={`/admin/audit/${change.record}`} className="text-accent underline">
            on record
          </Link>
        </>
      )}
    </p>
  );
}

function Groups({
  groups,
  toolName,
  admin,
  audit,
  own,
}: {
  groups: Explanation['groups'];
  toolName: string;
  admin: boolean;
  audit: boolean;
  own: boolean;
}) {
  if (groups.length === 0)
    return (
      <EmptyState title={own ? 'You are in no group' : 'In no group'}>
        {own
          ? 'Groups give tools. Ask your admin to add you to one.'
          : 'Groups give tools, so nothing can be called. Add the person to a group first.'}
      </EmptyState>
    );
  return (
    <Table label="Groups">
      <TableHead columns={['Group', 'Has the tool', 'Put so']} />
      <TableBody>
        {groups.map(({ slug, name, hasTool, rules, change }) => (
          <Row key={slug}>
            <RowHeader>
              {admin ? (
                <Link href={cellAddress(toolName, slug)} className="font-medium hover:underline">
                  {name}
                </Link>
              ) : (
                <span className="font-medium">{name}</span>
              )}
            </RowHeader>
            <Cell label="Has the tool">
              <span className={hasTool ? 'text-success' : 'text-ink-2'}>{hasTool ? 'yes' : 'no'}</span>
              {hasTool && rules.length > 0 && (
                <span className="text-ink-2 block text-xs [overflow-wrap:anywhere]">{rules.join(' ')}</span>
              )}
            </Cell>
            <Cell label="Put so">
              {change ? (
                <ChangeNote change={change} audit={audit} />
              ) : (
                <span className="text-ink-3">not on record</span>
              )}
            </Cell>
          </Row>
        ))}
      </TableBody>
    </Table>
  );
}

function NextSteps({ explanation, admin }: { explanation: Explanation; admin: boolean }) {
  const remedies = remediesFor(explanation);
  if (remedies.length === 0)
    return (
      <Section title="What to do">
        <p className="text-ink-2 text-sm">
          {explanation.allowed
            ? 'Nothing. If an agent still can’t call it, it may hold an old list of tools: let it ask again.'
            : explanation.tool?.status === 'missing'
              ? 'Asana no longer lists this tool, so nobody can get it. Another one may do the same.'
              : 'Nothing that an admin sets would let this call through.'}
        </p>
      </Section>
    );
  return (
    <Section title="What to do" description={admin ? undefined : 'An admin can do one of these.'}>
      <ul className="flex flex-col gap-3">
        {remedies.slice(0, 6).map(({ text, href, note }) => (
          <li key={href + text} className="text-sm">
            {admin ? (
              <ButtonLink href={href} size="sm">
                {text}
              </ButtonLink>
            ) : (
              <p className="font-medium">{text}</p>
            )}
            <p className="text-ink-3 mt-1">{note}</p>
          </li>
        ))}
      </ul>
    </Section>
  );
}
