// The call itself, as the person reads it who decides: every argument, with what Asana calls the things in it. Fetched when it is looked at,
// because the names are asked for in Asana.
'use client';
import { useEffect, useState } from 'react';
import { ApiProblem, call } from '../api';
import { Problem } from '../problem';
import { Callout } from '../ui/callout';
import { CodeBlock } from '../ui/code-block';
import { Disclosure } from '../ui/disclosure';
import { Fact, KeyValues } from '../ui/key-values';
import { Skeleton } from '../ui/skeleton';
import { placeWords, type ReadableCall } from './words';

/** `onReady` once the arguments can be read: nobody approves what he has not seen. */
export function CallShown({ id, onReady }: { id: string; onReady: () => void }) {
  const [shown, setShown] = useState<ReadableCall | null | undefined>(undefined);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  useEffect(() => {
    let gone = false;
    call('GET /approvals/{id}', { path: { id } }).then(
      (answer) => {
        if (gone) return;
        setShown(answer.call);
        if (answer.call !== null) onReady();
      },
      (error: unknown) => {
        if (!(error instanceof ApiProblem)) throw error;
        if (!gone) setProblem(error);
      },
    );
    return () => {
      gone = true;
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- asked once for each call
  }, [id]);
  if (problem) return <Problem problem={problem} />;
  if (shown === undefined) return <Skeleton className="h-16 w-full" />;
  if (shown === null)
    return <p className="text-ink-3 text-sm">It is over, so its arguments are forgotten here.</p>;
  return (
    <div className="flex flex-col gap-3">
      {shown.arguments.length === 0 ? (
        <p className="text-ink-2 text-sm">Without any arguments.</p>
      ) : (
        <KeyValues>
          {shown.arguments.map(({ place, value, name }) => (
            <Fact key={place} name={placeWords(place)}>
              {name === null ? (
                <span className="whitespace-pre-wrap">{value === '' ? '(empty)' : value}</span>
              ) : (
                <>
                  {name} <span className="text-ink-3 font-mono text-xs">{value}</span>
                </>
              )}
            </Fact>
          ))}
        </KeyValues>
      )}
      {shown.cut && (
        <Callout tone="warn">Too long to be listed whole; read all of it below before you decide.</Callout>
      )}
      <Disclosure summary="Exactly as the agent sent it">
        <CodeBlock label="The arguments as JSON" code={shown.text} />
      </Disclosure>
    </div>
  );
}
