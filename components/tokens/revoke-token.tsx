// Revokes an agent token after saying what stops.
import { ConfirmEnd } from '../confirm-end';

export function RevokeToken({ id, name }: { id: string; name: string }) {
  return (
    <ConfirmEnd
      operation="DELETE /me/tokens/{id}"
      input={{ path: { id } }}
      text="Revoke"
      label={`Revoke ${name}`}
      title="Revoke this token?"
      confirm="Revoke token"
      done="Token revoked"
      about={name}
    >
      Every agent or script that uses <strong className="font-medium">{name}</strong> is refused from its next
      call on. This can’t be undone; a new token has to be put where this one is used.
    </ConfirmEnd>
  );
}
