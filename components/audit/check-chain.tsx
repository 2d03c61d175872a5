// Recomputes the chain part by part, so that a long one shows how far it has got and can be stopped.
'use client';
import Download from 'lucide-react/icons/download';
import ShieldCheck from 'lucide-react/icons/shield-check';
import { useRef, useState } from 'react';
import type { OperationAnswer } from '@/lib/portal/operations';
import { addressOf, call } from '../api';
import { Problem } from '../problem';
import { count } from '../tools/words';
import { Button, ButtonAnchor } from '../ui/button';
import { Callout } from '../ui/callout';
import { CodeBlock } from '../ui/code-block';
import { Section } from '../ui/section';
import { useCall } from '../use-call';

/** So many a request take a second or so. */
const PART = 25_000;

interface Progress {
  records: number;
  last: number;
  reached: number;
}
type Result = { ok: true; records: number } | { ok: false; firstBad: number };

export function CheckChain() {
  const { pending, problem, run } = useCall({ refresh: false });
  const [progress, setProgress] = useState<Progress | null>(null);
  const [result, setResult] = useState<Result | null>(null);
  const stopped = useRef(false);

  async function verify(): Promise<Result | null> {
    let records = 0;
    for (let after: number | null = 0; after !== null && !stopped.current;) {
      const part: OperationAnswer<'GET /audit/verify'> = await call('GET /audit/verify', {
        query: { after, records: PART },
      });
      if (!part.ok) return { ok: false, firstBad: part.firstBad ?? 1 };
      records += part.records;
      after = part.next ?? null;
      setProgress({ records, last: part.last ?? 0, reached: after ?? part.last ?? 0 });
      if (after === null) return { ok: true, records };
    }
    return null;
  }

  return (
    <Section
      title="The chain"
      description="Recomputes every hash from the records as they are in the database, and holds them against the signed checkpoints."
      actions={
        <>
          {pending && (
            <Button
              onClick={() => {
                stopped.current = true;
              }}
            >
              Stop
            </Button>
          )}
          <Button
            variant="primary"
            icon={<ShieldCheck aria-hidden="true" />}
            loading={pending}
            onClick={async () => {
              stopped.current = false;
              setResult(null);
              setProgress({ records: 0, last: 0, reached: 0 });
              const done = await run(verify);
              setProgress(null);
              setResult(done?.answer ?? null);
            }}
          >
            Verify the chain
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-4">
        <Problem problem={problem} />
        {progress && (
          <div>
            <progress
              aria-label="Records verified"
              className="accent-accent h-2 w-full"
              max={Math.max(1, progress.last)}
              value={progress.reached}
            />
            <p className="text-ink-3 text-sm">{count(progress.records, 'record')} so far</p>
          </div>
        )}
        {result && <Verdict result={result} />}
        <div className="flex flex-col gap-2 text-sm">
          <p>
            To check it without this server, export the records as JSON lines and run the verifier, one file
            that needs nothing but Node. It names the first record that was edited, deleted, moved, put in or
            cut off. Keep your copy: whoever could rewrite records here could hand out another verifier.
          </p>
          <CodeBlock
            label="verify command"
            code="node gatehouse-verify.mjs audit.jsonl --key audit-keys.json --checkpoints checkpoints.json"
          />
          <div className="flex flex-wrap gap-2">
            <ButtonAnchor
              href={addressOf('/audit/export', { query: { format: 'jsonl' } })}
              download
              icon={<Download aria-hidden="true" />}
            >
              Export all records
            </ButtonAnchor>
            <ButtonAnchor
              href={addressOf('/audit/verifier', {})}
              download
              icon={<Download aria-hidden="true" />}
            >
              Download the verifier
            </ButtonAnchor>
          </div>
        </div>
      </div>
    </Section>
  );
}

function Verdict({ result }: { result: Result }) {
  return result.ok ? (
    <Callout tone="success" title="Every record is as it was written" live>
      {count(result.records, 'record')} recomputed, from the first to the last: none is changed, missing or
      out of order.
    </Callout>
  ) : (
    <Callout tone="danger" title="The chain is broken" live>
      Record number {result.firstBad.toLocaleString('en')} is not what was written: it, or one before it, was
      changed or removed in the database. Export the audit now, keep the database as it is, and compare with a
      backup and with checkpoints kept elsewhere.
    </Callout>
  );
}
