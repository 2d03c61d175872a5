// All tools that wait for a decision, several of which are decided at once: chosen first, read again in one question, then done together.
'use client';
import { useState, type ReactNode } from 'react';
import { call } from '../api';
import { Problem } from '../problem';
import { count } from '../tools/words';
import { AlertDialog } from '../ui/alert-dialog';
import { Button } from '../ui/button';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';
import { ReviewCard, type Choice } from './review-card';
import { groupsOf, type Decision, type ReviewLine } from './words';

const VERBS: Record<Decision, string> = { accept: 'Accept', keep: 'Keep closed', block: 'Block' };

export interface BoardItem {
  review: ReviewLine;
  /** Both definitions, made on the server. */
  definitions: ReactNode;
}

/** `mayStay`: the organization lets changed tools stay. */
export function ReviewBoard({
  items,
  mayDecide,
  mayStay,
}: {
  items: readonly BoardItem[];
  mayDecide: boolean;
  mayStay: boolean;
}) {
  const [choices, setChoices] = useState<ReadonlyMap<string, Choice>>(new Map());
  const [asking, setAsking] = useState(false);
  const { pending, problem, run, reset } = useCall();
  const chosen = items.flatMap(({ review }) => {
    const choice = choices.get(review.name);
    return choice ? [{ review, ...choice }] : [];
  });

  function choose(name: string, choice: Choice | null) {
    const next = new Map(choices);
    if (choice) next.set(name, choice);
    else next.delete(name);
    setChoices(next);
  }

  /** For those that nothing is chosen for yet. */
  function chooseRest(decision: Decision, which: (review: ReviewLine) => boolean) {
    const rest = items.filter(({ review }) => !choices.has(review.name) && which(review));
    setChoices(
      new Map([...choices, ...rest.map(({ review }) => [review.name, { decision, carry: false }] as const)]),
    );
  }

  async function decide() {
    const decisions = chosen.map(({ review, decision, carry }) => ({
      ...{ name: review.name, decision, fingerprint: review.fingerprint },
      ...(carry && decision === 'accept' && review.successorOf
        ? { carryGroupsFrom: review.successorOf.name }
        : {}),
    }));
    if (!(await run(() => call('POST /tools/review', { body: { decisions } })))) return;
    setAsking(false);
    setChoices(new Map());
    toast('Decided', count(decisions.length, 'tool'));
  }

  const unmarked = items.filter(
    ({ review }) => review.status !== 'missing' && review.dangers.length === 0 && !choices.has(review.name),
  );
  return (
    <>
      {mayDecide && items.length > 1 && (
        <div className="mb-4 flex flex-wrap gap-2">
          {unmarked.length > 0 && (
            <Button
              size="sm"
              onClick={() =>
                chooseRest('accept', ({ status, dangers }) => status !== 'missing' && dangers.length === 0)
              }
            >
              Accept the {unmarked.length.toLocaleString('en')} without marks
            </Button>
          )}
          <Button size="sm" onClick={() => chooseRest('keep', ({ kept }) => !kept)}>
            Keep the rest closed
          </Button>
        </div>
      )}
      <div className="flex flex-col gap-5">
        {items.map(({ review, definitions }) => (
          <ReviewCard
            key={review.name}
            review={review}
            mayStay={mayStay}
            choice={choices.get(review.name) ?? null}
            onChoose={mayDecide ? (choice) => choose(review.name, choice) : undefined}
          >
            {definitions}
          </ReviewCard>
        ))}
      </div>
      {chosen.length > 0 && (
        <section
          aria-label="Decisions that are not saved"
          className="bg-raised shadow-raised rounded-box sticky bottom-3 z-10 mt-4 flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-2.5"
        >
          <p className="min-w-0 flex-1 basis-56 text-sm">
            <span className="font-semibold">{count(chosen.length, 'decision')}</span>{' '}
            <span className="text-ink-3">not saved; nothing has changed for anybody yet.</span>
          </p>
          <div className="flex gap-2">
            <Button onClick={() => setChoices(new Map())}>Discard</Button>
            <Button
              variant="primary"
              onClick={() => {
                reset();
                setAsking(true);
              }}
            >
              Decide
            </Button>
          </div>
        </section>
      )}
      <AlertDialog
        open={asking}
        onOpenChange={setAsking}
        title={`Decide ${count(chosen.length, 'tool')}?`}
        confirm={`Decide ${count(chosen.length, 'tool')}`}
        danger={false}
        pending={pending}
        problem={<Problem problem={problem} />}
        onConfirm={decide}
      >
        <ul className="flex flex-col gap-1">
          {chosen.map(({ review, decision, carry }) => (
            <li key={review.name}>
              {VERBS[decision]} <code className="font-mono text-xs">{review.name}</code>
              {decision === 'accept' && opensFor(review, carry)}
            </li>
          ))}
        </ul>
        <p className="mt-2">It is in force from the next call on, for everybody at once.</p>
      </AlertDialog>
    </>
  );
}

function opensFor(review: ReviewLine, carry: boolean): string {
  const names = groupsOf(review, carry);
  const marks = review.dangers.length > 0 ? ` with ${count(review.dangers.length, 'mark')}` : '';
  return `${marks}, which opens it for ${names.length === 0 ? 'nobody yet' : names.join(', ')}`;
}
