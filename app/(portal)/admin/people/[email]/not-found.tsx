// A person who is not here, or not any more: what they did may still be on record.
import { PersonGone } from '@/components/people/person-gone';
import { PageHeader } from '@/components/ui/page-header';

export default function PersonNotFound() {
  return (
    <>
      <PageHeader title="Nobody here has this address" />
      <PersonGone />
    </>
  );
}
