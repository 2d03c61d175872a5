// What proves the audit: the chain recomputed, checkpoints and the keys that sign them, where it is also sent, what is kept how long.
import { AuditTabs } from '@/components/audit/audit-tabs';
import { CheckChain } from '@/components/audit/check-chain';
import { Checkpoints } from '@/components/audit/checkpoints';
import { KeepingForm } from '@/components/audit/keeping-form';
import { SinkForm } from '@/components/audit/sink-form';
import { PageHeader } from '@/components/ui/page-header';
import { read, requireRole } from '@/lib/portal/read';

export const metadata = { title: 'Audit proof' };

export default async function AuditProofPage() {
  const { role } = await requireRole('admin', 'auditor');
  const [{ checkpoints, keys }, sink, keeping] = await Promise.all([
    read('GET /audit/checkpoints', { query: { limit: 10 } }),
    read('GET /audit/sink'),
    read('GET /audit/keeping'),
  ]);
  const mayChange = role === 'admin';
  return (
    <>
      <PageHeader
        title="Audit"
        description="Every record hangs on the one before it by a hash, so none can be changed, taken out or put in unseen. Here is how anybody can check that."
      />
      <AuditTabs current="proof" />
      <div className="flex flex-col gap-5">
        <CheckChain />
        <Checkpoints checkpoints={checkpoints} keys={keys} mayRotate={mayChange} />
        <SinkForm
          key={`${sink.kind} ${sink.address} ${sink.hasAuthorization}`}
          sink={sink}
          mayChange={mayChange}
        />
        <KeepingForm
          key={`${keeping.argumentDays} ${keeping.auditMonths}`}
          keeping={keeping}
          mayChange={mayChange}
        />
      </div>
    </>
  );
}
