// The two views of what Asana changed: what waits for a decision, and the log of all of it.
import { TabLinks } from '../ui/tab-links';

export function ReviewTabs({ current }: { current: 'waiting' | 'log' }) {
  return (
    <TabLinks
      label="Views of what Asana changed"
      current={current}
      tabs={[
        { id: 'waiting', title: 'To review', href: '/admin/reviews' },
        { id: 'log', title: 'Drift log', href: '/admin/reviews/log' },
      ]}
    />
  );
}
