// The audit's two views: the records themselves, and charts of them.
import { TabLinks } from '../ui/tab-links';

export function AuditTabs({ current }: { current: 'records' | 'charts' }) {
  return (
    <TabLinks
      label="Views of the audit"
      current={current}
      tabs={[
        { id: 'records', title: 'Records', href: '/admin/audit' },
        { id: 'charts', title: 'Charts', href: '/admin/audit/charts' },
      ]}
    />
  );
}
