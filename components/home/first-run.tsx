// The admin's first run: eight steps, the next one open, and a line that waits for the first call and says whose it was.
'use client';
import Check from 'lucide-react/icons/check';
import ChevronDown from 'lucide-react/icons/chevron-down';
import X from 'lucide-react/icons/x';
import { useId, useState, type ReactNode } from 'react';
import { call } from '../api';
import { credentialWords, type AuditRecord } from '../audit/words';
import { Problem } from '../problem';
import { Button, ButtonAnchor, ButtonLink } from '../ui/button';
import { classNames } from '../ui/class-names';
import { CopyField } from '../ui/copy-field';
import { RelativeTime } from '../ui/relative-time';
import { Section } from '../ui/section';
import { useCall } from '../use-call';
import { firstStep, type FirstRun as Given, type FirstStep, type FirstStepId } from './first-steps';
import { useFirstRun } from './use-first-run';

/** `endpoint` is the URL of /mcp. Draw it only while it is not hidden. */
export function FirstRun({ given, endpoint }: { given: Given; endpoint: string }) {
  const { firstRun, first, lost, put } = useFirstRun(given);
  const [chosen, setChosen] = useState<FirstStepId | 'none' | null>(null);
  const hide = useCall();
  const copied = useCall({ refresh: false });
  const { steps } = firstRun;
  const done = steps.filter((step) => step.done).length;
  const finished = done === steps.length;
  const is = (id: FirstStepId) => steps.some((step) => step.id === id && step.done);
  const next = steps.find((step) => !step.done)?.id ?? null;
  // Where one stopped is what is not done yet; nothing else is kept.
  const open = chosen ?? next;
  return (
    <Section
      flush
      title={finished ? 'Gatehouse is set up' : 'First steps'}
      description={`${done} of ${steps.length} done`}
      className="mb-5"
      actions={
        finished && (
          <Button
            size="sm"
            variant="quiet"
            icon={<X aria-hidden="true" />}
            loading={hide.pending}
            onClick={async () => {
              await hide.run(() => call('PATCH /first-run', { body: { hidden: true } }));
            }}
          >
            Hide
          </Button>
        )
      }
    >
      <Problem problem={hide.problem ?? copied.problem} className="m-4" />
      <ol className="divide-line divide-y">
        {steps.map((step, n) => (
          <StepLine
            key={step.id}
            number={n + 1}
            done={step.done}
            next={step.id === next}
            step={firstStep(step.id, { connected: is('connect') })}
            open={step.id === open}
            onToggle={() => setChosen(step.id === open ? 'none' : step.id)}
            below={
              step.id === 'first_call' && (is('endpoint') || step.done) ? (
                <FirstCall done={step.done} record={first} lost={lost} />
              ) : null
            }
          >
            {step.id === 'endpoint' && (
              <CopyField
                value={endpoint}
                what="endpoint"
                onCopied={() =>
                  void copied
                    .run(() => call('PATCH /first-run', { body: { endpointCopied: true } }))
                    .then((done) => done && put(done.answer))
                }
              />
            )}
          </StepLine>
        ))}
      </ol>
    </Section>
  );
}

function StepLine({
  number,
  done,
  next,
  step,
  open,
  onToggle,
  below,
  children,
}: {
  number: number;
  done: boolean;
  next: boolean;
  step: FirstStep;
  open: boolean;
  onToggle: () => void;
  below: ReactNode;
  children: ReactNode;
}) {
  const id = useId();
  const { title, note, action } = step;
  return (
    <li className="px-4 text-sm">
      <h3>
        <button
          type="button"
          aria-expanded={open}
          aria-controls={id}
          onClick={onToggle}
          className="flex min-h-10 w-full items-center gap-3 text-left"
        >
          <span
            aria-hidden="true"
            className={classNames(
              'inline-flex size-5 shrink-0 items-center justify-center rounded-full text-xs font-medium',
              done
                ? 'bg-success-soft text-success'
                : next
                  ? 'bg-accent text-on-accent'
                  : 'bg-hover text-ink-2',
            )}
          >
            {done ? <Check className="size-3" strokeWidth={3} /> : number}
          </span>
          <span className={classNames('min-w-0 flex-1', done ? 'text-ink-3' : 'font-medium')}>
            {title}
            {done && <span className="sr-only"> (done)</span>}
          </span>
          <ChevronDown
            aria-hidden="true"
            className={classNames('text-ink-3 size-4 shrink-0', open && 'rotate-180')}
          />
        </button>
      </h3>
      <div id={id} hidden={!open} className="pb-3.5 pl-8">
        <p className="text-ink-2 max-w-prose text-pretty">{note}</p>
        <div className="mt-2.5 empty:hidden">
          {action &&
            (action.leaves ? (
              <ButtonAnchor href={action.href} variant={done ? 'secondary' : 'primary'}>
                {action.text}
              </ButtonAnchor>
            ) : (
              <ButtonLink href={action.href} variant={done ? 'secondary' : 'primary'}>
                {action.text}
              </ButtonLink>
            ))}
          {children}
        </div>
      </div>
      {below && <div className="pb-3 pl-8">{below}</div>}
    </li>
  );
}

/** Read out when it changes; green once it has happened. */
function FirstCall({ done, record, lost }: { done: boolean; record: AuditRecord | null; lost: boolean }) {
  return (
    <output
      className={classNames(
        'rounded-box flex items-center gap-2.5 px-3 py-2',
        done ? 'bg-success-soft' : 'bg-sunken',
      )}
    >
      <span
        aria-hidden="true"
        className={classNames(
          'size-2 shrink-0 rounded-full',
          done ? 'bg-success' : 'bg-accent motion-safe:animate-pulse',
        )}
      />
      <span className="min-w-0 [overflow-wrap:anywhere]">
        {!done &&
          (lost ? 'Gatehouse does not answer right now; asking again…' : 'Waiting for the first call…')}
        {done && !record && 'The first call has arrived.'}
        {done && record && (
          <>
            <code className="font-mono text-xs">{record.tool ?? record.method}</code> was called by{' '}
            {record.member}, {credentialWords(record.credential)}, <RelativeTime iso={record.at} />.
          </>
        )}
      </span>
    </output>
  );
}
