// Runs the checks of the Asana app and shows each with what it means and how to put it right.
'use client';
import CircleAlert from 'lucide-react/icons/circle-alert';
import CircleCheck from 'lucide-react/icons/circle-check';
import CircleDashed from 'lucide-react/icons/circle-dashed';
import { useState } from 'react';
import type { OperationAnswer } from '@/lib/portal/operations';
import { call } from '../api';
import { Problem } from '../problem';
import { Button } from '../ui/button';
import { Callout } from '../ui/callout';
import { useCall } from '../use-call';

type Check = OperationAnswer<'POST /asana-app/check'>['checks'][number];

const looks = {
  pass: { word: 'Passed', ink: 'text-success', Icon: CircleCheck },
  warn: { word: 'Not known yet', ink: 'text-warn', Icon: CircleDashed },
  fail: { word: 'Failed', ink: 'text-danger', Icon: CircleAlert },
} as const;

export function Checks({ registered }: { registered: boolean }) {
  const { pending, problem, run } = useCall({ refresh: false });
  const [checks, setChecks] = useState<readonly Check[] | null>(null);
  const failed = checks?.filter(({ status }) => status === 'fail').length ?? 0;
  const open = checks?.filter(({ status }) => status === 'warn').length ?? 0;
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center gap-3">
        <Button
          loading={pending}
          variant={registered && !checks ? 'primary' : 'secondary'}
          onClick={async () => {
            const done = await run(() => call('POST /asana-app/check'));
            if (done) setChecks(done.answer.checks);
          }}
        >
          {checks ? 'Run the checks again' : 'Run the checks'}
        </Button>
        {!registered && (
          <span className="text-ink-3 text-sm">Best after step 3; it takes a few seconds.</span>
        )}
      </div>
      <Problem problem={problem} />
      {checks && (
        <>
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
          <ul className="border-line divide-line rounded-box divide-y border">
            {checks.map(({ id, status, message, fix }) => {
              const { word, ink, Icon } = looks[status];
              return (
                <li key={id} className="flex gap-2.5 px-3 py-2 text-sm">
                  <Icon aria-hidden="true" className={`mt-0.5 size-4 shrink-0 ${ink}`} />
                  <div className="min-w-0 [overflow-wrap:anywhere]">
                    <span className="sr-only">{word}: </span>
                    {message}
                    {status !== 'pass' && fix && <p className="text-ink-3">{fix}</p>}
                  </div>
                </li>
              );
            })}
          </ul>
        </>
      )}
    </div>
  );
}
