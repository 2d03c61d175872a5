// The checks of the Asana app, each with what it means and how to put it right.
'use client';
import CircleAlert from 'lucide-react/icons/circle-alert';
import CircleCheck from 'lucide-react/icons/circle-check';
import CircleDashed from 'lucide-react/icons/circle-dashed';
import { Problem } from '../problem';
import { Button } from '../ui/button';
import { Callout } from '../ui/callout';
import { Spinner } from '../ui/spinner';
import { checkNames, type Check } from './check-names';
import type { Checking } from './use-checks';

const looks = {
  pass: { word: 'Passed', ink: 'text-success', Icon: CircleCheck },
  warn: { word: 'Not known yet', ink: 'text-warn', Icon: CircleDashed },
  fail: { word: 'Failed', ink: 'text-danger', Icon: CircleAlert },
} as const;

export function Checks({ checking, registered }: { checking: Checking; registered: boolean }) {
  const { checks, pending, problem, run } = checking;
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center gap-3">
        <Button loading={pending} onClick={run}>
          {checks ? 'Run the checks again' : 'Run the checks'}
        </Button>
        <span className="text-ink-3 text-sm">
          {registered
            ? 'They also run when you come back to this tab from Asana’s console.'
            : 'Best after step 3; it takes a few seconds.'}
        </span>
      </div>
      <Problem problem={problem} />
      {checks && !pending && <Summary checks={checks} />}
      {(checks || pending) && (
        <ul className="border-line divide-line rounded-box divide-y border">
          {checkNames.map(([id, name]) => (
            <Line key={id} name={name} check={checks?.find((check) => check.id === id)} pending={pending} />
          ))}
        </ul>
      )}
    </div>
  );
}

function Summary({ checks }: { checks: readonly Check[] }) {
  const failed = checks.filter(({ status }) => status === 'fail').length;
  const open = checks.filter(({ status }) => status === 'warn').length;
  return (
    <Callout
      live
      tone={failed > 0 ? 'danger' : open > 0 ? 'info' : 'success'}
      title={
        failed > 0
          ? `${failed} of ${checks.length} checks failed`
          : open > 0
            ? `Nothing failed; ${open} of ${checks.length} show when somebody connects`
            : 'Everything is in order'
      }
    />
  );
}

// A line keeps its place from the first moment, and its last answer while it is asked again.
function Line({ name, check, pending }: { name: string; check: Check | undefined; pending: boolean }) {
  const { word, ink, Icon } = looks[check?.status ?? 'warn'];
  return (
    <li className="grid min-h-9 gap-x-4 px-3 py-2 text-sm sm:grid-cols-[11.5rem_minmax(0,1fr)]">
      <p className="flex gap-2.5">
        {pending ? (
          <Spinner className="text-ink-3 mt-0.5 shrink-0" />
        ) : (
          <Icon aria-hidden="true" className={`mt-0.5 size-4 shrink-0 ${ink}`} />
        )}
        <span>
          {name}
          <span className="sr-only">{pending ? ': checking' : check ? `: ${word}` : ''}</span>
        </span>
      </p>
      <div className="text-ink-2 min-w-0 [overflow-wrap:anywhere] max-sm:pl-6.5">
        {check?.message ?? (pending ? <span className="text-ink-3">Checking…</span> : 'Not run.')}
        {check && check.status !== 'pass' && check.fix && <p className="text-ink">{check.fix}</p>}
      </div>
    </li>
  );
}
