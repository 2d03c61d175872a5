// The organization's settings, its API keys and its stop switch.
import { ApiKeys } from '@/components/organization/api-keys';
import { SettingsForm } from '@/components/organization/settings-form';
import { StopSwitch } from '@/components/organization/stop-switch';
import { PageHeader } from '@/components/ui/page-header';
import { env } from '@/lib/env';
import { read, requireRole } from '@/lib/portal/read';

export const metadata = { title: 'Organization' };

export default async function OrganizationPage() {
  await requireRole('admin');
  const [settings, { apiKeys }, { stopped }, counted] = await Promise.all([
    read('GET /organization'),
    read('GET /api-keys'),
    read('GET /organization/stop'),
    read('GET /organization/agents'),
  ]);
  return (
    <>
      <PageHeader title="Organization" description="Rules that hold for everybody in it." />
      <div className="flex flex-col gap-5">
        <SettingsForm settings={settings} />
        <ApiKeys apiKeys={apiKeys} address={`${env().GATEHOUSE_URL}/api/v1`} />
        <StopSwitch stopped={stopped} counted={counted} />
      </div>
    </>
  );
}
