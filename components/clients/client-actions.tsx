// Blocks, unblocks or deletes a client, after saying whom it ends for.
'use client';
import { call } from '../api';
import { ConfirmEnd } from '../confirm-end';
import { Problem } from '../problem';
import { Button } from '../ui/button';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';

export function ClientActions({
  id,
  name,
  blocked,
  members,
}: {
  id: string;
  name: string;
  blocked: boolean;
  members: readonly string[];
}) {
  const whom =
    members.length === 0
      ? 'It acts for nobody here at the moment.'
      : `It acts for ${members.slice(0, 5).join(', ')}${members.length > 5 ? ` and ${members.length - 5} more` : ''}.`;
  return (
    <>
      {blocked ? (
        <Unblock id={id} name={name} />
      ) : (
        <ConfirmEnd
          operation="PATCH /clients/{id}"
          input={{ path: { id }, body: { blocked: true } }}
          text="Block"
          label={`Block ${name}`}
          title="Block this client?"
          confirm="Block client"
          done="Client blocked"
          about={name}
        >
          {whom} Its next call is refused, and nobody here can allow it until you unblock it. What people
          allowed sleeps until then.
        </ConfirmEnd>
      )}
      <ConfirmEnd
        operation="DELETE /clients/{id}"
        input={{ path: { id } }}
        text="Delete"
        label={`Delete ${name}`}
        title="Delete this client?"
        confirm="Delete client"
        done="Client deleted"
        about={name}
      >
        {whom} Its next call is refused, and what people allowed ends. It can register and ask again; block it
        if it must not.
      </ConfirmEnd>
    </>
  );
}

// Gives nothing away that was not allowed before, so it does not ask.
function Unblock({ id, name }: { id: string; name: string }) {
  const { pending, problem, run } = useCall();
  return (
    <>
      <Button
        size="sm"
        variant="quiet"
        aria-label={`Unblock ${name}`}
        loading={pending}
        onClick={async () => {
          const input = { path: { id }, body: { blocked: false } };
          if (await run(() => call('PATCH /clients/{id}', input))) toast('Client unblocked', name);
        }}
      >
        Unblock
      </Button>
      <Problem problem={problem} className="max-w-64 text-left whitespace-normal" />
    </>
  );
}
