// Everything behind sign-in. The pages ask for the member again themselves: a layout is not run on every navigation.
import type { ReactNode } from 'react';
import { Shell } from '@/components/shell/shell';
import { StoppedNotice } from '@/components/shell/stopped-notice';
import { env } from '@/lib/env';
import { read, requireMember } from '@/lib/portal/read';

export default async function PortalLayout({ children }: { children: ReactNode }) {
  const { name, email, role, organization } = await requireMember();
  const { stopped } = await read('GET /organization/stop');
  return (
    <Shell
      member={{ name, email, role }}
      organization={organization.name}
      endpoint={`${env().GATEHOUSE_URL}/mcp`}
    >
      <StoppedNotice stopped={stopped} canResume={role === 'admin'} />
      {children}
    </Shell>
  );
}
