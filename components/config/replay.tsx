// What a draft of the policy would have done to the calls of the last days, and which policy tests it would break, before anything is saved.
'use client';
import Link from 'next/link';
import { useEffect, useState, type ReactNode } from 'react';
import { DENIALS } from '@/lib/policy/policy';
import type { OperationAnswer, OperationInput } from '@/lib/portal/operations';
import { ApiProblem, call } from '../api';
import { count } from '../tools/words';
import { Callout } from '../ui/callout';
import { Disclosure } from '../ui/disclosure';
import { RelativeTime } from '../ui/relative-time';
import { ScrollArea } from '../ui/scroll-area';
import { Segments } from '../ui/segments';
import { Skeleton } from '../ui/skeleton';
import { Cell, Row, RowHeader, Table, TableBody, TableHead } from '../ui/table';
import { failureWords } from './words';

export type Replay = OperationAnswer<'POST /policy/replay'>;
type Draft = NonNullable<OperationInput<'POST /policy/replay'>['body']>['draft'];

const spans = [
  ['1', '1 day'],
  ['7', '7 days'],
  ['30', '30 days'],
] as const;
type Span = (typeof spans)[number][0];

/** Mount it anew (by `key`) for another draft. */
export function ReplayOfDraft({ draft }: { draft: Draft }) {
  const [span, setSpan] = useState<Span>('7');
  const { replay, fault } = useReplay(draft, Number(span));
  return (
    <section aria-label="Replay" className="border-line rounded-box flex flex-col gap-2 border p-3">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h3 className="text-sm font-medium">If this had been the policy over the last</h3>
        <Segments label="How far back" value={span} options={spans} onChange={setSpan} />
      </div>
      {fault ? (
        <Callout tone="warn" live title="The audit could not be replayed">
          {fault.detail ?? fault.title}
        </Callout>
      ) : (
        <>
          <p aria-live="polite" className="text-sm">
            {replay ? sentence(replay) : <Skeleton className="h-5 w-2/3" />}
          </p>
          {replay && <Lines replay={replay} />}
        </>
      )}
      {replay && replay.broken.length > 0 && (
        <Callout
          tone="danger"
          live
          title={`${count(replay.broken.length, 'policy test')} would fail, so this can’t be saved`}
        >
          <ul>
            {replay.broken.map((test) => (
              <li key={test.id}>{failureWords(test)}</li>
            ))}
          </ul>
          <Link href="/admin/policy-tests" className="text-accent underline">
            Policy tests
          </Link>
        </Callout>
      )}
    </section>
  );
}

function useReplay(draft: Draft, days: number) {
  const [heard, setHeard] = useState<{ days: number; replay: Replay | null; fault: ApiProblem | null }>();
  useEffect(() => {
    let gone = false;
    const hear = (replay: Replay | null, fault: ApiProblem | null) =>
      gone || setHeard({ days, replay, fault });
    call('POST /policy/replay', { body: { days, draft } }).then(
      (replay) => hear(replay, null),
      (error: unknown) => {
        if (error instanceof ApiProblem) hear(null, error);
      },
    );
    return () => {
      gone = true;
    };
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- mounted for one draft
  }, [days]);
  return heard?.days === days ? heard : { replay: null, fault: null };
}

function sentence({ calls, refused, allowed, unjudged }: Replay): ReactNode {
  if (calls === 0) return 'No agent called a tool in that time, so there is nothing to compare.';
  const side = (part: Replay['refused']) =>
    `${count(part.calls, 'call')} of ${count(part.people, 'person', 'people')}`;
  const parts = [
    refused.calls > 0 &&
      `it would have refused ${side(refused)} that ${refused.calls === 1 ? 'is' : 'are'} let through now`,
    allowed.calls > 0 &&
      `would have let through ${side(allowed)} that ${allowed.calls === 1 ? 'is' : 'are'} refused now`,
  ].filter((part) => part !== false);
  const told =
    parts.length === 0
      ? 'Nothing would have been decided otherwise'
      : parts
          .join(' and ')
          .replace(/^would/, 'it would')
          .replace(/^i/, 'I');
  return (
    <>
      <span className="font-medium">{told}.</span>{' '}
      <span className="text-ink-2">
        {count(calls, 'call')} looked at.
        {unjudged.calls > 0 &&
          ` Of ${unjudged.calls.toLocaleString('en')} nobody can tell: rules on arguments decide there, and the arguments were not kept, or only Asana knows where those things are.`}
      </span>
    </>
  );
}

function Lines({ replay: { refused, allowed, from } }: { replay: Replay }) {
  const lines = [
    ...refused.lines.map((line) => ({ ...line, verdict: 'Refused' })),
    ...allowed.lines.map((line) => ({ ...line, verdict: 'Let through' })),
  ];
  if (lines.length === 0) return null;
  return (
    <Disclosure summary="Show them">
      <ScrollArea label="Calls" className="border-line rounded-box max-h-72 border">
        <Table label="Calls that would be decided otherwise">
          <TableHead columns={['Person', 'Tool', 'Then', 'Calls', 'Last']} />
          <TableBody>
            {lines.map(({ member, tool, calls, lastAt, reason, verdict }) => (
              <Row key={`${verdict} ${member.email} ${tool} ${reason}`}>
                <RowHeader>
                  <span className="block text-sm [overflow-wrap:anywhere]">{member.name}</span>
                  <span className="text-ink-3 block text-xs [overflow-wrap:anywhere]">{member.email}</span>
                </RowHeader>
                <Cell label="Tool">
                  <code className="font-mono text-xs [overflow-wrap:anywhere]">{tool}</code>
                </Cell>
                <Cell label="Then">
                  <span title={DENIALS[reason]}>{verdict}</span>
                </Cell>
                <Cell label="Calls">
                  <Link
                    href={`/admin/audit?${new URLSearchParams({ member: member.email, tool, kind: 'call', from })}`}
                    target="_blank"
                    className="text-accent tabular-nums hover:underline"
                    aria-label={`${count(calls, 'call')} of ${member.email} with ${tool}, in the audit (new tab)`}
                  >
                    {calls.toLocaleString('en')}
                  </Link>
                </Cell>
                <Cell label="Last">
                  <RelativeTime iso={lastAt} />
                </Cell>
              </Row>
            ))}
          </TableBody>
        </Table>
      </ScrollArea>
    </Disclosure>
  );
}
