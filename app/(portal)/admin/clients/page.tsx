// MCP clients: which there are, for whom they act, and where they may send people back.
import { ClientsTable } from '@/components/clients/clients-table';
import { RedirectUris } from '@/components/clients/redirect-uris';
import { RefusedRegistrations } from '@/components/clients/refused-registrations';
import { PageHeader } from '@/components/ui/page-header';
import { read, requireRole } from '@/lib/portal/read';

export const metadata = { title: 'Clients' };

export default async function ClientsPage() {
  await requireRole('admin');
  const [{ clients }, rule] = await Promise.all([read('GET /clients'), read('GET /redirect-uris')]);
  return (
    <>
      <PageHeader
        title="Clients"
        description="MCP clients that sign people in here. Each person decides for themselves; you decide which clients may ask at all."
      />
      <div className="flex flex-col gap-5">
        <RefusedRegistrations rule={rule} />
        <ClientsTable clients={clients} />
        <RedirectUris
          // A change from elsewhere (an allowed registration) starts the form anew.
          key={JSON.stringify([rule.uris, rule.allowLoopback])}
          rule={rule}
        />
      </div>
    </>
  );
}
