// The newest calls of a person's agents.
import Link from 'next/link';
import { CallLine } from '../activity/call-line';
import type { AuditRecord } from '../audit/words';
import { Section } from '../ui/section';

const SHOWN = 5;

/** Nothing without calls. */
export function LatestCalls({ calls }: { calls: readonly AuditRecord[] }) {
  if (calls.length === 0) return null;
  return (
    <Section
      flush
      title="Latest calls"
      actions={
        <Link href="/activity" className="text-accent text-sm hover:underline">
          All activity
        </Link>
      }
    >
      <ul className="divide-line divide-y">
        {calls.slice(0, SHOWN).map((record) => (
          <CallLine key={record.id} record={record} brief />
        ))}
      </ul>
    </Section>
  );
}
