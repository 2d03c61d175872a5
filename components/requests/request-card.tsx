// One open request: who wants which tool and why, which groups have it, and the two answers.
'use client';
import Check from 'lucide-react/icons/check';
import X from 'lucide-react/icons/x';
import Link from 'next/link';
import { useState } from 'react';
import { ClassBadge, StateBadges } from '../tools/tool-badges';
import { Badge } from '../ui/badge';
import { Button } from '../ui/button';
import { Callout } from '../ui/callout';
import { RelativeTime } from '../ui/relative-time';
import { AcceptDialog } from './accept-dialog';
import type { AcceptOption } from './accept-options';
import { DeclineDialog } from './decline-dialog';
import type { OpenRequest } from './words';

export function RequestCard({
  request,
  options,
}: {
  request: OpenRequest;
  options: readonly AcceptOption[];
}) {
  const [asking, setAsking] = useState<'accept' | 'decline' | null>(null);
  const { id, tool, toolTitle, toolClass, toolStatus, toolBlocked, member, reason, createdAt } = request;
  const open = toolStatus === 'reviewed' && !toolBlocked;
  return (
    <li
      id={id}
      className="flex scroll-mt-16 flex-wrap items-start gap-x-6 gap-y-3 px-4 py-4 target:bg-accent-soft"
    >
      <div className="min-w-0 flex-1 basis-80 text-sm [overflow-wrap:anywhere]">
        <p className="flex flex-wrap items-center gap-x-2 gap-y-1">
          <span className="font-semibold">{member.name}</span>
          <span className="text-ink-3">{member.email}</span>
          <span className="text-ink-3 text-xs">
            <RelativeTime iso={createdAt} />
          </span>
        </p>
        <p className="mt-1 flex flex-wrap items-center gap-2">
          <Link
            href={`/admin/tools/${encodeURIComponent(tool)}`}
            className="font-mono text-xs font-medium hover:underline"
          >
            {tool}
          </Link>
          <ClassBadge toolClass={toolClass} />
          <StateBadges tool={{ status: toolStatus, blocked: toolBlocked }} quiet />
          {toolTitle && <span className="text-ink-3 text-xs">{toolTitle}</span>}
        </p>
        <p className="border-line text-ink-2 mt-2 border-l-2 pl-3 whitespace-pre-line">{reason}</p>
        <p className="text-ink-3 mt-2 flex flex-wrap items-center gap-1.5">
          <span>Groups that have it:</span>
          {request.toolGroups.length === 0 ? 'none.' : <Names groups={request.toolGroups} />}
          <span>{member.name} is in:</span>
          {request.memberGroups.length === 0 ? 'none.' : <Names groups={request.memberGroups} />}
        </p>
        {!open && (
          <Callout tone="warn" className="mt-2">
            {toolBlocked
              ? 'The tool is blocked for everybody. Unblock it on its page before you accept.'
              : toolStatus === 'missing'
                ? 'Asana no longer lists this tool, so nobody can get it.'
                : 'The tool waits for review. Review it on its page before you accept.'}
          </Callout>
        )}
      </div>
      <div className="flex gap-2">
        <Button icon={<X aria-hidden="true" />} onClick={() => setAsking('decline')}>
          Decline
        </Button>
        <Button
          variant="primary"
          icon={<Check aria-hidden="true" />}
          disabled={!open}
          onClick={() => setAsking('accept')}
        >
          Accept
        </Button>
      </div>
      {asking === 'accept' && (
        <AcceptDialog request={request} options={options} onClose={() => setAsking(null)} />
      )}
      {asking === 'decline' && <DeclineDialog request={request} onClose={() => setAsking(null)} />}
    </li>
  );
}

function Names({ groups }: { groups: readonly { slug: string; name: string }[] }) {
  return (
    <>
      {groups.slice(0, 6).map(({ slug, name }) => (
        <Badge key={slug} title={name}>
          {name}
        </Badge>
      ))}
      {groups.length > 6 && <Badge>{groups.length - 6} more</Badge>}
    </>
  );
}
