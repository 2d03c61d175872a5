// The Asana app room: the steps in Asana's developer console beside the fields here, with checks, plain fixes and secret rotation.
import { AsanaRoom } from '@/components/asana/asana-room';
import { Badge } from '@/components/ui/badge';
import { PageHeader } from '@/components/ui/page-header';
import { read, requireRole } from '@/lib/portal/read';

export const metadata = { title: 'Asana app' };

export default async function AsanaAppPage() {
  await requireRole('admin');
  const app = await read('GET /asana-app');
  return (
    <>
      <PageHeader
        title="Asana app"
        description="Your company’s one MCP app at Asana. Everybody connects through it; no agent and no laptop ever holds its secret."
        marks={
          app.clientId === null ? (
            <Badge tone="warn">Not registered</Badge>
          ) : (
            <Badge tone="success">Registered</Badge>
          )
        }
      />
      <AsanaRoom app={app} />
    </>
  );
}
