// One tool that is not as it was reviewed: what is dangerous about it, whom it touches, both definitions, and the choice.
'use client';
import Link from 'next/link';
import TriangleAlert from 'lucide-react/icons/triangle-alert';
import type { ReactNode } from 'react';
import { ClassBadge, StateBadges } from '../tools/tool-badges';
import { count } from '../tools/words';
import { Badge } from '../ui/badge';
import { Callout } from '../ui/callout';
import { Checkbox } from '../ui/checkbox';
import { RadioGroup } from '../ui/radio-group';
import { RelativeTime } from '../ui/relative-time';
import { Section } from '../ui/section';
import { effectOf, finderWords, kindWords, type Decision, type ReviewLine } from './words';

export interface Choice {
  decision: Decision;
  /** Of the tool that it replaces. */
  carry: boolean;
}

/** `children`: the definitions. `onChoose` absent: to be read only. */
export function ReviewCard({
  review,
  mayStay,
  choice,
  onChoose,
  children,
}: {
  review: ReviewLine;
  mayStay: boolean;
  choice: Choice | null;
  onChoose?: (choice: Choice | null) => void;
  children: ReactNode;
}) {
  const { name, status, dangers, successorOf } = review;
  const carried = successorOf && successorOf.groups.length > 0 ? successorOf : null;
  return (
    <Section
      flush
      title={
        <span className="flex flex-wrap items-center gap-x-2 gap-y-1">
          <Link
            href={`/admin/tools/${encodeURIComponent(name)}`}
            prefetch={false}
            className="font-mono text-sm [overflow-wrap:anywhere] hover:underline"
          >
            {name}
          </Link>
          <StateBadges tool={review} />
          <Classes review={review} />
          {dangers.length > 0 && (
            <Badge
              tone={dangers.some(({ severity }) => severity === 'high') ? 'danger' : 'warn'}
              icon={<TriangleAlert aria-hidden="true" />}
            >
              {count(dangers.length, 'mark')}
            </Badge>
          )}
        </span>
      }
      description={<Facts review={review} />}
    >
      {(dangers.length > 0 || successorOf || review.successors.length > 0) && (
        <div className="border-line flex flex-col gap-2 border-b px-4 py-3">
          {dangers.length > 0 && (
            <ul aria-label={`Marks of ${name}`} className="flex flex-col gap-1 text-sm">
              {dangers.map(({ id, severity, sentence }) => (
                <li key={`${id} ${sentence}`} className="flex gap-2">
                  <TriangleAlert
                    aria-hidden="true"
                    className={`mt-0.5 size-4 shrink-0 ${severity === 'high' ? 'text-danger' : 'text-warn'}`}
                  />
                  <span className="min-w-0 [overflow-wrap:anywhere]">
                    <span className="sr-only">{severity === 'high' ? 'Dangerous: ' : 'To look at: '}</span>
                    {sentence}
                  </span>
                </li>
              ))}
            </ul>
          )}
          {successorOf && (
            <Callout>
              It seems to take the place of <code className="font-mono text-xs">{successorOf.name}</code>,
              which Asana no longer lists
              {carried ? ` and which ${namesOf(carried.groups)} had` : ''}.
            </Callout>
          )}
          {review.successors.length > 0 && (
            <Callout>
              It seems to go on as <code className="font-mono text-xs">{review.successors.join(', ')}</code>.
            </Callout>
          )}
        </div>
      )}
      {children}
      {onChoose && (
        <div className="border-line flex flex-col gap-3 border-t px-4 py-3">
          <RadioGroup
            label={`What to do with ${name}`}
            hideLabel
            name={`decision of ${name}`}
            value={choice?.decision ?? 'later'}
            onChange={(decision) =>
              onChoose(decision === 'later' ? null : { decision, carry: choice?.carry ?? false })
            }
            options={[
              { value: 'later', label: 'Decide later' },
              ...(status === 'missing'
                ? []
                : [
                    {
                      value: 'accept' as const,
                      label: 'Accept',
                      hint: effectOf('accept', review, mayStay, choice?.carry),
                    },
                  ]),
              ...(review.kept
                ? []
                : [
                    {
                      value: 'keep' as const,
                      label: status === 'missing' ? 'Put away' : 'Keep closed',
                      hint: effectOf('keep', review, mayStay),
                    },
                  ]),
              ...(review.blocked
                ? []
                : [{ value: 'block' as const, label: 'Block', hint: effectOf('block', review, mayStay) }]),
            ]}
          />
          {carried && choice?.decision === 'accept' && (
            <Checkbox
              checked={choice.carry}
              onChange={(event) => onChoose({ ...choice, carry: event.target.checked })}
              hint="Agent tokens that were narrowed to the old name stay as they are; their owners mint new ones."
            >
              Tick it for the groups of {carried.name}: {namesOf(carried.groups)}
            </Checkbox>
          )}
        </div>
      )}
    </Section>
  );
}

const namesOf = (groups: readonly { name: string }[]) => groups.map(({ name }) => name).join(', ');

function Classes({ review: { class: was, classAfter, status } }: { review: ReviewLine }) {
  if (classAfter === null || classAfter === was || status === 'new') return <ClassBadge toolClass={was} />;
  return (
    <span className="flex items-center gap-1 text-xs font-normal">
      <ClassBadge toolClass={was} /> <span aria-hidden="true">→</span>
      <span className="sr-only">now</span> <ClassBadge toolClass={classAfter} />
    </span>
  );
}

function Facts({
  review: { kinds, foundAt, foundBy, groups, people, agents, status, successorOf },
}: {
  review: ReviewLine;
}) {
  const parts = kinds
    .filter((kind) => kind !== 'renamed')
    .map((kind) => kindWords[kind])
    .join(', ');
  const what =
    status === 'changed'
      ? `Changed: ${parts}. `
      : successorOf === null
        ? ''
        : parts === ''
          ? `Only its name differs from ${successorOf.name}. `
          : `Differs from ${successorOf.name} in: ${parts}. `;
  const whom =
    groups.length === 0
      ? 'No group has it.'
      : `Touches ${count(people, 'person', 'people')} and ${count(agents, 'agent')} in ${namesOf(groups)}.`;
  return (
    <>
      {what}
      {foundAt && (
        <>
          Found <RelativeTime iso={foundAt} />
          {foundBy && ` by ${finderWords[foundBy] ?? foundBy}`}.{' '}
        </>
      )}
      {whom}
    </>
  );
}
