// What the portal calls decisions, outcomes, reasons and events.
import { DENIALS } from '@/lib/policy/policy';
import type { OperationAnswer } from '@/lib/portal/operations';
import type { Tone } from '../ui/badge';

export type AuditRecord = OperationAnswer<'GET /audit'>['records'][number];

export const outcomes: Record<
  NonNullable<AuditRecord['outcome']>,
  { text: string; tone: Tone; meaning: string }
> = {
  ok: { text: 'OK', tone: 'success', meaning: 'Asana answered, and the tool did its work.' },
  tool_error: { text: 'Tool error', tone: 'warn', meaning: 'Asana answered that the tool failed.' },
  upstream_error: {
    text: 'Asana failed',
    tone: 'danger',
    meaning: 'Asana answered with a failure or not at all.',
  },
  unknown: {
    text: 'Unknown',
    tone: 'warn',
    meaning:
      'No outcome is on record: the call is still running, or its process died. It may have been carried out.',
  },
};

// What went wrong after a call was let through (lib/gateway writes these). `status_…` is Asana's HTTP status.
export const failures: Record<string, string> = {
  no_connection: 'The person has no usable Asana connection.',
  revoked_meanwhile:
    'The token or the connection ended between the decision and the sending; nothing was sent.',
  organization_stopped: 'All agents were stopped while the call was under way.',
  member_removed: 'The person was removed while the call was under way.',
  credential_ended: 'The agent’s access was ended while the call was under way.',
  connection_ended: 'The connection was ended while the call was under way.',
  refresh_resting: 'Asana did not renew the connection several times; Gatehouse waits before it tries again.',
  rate_limited: 'Asana’s limit on requests was reached.',
  too_many_in_flight:
    'Too many calls were under way through this connection, and no place came free in time; nothing was sent.',
  unauthorized: 'Asana did not accept the connection’s token.',
  session_gone: 'Asana had ended the session; the agent begins a new one.',
  timeout: 'Asana did not answer in time.',
  unreachable: 'Asana could not be reached; nothing was sent.',
  undo_unread: 'What was there before could not be read at Asana, so the call was not sent.',
  undo_unclear:
    'Its arguments do not say what it would change, so what was there could not be kept; it was not sent.',
  undo_too_large: 'More than can be kept was in it, so it was not sent.',
  undo_limited:
    'The connection’s calls of the minute were used up before what was there could be read; it was not sent.',
  circuit_open:
    'Asana had been failing, so nothing was sent; Gatehouse tries again by itself within half a minute.',
  cut: 'Asana’s answer broke off.',
  malformed: 'Asana’s answer was not a valid message.',
  unavailable: 'The database did not answer.',
  refresh_invalid_grant: 'Asana refused to renew the connection; the person has to reconnect.',
  refresh_unavailable: 'Asana could not be reached to renew the connection.',
};

/** A reason as a sentence; a code that has none is shown as it is. */
export function reasonSentence(record: Pick<AuditRecord, 'decision' | 'reason'>): string {
  const { decision, reason = '' } = record;
  if (decision === 'deny') return (DENIALS as Record<string, string>)[reason] ?? reason;
  // A read that got no answer was sent once more (lib/gateway/repeat-read).
  const [, retried = '', rest = ''] = /^(retried_?)?(.*)$/.exec(reason)!;
  const status = /^status_(\d{3})$/.exec(rest)?.[1];
  const sentence = status ? `Asana answered with status ${status}.` : (failures[rest] ?? rest);
  return [retried && 'Asana did not answer at first; this read was sent a second time.', sentence]
    .filter(Boolean)
    .join(' ');
}

