// The requests somebody made, with what came of them; an open one can be withdrawn.
'use client';
import Link from 'next/link';
import { call } from '../api';
import { Problem } from '../problem';
import { Badge } from '../ui/badge';
import { Button } from '../ui/button';
import { EmptyState } from '../ui/empty-state';
import { RelativeTime } from '../ui/relative-time';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';
import { requestStates, type OwnRequest } from './words';

export function OwnRequests({ requests }: { requests: readonly OwnRequest[] }) {
  if (requests.length === 0)
    return (
      <EmptyState title="You have asked for nothing yet">
        When an agent of yours is refused a tool, look the tool up above and ask for it there.
      </EmptyState>
    );
  return (
    <ul className="divide-line divide-y">
      {requests.map((request) => (
        <OwnRequestLine key={request.id} request={request} />
      ))}
    </ul>
  );
}

function OwnRequestLine({ request }: { request: OwnRequest }) {
  const { id, tool, reason, status, answer, createdAt, decidedAt } = request;
  const { pending, problem, run } = useCall();
  const { text, tone } = requestStates[status];
  return (
    <li className="flex flex-wrap items-start gap-x-4 gap-y-2 px-4 py-3 text-sm">
      <div className="min-w-0 flex-1 basis-64 [overflow-wrap:anywhere]">
        <p className="flex flex-wrap items-center gap-2">
          <Link
            href={`/explain?${new URLSearchParams({ tool })}`}
            className="font-mono text-xs font-medium hover:underline"
          >
            {tool}
          </Link>
          <Badge tone={tone}>{text}</Badge>
          <span className="text-ink-3 text-xs">
            <RelativeTime iso={decidedAt ?? createdAt} />
          </span>
        </p>
        <p className="text-ink-2 whitespace-pre-line">{reason}</p>
        {answer && <p className="mt-1">Answer: {answer}</p>}
        <Problem problem={problem} className="mt-2" />
      </div>
      {status === 'open' && (
        <Button
          size="sm"
          loading={pending}
          onClick={async () => {
            const done = await run(() => call('DELETE /me/tool-requests/{id}', { path: { id } }));
            if (done) toast('Withdrawn', tool);
          }}
        >
          Withdraw
        </Button>
      )}
    </li>
  );
}
