// The audit's views: the records themselves, charts of them, and what proves that they are as they were written.
import { TabLinks } from '../ui/tab-links';

export function AuditTabs({ current }: { current: 'records' | 'charts' | 'proof' }) {
  return (
    <TabLinks
      label="Views of the audit"
      current={current}
      tabs={[
        { id: 'records', title: 'Records', href: '/admin/audit' },
        { id: 'charts', title: 'Charts', href: '/admin/audit/charts' },
        { id: 'proof', title: 'Proof', href: '/admin/audit/proof' },
      ]}
    />
  );
}