const actions: Record<string, string> = {
  'organization.created': 'Created the organization',
  'organization.updated': 'Changed the organization’s settings',
  'organization.stopped': 'Stopped all agents',
  'organization.resumed': 'Let the agents call again',
  'asana_app.saved': 'Saved the Asana app',
  'tools.synced': 'Compared the catalogue with Asana',
  'tool.reviewed': 'Reviewed a tool',
  'tool.kept': 'Left a changed tool closed',
  'tool.updated': 'Changed a tool',
  'group.created': 'Created a group',
  'group.updated': 'Changed a group',
  'group.deleted': 'Deleted a group',
  'member.added': 'Added a member',
  'member.invited': 'Made an invite link',
  'member.updated': 'Changed a member',
  'member.removed': 'Removed a member',
  'invite.accepted': 'Accepted an invite',
  'agent_token.minted': 'Created an agent token',
  'agent_token.revoked': 'Revoked an agent token',
  'api_key.created': 'Created an API key',
  'api_key.deleted': 'Ended an API key',
  'member.signed_in': 'Signed in',
  'member.sign_in_failed': 'Failed to sign in',
  'member.sign_in_refused': 'Was refused at sign-in through the company',
  'member.bound_to_company': 'Was bound to an account at the company',
  'member.released_from_company': 'Was released from an account at the company',
  'member.groups_claimed': 'Got the groups that the company says',
  'directory_user.created': 'Created a person from the directory',
  'directory_user.updated': 'Changed a person from the directory',
  'directory_user.deleted': 'Deleted a person from the directory',
  'directory_group.mapped': 'Let a group of the company decide a group',
  'directory_group.updated': 'Renamed a group of the company',
  'directory_group.unmapped': 'Ended that a group of the company decides',
  'directory_group.deleted': 'Deleted a group of the company',
  'directory_token.created': 'Created a directory token',
  'directory_token.deleted': 'Ended a directory token',
  'member.locked': 'Was locked out after failed sign-ins',
  'connection.connected': 'Connected Asana',
  'connection.reconnected': 'Reconnected Asana',
  'connection.disconnected': 'Disconnected Asana',
  'connection.needs_reconnect': 'A connection needs to be reconnected',
  'connection.refresh_failed': 'A connection could not be renewed',
  'connection.recovered': 'A connection is well again',
  'connection.refused': 'A connection was refused',
  'policy_test.created': 'Added a policy test',
  'policy_test.deleted': 'Deleted a policy test',
  'audit.arguments_replayed': 'Judged kept arguments by a draft of the policy',
  'tool_request.made': 'Asked for a tool',
  'tool_request.withdrawn': 'Withdrew a request for a tool',
  'tool_request.accepted': 'Accepted a request for a tool',
  'tool_request.declined': 'Declined a request for a tool',
  'approval.asked': 'Asked for an approval of a call',
  'approval.approved': 'Approved a call',
  'approval.declined': 'Declined a call',
  'undo.began': 'Began to put back what was there before a call',
  'undo.restored': 'Put back what was there before a call',
  'undo.refused': 'Could not put back what was there before a call; nothing was sent',
  'undo.read': 'Read what was there before a call',
  'budget.tripped': 'Spent a budget on writes, and only reads',
  'budget.lifted': 'Let an agent write again',
  'client.deleted': 'Removed an MCP client',
  'client.updated': 'Changed an MCP client',
  'grant.created': 'Allowed an MCP client',
  'grant.ended': 'Ended an MCP client’s access',
  'redirect_uris.updated': 'Changed the redirect addresses of MCP clients',
  'audit.checkpoint_made': 'Signed the audit',
  'audit.arguments_read': 'Read the kept arguments of a call',
  'audit.arguments_expired': 'Deleted kept arguments whose time was over',
  'audit.expired': 'Deleted audit records whose time was over',
  'audit_key.rotated': 'Changed the key that signs the audit',
  'audit_sink.saved': 'Changed where the audit is sent',
  'audit_sink.removed': 'Stopped sending the audit elsewhere',
  'database.restored': 'Restored the database from a backup',
  'vault_key.added': 'Added a key of the vault',
  'vault_key.rotation_started': 'Began to seal secrets with a new key',
  'vault_key.rotation_finished': 'Sealed all secrets with the new key',
  'vault_key.retired': 'Retired a key of the vault',
};

/** An event's action in words; an unknown one as it is. */
export function actionWords(action: string): string {
  return actions[action] ?? action;
}

const credentials: Record<string, string> = {
  agent_token: 'Agent token',
  oauth: 'MCP client',
  session: 'Portal session',
  api_key: 'API key',
  system: 'Gatehouse itself',
};

/** "Agent token “Weekly report”". */
export function credentialWords({ kind, name }: AuditRecord['credential']): string {
  return `${credentials[kind] ?? kind}${name ? ` “${name}”` : ''}`;
}

/** What happened, in a sentence. */
export function recordSentence(record: AuditRecord): string {
  if (record.kind === 'event')
    return `By ${record.member ?? 'Gatehouse'}, through: ${credentialWords(record.credential)}.`;
  const who = `${record.member ?? 'Gatehouse'}’s ${record.credential.kind === 'agent_token' ? 'agent' : 'client'}`;
  if (record.decision === 'deny')
    return `${who} was refused; nothing went to Asana.${record.reason ? ` ${reasonSentence(record)}` : ''}`;
  return record.outcome
    ? `${who} was let through. ${outcomes[record.outcome].meaning}`
    : `${who} was let through.`;
}
