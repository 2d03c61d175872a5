// The health room, which looks again by itself every 15 seconds while somebody looks at it: red lines first, with what to do.
'use client';
import CircleAlert from 'lucide-react/icons/circle-alert';
import CircleCheck from 'lucide-react/icons/circle-check';
import RefreshCw from 'lucide-react/icons/refresh-cw';
import Link from 'next/link';
import { useEffect, useState } from 'react';
import { ApiProblem, call } from '../api';
import { count } from '../tools/words';
import { Button } from '../ui/button';
import { Callout } from '../ui/callout';
import { Fact, KeyValues } from '../ui/key-values';
import { RelativeTime } from '../ui/relative-time';
import { Section } from '../ui/section';
import { Affected } from './affected';
import { linesOf, type Health, type Line } from './lines';

const EVERY_MS = 15_000;

/** `first` is what the server saw while it made the page. */
export function HealthBoard({ first }: { first: { health: Health; at: string } }) {
  const [seen, setSeen] = useState(first);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const [asked, setAsked] = useState(0);
  const [pending, setPending] = useState(false);

  useEffect(() => {
    let ended = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    async function look() {
      if (document.hidden) return;
      setPending(true);
      try {
        const health = await call('GET /health');
        if (ended) return;
        setSeen({ health, at: new Date().toISOString() });
        setProblem(null);
      } catch (error) {
        if (!(error instanceof ApiProblem)) throw error;
        if (!ended) setProblem(error);
      } finally {
        if (!ended) setPending(false);
      }
      if (!ended) timer = setTimeout(() => void look(), EVERY_MS);
    }
    const onVisibility = () => {
      clearTimeout(timer);
      void look();
    };
    document.addEventListener('visibilitychange', onVisibility);
    // The server has just looked; somebody who presses the button wants to know now.
    if (asked > 0) void look();
    else timer = setTimeout(() => void look(), EVERY_MS);
    return () => {
      ended = true;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', onVisibility);
    };
  }, [asked]);

  const { health, at } = seen;
  const groups = linesOf(health);
  const red = groups.flatMap(({ lines }) => lines).filter(({ ok }) => !ok);
  return (
    <>
      <div className="mb-4">
        <Summary problem={problem} red={red} />
      </div>
      <div className="flex flex-col gap-5">
        {groups.map(({ title, lines }) => (
          <Section key={title} flush title={title}>
            <ul className="divide-line divide-y">
              {lines.map((line) => (
                <OneLine key={line.name} {...line} />
              ))}
            </ul>
            {title === 'People’s connections' && <Affected health={health} />}
          </Section>
        ))}
        <Section title="Versions">
          <KeyValues>
            <Fact name="Gatehouse">{health.versions.gatehouse}</Fact>
            <Fact name="Node">{health.versions.node}</Fact>
            <Fact name="PostgreSQL">{health.versions.postgres}</Fact>
            <Fact name="MCP">{health.versions.protocol}</Fact>
          </KeyValues>
        </Section>
      </div>
      <div className="text-ink-3 mt-3 flex min-h-8 flex-wrap items-center justify-between gap-x-4 gap-y-2 text-sm">
        <p>
          Last looked <RelativeTime iso={at} key={at} />, and again every 15 seconds. Monitoring reads{' '}
          <code className="font-mono text-xs">/healthz</code>,{' '}
          <code className="font-mono text-xs">/readyz</code> and{' '}
          <code className="font-mono text-xs">/metrics</code>.
        </p>
        <Button
          size="sm"
          variant="quiet"
          loading={pending && asked > 0}
          icon={<RefreshCw aria-hidden="true" />}
          onClick={() => setAsked(asked + 1)}
        >
          Look now
        </Button>
      </div>
    </>
  );
}

function Summary({ problem, red }: { problem: ApiProblem | null; red: readonly Line[] }) {
  if (problem)
    return (
      <Callout live tone="danger" title="Gatehouse could not be asked just now">
        {problem.detail ?? problem.title} What stands below is from the last time it answered; if it stays so,
        look at the server’s log.
      </Callout>
    );
  if (red.length === 0) return <Callout live tone="success" title="Everything is well" />;
  return (
    <Callout live tone="danger" title={`${count(red.length, 'thing needs', 'things need')} attention`}>
      {red.map(({ name }) => name).join(', ')}. What to do stands with each.
    </Callout>
  );
}

function OneLine({ name, ok, text, fix, href, hrefText }: Line) {
  const Icon = ok ? CircleCheck : CircleAlert;
  return (
    <li className={ok ? 'px-4 py-2.5' : 'bg-danger-soft px-4 py-2.5'}>
      <div className="flex gap-3 text-sm">
        <Icon
          aria-hidden="true"
          className={`mt-0.5 size-4 shrink-0 ${ok ? 'text-success' : 'text-danger'}`}
        />
        <div className="min-w-0 flex-1 sm:flex sm:gap-4">
          <h3 className="w-28 shrink-0 font-medium">
            {name}
            <span className="sr-only">{ok ? ' (in order)' : ' (needs attention)'}</span>
          </h3>
          <div className="text-ink-2 min-w-0 [overflow-wrap:anywhere]">
            <p>{text}</p>
            {!ok && fix && (
              <p className="text-ink mt-0.5">
                {fix}{' '}
                {href && (
                  <Link href={href} className="text-accent underline">
                    {hrefText}
                  </Link>
                )}
              </p>
            )}
          </div>
        </div>
      </div>
    </li>
  );
}
