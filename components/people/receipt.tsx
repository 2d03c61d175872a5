// The receipt of an offboarding: a clock that runs until everything has ended, and each step with its time. It follows by itself, and can
// be opened again at any time.
'use client';
import CircleAlert from 'lucide-react/icons/circle-alert';
import CircleCheck from 'lucide-react/icons/circle-check';
import { useEffect, useState } from 'react';
import { ApiProblem, call } from '../api';
import { Callout } from '../ui/callout';
import { Spinner } from '../ui/spinner';
import { seconds, stepsOf, type Receipt, type Step } from './receipt-words';

const SOON_MS = 400;
const LATER_MS = 5_000;
/** After this long it is Asana that is waited for, and that may take hours. */
const PATIENCE_MS = 20_000;

export function ReceiptView({ first }: { first: Receipt }) {
  const [receipt, setReceipt] = useState(first);
  const [isLost, setLost] = useState(false);
  const { id, startedAt, isOver, isDrill, problem } = receipt;

  useEffect(() => {
    if (isOver) return;
    let ended = false;
    let timer: ReturnType<typeof setTimeout>;
    const ageMs = () => Date.now() - Date.parse(startedAt);
    async function look() {
      try {
        const next = await call('GET /offboardings/{id}', { path: { id } });
        if (ended) return;
        setReceipt(next);
        setLost(false);
      } catch (error) {
        if (!(error instanceof ApiProblem)) throw error;
        if (!ended) setLost(true);
      }
      if (!ended) timer = setTimeout(() => void look(), ageMs() < PATIENCE_MS ? SOON_MS : LATER_MS);
    }
    timer = setTimeout(() => void look(), SOON_MS);
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, [id, startedAt, isOver]);

  const steps = stepsOf(receipt);
  const last = steps.every(({ ms }) => ms !== null) ? Math.max(...steps.map(({ ms }) => ms ?? 0)) : null;
  return (
    <div className="flex flex-col gap-3">
      {problem !== null ? (
        <Callout tone="danger" title="Not everything ended in time">
          {problem}
        </Callout>
      ) : isDrill && !isOver ? (
        <Callout title="The drill is running" />
      ) : receipt.agents.ms === null ? (
        <Callout live title="Access has ended">
          {receipt.member.email} can’t sign in any more, and every new call is refused. What was under way is
          ending.
        </Callout>
      ) : (
        <Callout
          tone="success"
          live
          title={isDrill ? 'Everything ended in time' : 'Everything here has ended'}
        >
          {isDrill
            ? 'The synthetic member\u2019s session, token and streams ended within a second in every process.'
            : `${receipt.member.email} can’t sign in any more, and no agent of theirs can call.`}
        </Callout>
      )}
      <div className="border-line rounded-box border">
        <p className="border-line flex items-baseline justify-between gap-4 border-b px-3 py-2">
          <span className="text-sm font-medium">{isOver ? 'Took' : 'Since the start'}</span>
          <Clock startedAt={startedAt} stoppedMs={isOver ? (last ?? undefined) : undefined} isOver={isOver} />
        </p>
        <ul aria-live="polite" className="divide-line divide-y">
          {steps.map((step) => (
            <StepLine key={step.name} step={step} />
          ))}
        </ul>
      </div>
      {isLost && (
        <p className="text-ink-3 text-sm">
          Gatehouse could not be asked just now; what stands here is from before.
        </p>
      )}
    </div>
  );
}

function StepLine({ step: { name, text, ms, state } }: { step: Step }) {
  return (
    <li className="flex gap-2.5 px-3 py-2 text-sm">
      <span className="mt-0.5 flex size-4 shrink-0 items-center justify-center">
        {state === 'waiting' ? (
          <Spinner className="text-ink-3 size-4" />
        ) : state === 'done' ? (
          <CircleCheck aria-hidden="true" className="text-success size-4" />
        ) : (
          <CircleAlert aria-hidden="true" className="text-danger size-4" />
        )}
      </span>
      <span className="w-14 shrink-0 font-medium">
        {name}
        <span className="sr-only">
          {state === 'waiting' ? ' (under way)' : state === 'done' ? ' (done)' : ' (needs attention)'}
        </span>
      </span>
      <span className="text-ink-2 min-w-0 flex-1 [overflow-wrap:anywhere]">{text}</span>
      <span className="shrink-0 tabular-nums">{ms === null ? '' : seconds(ms)}</span>
    </li>
  );
}

/** Counts up while something is under way. */
function Clock({ startedAt, stoppedMs, isOver }: { startedAt: string; stoppedMs?: number; isOver: boolean }) {
  const [nowMs, setNowMs] = useState<number | null>(null);
  useEffect(() => {
    if (isOver) return;
    const timer = setInterval(() => setNowMs(Date.now()), 100);
    return () => clearInterval(timer);
  }, [isOver]);
  const shown = isOver ? stoppedMs : nowMs === null ? undefined : Math.max(0, nowMs - Date.parse(startedAt));
  return (
    // A number that changes ten times a second is for the eye only.
    <span aria-hidden={!isOver} className="text-lg font-semibold tabular-nums">
      {shown === undefined ? '\u2013' : seconds(shown)}
    </span>
  );
}
