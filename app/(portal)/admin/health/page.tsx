// The health room: what Gatehouse needs, whether it has it, and what to do about each red line.
import CircleAlert from 'lucide-react/icons/circle-alert';
import CircleCheck from 'lucide-react/icons/circle-check';
import Link from 'next/link';
import { Suspense, type ReactNode } from 'react';
import { count } from '@/components/tools/words';
import { Callout } from '@/components/ui/callout';
import { PageHeader } from '@/components/ui/page-header';
import { Skeleton } from '@/components/ui/skeleton';
import { read, requireRole } from '@/lib/portal/read';

export const metadata = { title: 'Health' };

export default async function HealthPage() {
  await requireRole('admin');
  return (
    <>
      <PageHeader title="Health" description="What Gatehouse needs to do its work, looked at just now." />
      {/* Asking Asana may take seconds; the page does not wait for it. */}
      <Suspense fallback={<Waiting />}>
        <Facts />
      </Suspense>
    </>
  );
}

async function Facts() {
  const { database, keys, asana, connections, revocations, version } = await read('GET /health');
  const bad =
    [database, keys, asana].filter(({ ok }) => !ok).length + (connections.needsReconnect > 0 ? 1 : 0);
  return (
    <>
      <Callout
        tone={bad > 0 ? 'warn' : 'success'}
        className="mb-4"
        title={bad > 0 ? `${count(bad, 'thing needs', 'things need')} attention` : 'Everything is well'}
      />
      <ul className="border-line bg-surface divide-line rounded-box divide-y border">
        <Line name="Database" ok={database.ok}>
          {database.detail}
        </Line>
        <Line name="Keys" ok={keys.ok}>
          {keys.detail}
        </Line>
        <Line name="Asana" ok={asana.ok}>
          {asana.detail}
        </Line>
        <Line name="Connections" ok={connections.needsReconnect === 0}>
          {count(connections.active, 'connection')} active.
          {connections.needsReconnect > 0 &&
            ` ${count(connections.needsReconnect, 'needs', 'need')} to be reconnected: Asana refused to renew them. Each of these people sees what to do on their home page; if they are many, run the checks under Asana app, for the secret may have been reset.`}
        </Line>
        <Line name="Revocations" ok>
          {revocations.pending === 0
            ? 'None is waiting for Asana.'
            : `${count(revocations.pending, 'authorization')} ended here ${revocations.pending === 1 ? 'is' : 'are'} not yet confirmed by Asana; Gatehouse keeps trying.`}
        </Line>
        <Line name="Version" ok>
          Gatehouse {version}
        </Line>
      </ul>
      <p className="text-ink-3 mt-3 text-sm">
        Monitoring reads <code className="font-mono text-xs">/healthz</code>,{' '}
        <code className="font-mono text-xs">/readyz</code> and{' '}
        <code className="font-mono text-xs">/metrics</code>.{' '}
        <Link href="/admin/asana" className="text-accent underline">
          Check the Asana app
        </Link>
      </p>
    </>
  );
}

function Line({ name, ok, children }: { name: string; ok: boolean; children: ReactNode }) {
  const Icon = ok ? CircleCheck : CircleAlert;
  return (
    <li className="flex gap-3 px-4 py-3 text-sm">
      <Icon aria-hidden="true" className={`mt-0.5 size-4 shrink-0 ${ok ? 'text-success' : 'text-danger'}`} />
      <div className="min-w-0 sm:flex sm:gap-4">
        <h2 className="w-28 shrink-0 font-medium">
          {name}
          <span className="sr-only">{ok ? ' (in order)' : ' (needs attention)'}</span>
        </h2>
        <p className="text-ink-2 [overflow-wrap:anywhere]">{children}</p>
      </div>
    </li>
  );
}

function Waiting() {
  return (
    <div>
      <output className="sr-only">Looking</output>
      <Skeleton className="mb-4 h-10 w-full" />
      <div className="border-line bg-surface divide-line rounded-box divide-y border">
        {['database', 'keys', 'asana', 'connections', 'revocations', 'version'].map((line) => (
          <div key={line} className="flex h-11 items-center gap-4 px-4">
            <Skeleton className="h-4 w-28" />
            <Skeleton className="h-4 w-1/2" />
          </div>
        ))}
      </div>
    </div>
  );
}
