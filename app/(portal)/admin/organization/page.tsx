// The organization's settings and its API keys.
import { ApiKeys } from '@/components/organization/api-keys';
import { SettingsForm } from '@/components/organization/settings-form';
import { PageHeader } from '@/components/ui/page-header';
import { env } from '@/lib/env';
import { read, requireRole } from '@/lib/portal/read';

export const metadata = { title: 'Organization' };

export default async function OrganizationPage() {
  await requireRole('admin');
  const [settings, { apiKeys }] = await Promise.all([read('GET /organization'), read('GET /api-keys')]);
  return (
    <>
      <PageHeader title="Organization" description="Rules that hold for everybody in it." />
      <div className="flex flex-col gap-5">
        <SettingsForm settings={settings} />
        <ApiKeys apiKeys={apiKeys} address={`${env().GATEHOUSE_URL}/api/v1`} />
      </div>
    </>
  );
}
