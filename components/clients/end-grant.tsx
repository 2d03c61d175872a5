// Ends what a person allowed a client, after saying what stops.
import { ConfirmEnd } from '../confirm-end';

export function EndGrant({ id, name }: { id: string; name: string }) {
  return (
    <ConfirmEnd
      operation="DELETE /me/grants/{id}"
      input={{ path: { id } }}
      text="End access"
      label={`End access of ${name}`}
      title="End this client’s access?"
      confirm="End access"
      done="Access ended"
      about={name}
    >
      The next call of <strong className="font-medium">{name}</strong> is refused. To use it again you allow
      it anew from the client.
    </ConfirmEnd>
  );
}
