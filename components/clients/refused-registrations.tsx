// Registrations that were refused for where they send people back to, each with a way to allow it from now on.
'use client';
import type { OperationAnswer } from '@/lib/portal/operations';
import { call } from '../api';
import { Problem } from '../problem';
import { Button } from '../ui/button';
import { RelativeTime } from '../ui/relative-time';
import { Section } from '../ui/section';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';

export type Rule = OperationAnswer<'GET /redirect-uris'>;

export function RefusedRegistrations({ rule }: { rule: Rule }) {
  const { pending, problem, run } = useCall();
  if (rule.refused.length === 0) return null;
  const allow = async (uri: string) => {
    const body = { uris: [...rule.uris, uri], allowLoopback: rule.allowLoopback };
    if (await run(() => call('PUT /redirect-uris', { body }))) toast('Allowed', uri);
  };
  return (
    <Section
      title="Refused registrations"
      description="Clients that would send people back to a place that is not on the list below. Allow one only if you know whose address it is; then the client registers again."
      flush
    >
      {problem && (
        <div className="px-4 pt-3">
          <Problem problem={problem} />
        </div>
      )}
      <ul className="divide-line divide-y">
        {rule.refused.map(({ uri, clientName, at }) => (
          <li
            key={`${uri} ${clientName}`}
            className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-2.5"
          >
            <div className="min-w-0 flex-1 basis-64">
              <p className="text-sm [overflow-wrap:anywhere]">
                <span className="font-medium">{clientName}</span>{' '}
                <span className="text-ink-3">
                  <RelativeTime iso={at} />
                </span>
              </p>
              <code className="text-ink-2 font-mono text-xs [overflow-wrap:anywhere]">{uri}</code>
            </div>
            <Button size="sm" loading={pending} aria-label={`Allow ${uri}`} onClick={() => allow(uri)}>
              Allow this
            </Button>
          </li>
        ))}
      </ul>
    </Section>
  );
}
