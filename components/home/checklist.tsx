// What an admin has to do before the first filtered call, each step with the place where it is done.
import ArrowRight from 'lucide-react/icons/arrow-right';
import Check from 'lucide-react/icons/check';
import Link from 'next/link';
import { classNames } from '../ui/class-names';
import { Section } from '../ui/section';

export interface Step {
  title: string;
  note: string;
  href: string;
  done: boolean;
}

/** Nothing once every step is done. */
export function Checklist({ steps }: { steps: readonly Step[] }) {
  const done = steps.filter((step) => step.done).length;
  if (done === steps.length) return null;
  const next = steps.find((step) => !step.done);
  return (
    <Section
      flush
      title="Set up Gatehouse"
      description={`${done} of ${steps.length} steps done`}
      className="mb-5"
    >
      <ol className="divide-line divide-y">
        {steps.map((step, n) => (
          <li key={step.href} className="relative flex items-start gap-3 px-4 py-2.5">
            <span
              aria-hidden="true"
              className={classNames(
                'mt-px inline-flex size-5 shrink-0 items-center justify-center rounded-full text-xs font-medium',
                step.done
                  ? 'bg-success-soft text-success'
                  : step === next
                    ? 'bg-accent text-on-accent'
                    : 'bg-hover text-ink-3',
              )}
            >
              {step.done ? <Check className="size-3" strokeWidth={3} /> : n + 1}
            </span>
            <span className="min-w-0 flex-1 text-sm">
              {step.done ? (
                <span className="text-ink-3">
                  {step.title}
                  <span className="sr-only"> (done)</span>
                </span>
              ) : (
                <>
                  <Link href={step.href} className="font-medium after:absolute after:inset-0 hover:underline">
                    {step.title}
                  </Link>
                  <span className="text-ink-3 block">{step.note}</span>
                </>
              )}
            </span>
            {step === next && <ArrowRight aria-hidden="true" className="text-ink-3 mt-0.5 size-4 shrink-0" />}
          </li>
        ))}
      </ol>
    </Section>
  );
}
