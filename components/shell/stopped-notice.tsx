// Tells everybody, in every room, that the organization's agents are stopped, by whom and why.
import type { OperationAnswer } from '@/lib/portal/operations';
import { Callout } from '../ui/callout';
import { ButtonLink } from '../ui/button';
import { RelativeTime } from '../ui/relative-time';

/** Nothing while they may call. `canResume`: an admin, who finds the switch behind the button. */
export function StoppedNotice({
  stopped,
  canResume,
}: {
  stopped: OperationAnswer<'GET /organization/stop'>['stopped'];
  canResume: boolean;
}) {
  if (!stopped) return null;
  return (
    <Callout
      tone="danger"
      title="All agents of your organization are stopped"
      className="mb-5"
      actions={
        canResume && (
          <ButtonLink href="/admin/organization#stop" size="sm">
            Go to the switch
          </ButtonLink>
        )
      }
    >
      Stopped <RelativeTime iso={stopped.since} /> by {stopped.by}: {stopped.reason}
    </Callout>
  );
}
