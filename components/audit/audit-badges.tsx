// The marks of an audit record: what was decided, what came of it.
import { Badge } from '../ui/badge';
import { outcomes, type AuditRecord } from './words';

export function DecisionBadge({ record }: { record: AuditRecord }) {
  if (!record.decision)
    return <span className="text-ink-3 text-sm">{record.kind === 'event' ? 'Event' : 'Call'}</span>;
  return record.decision === 'allow' ? (
    <Badge tone="success">Allowed</Badge>
  ) : (
    <Badge tone="danger">Denied</Badge>
  );
}

export function OutcomeBadge({ record }: { record: AuditRecord }) {
  if (!record.outcome) return null;
  const { text, tone } = outcomes[record.outcome];
  return <Badge tone={tone}>{text}</Badge>;
}
