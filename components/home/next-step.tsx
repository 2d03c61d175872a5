// The button of the home's head: what to do now. Nothing where all is well.
import Link2 from 'lucide-react/icons/link-2';
import RefreshCw from 'lucide-react/icons/refresh-cw';
import type { Connection } from '../connections/connection-state';
import { ButtonAnchor, ButtonLink } from '../ui/button';
import type { HomeState } from './state';

/** Plain links to /connect: a prefetch would start a connect that nobody asked for. */
export function NextStep({
  state,
  connections,
  admin,
  led,
}: {
  state: HomeState;
  connections: readonly Connection[];
  admin: boolean;
  /** The first steps below lead on; then theirs is the one primary button. */
  led: boolean;
}) {
  const variant = led ? 'secondary' : 'primary';
  const broken = connections.find(({ status }) => status === 'needs_reconnect');
  if (state === 'no_app')
    return admin ? (
      <ButtonLink href="/admin/asana" variant={variant}>
        Register the Asana app
      </ButtonLink>
    ) : null;
  if (state === 'no_connection')
    return (
      <ButtonAnchor href="/connect/asana" variant={variant} icon={<Link2 aria-hidden="true" />}>
        Connect Asana
      </ButtonAnchor>
    );
  if (broken)
    return (
      <ButtonAnchor
        href={`/connect/asana?connection=${broken.id}`}
        variant={variant}
        icon={<RefreshCw aria-hidden="true" />}
      >
        Reconnect
      </ButtonAnchor>
    );
  if (state === 'no_tools')
    return (
      <ButtonLink href={admin ? '/admin/groups' : '/explain'} variant={variant}>
        {admin ? 'Go to groups' : 'Ask for tools'}
      </ButtonLink>
    );
  return null;
}
