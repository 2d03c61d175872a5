// The decision: through which Asana connection, and Allow or Deny. A plain form, so that it works before any script has loaded.
'use client';
import { useRef, useState } from 'react';
import { connectionName, type Connection } from '../connections/connection-state';
import { Button, ButtonAnchor } from '../ui/button';
import { Callout } from '../ui/callout';
import { RadioGroup } from '../ui/radio-group';

/** `chosen` is a connection made a moment ago; `allowable` false leaves Deny only. */
export function ConsentForm({
  uid,
  token,
  connections,
  chosen,
  allowable,
}: {
  uid: string;
  token: string;
  connections: readonly Connection[];
  chosen: string | undefined;
  allowable: boolean;
}) {
  const first = connections.find(({ status }) => status === 'active') ?? connections[0];
  const known = connections.find(({ id }) => id === chosen) ?? first;
  const [connection, setConnection] = useState(known?.id ?? '');
  const sent = useRef(false);
  const connectUrl = `/connect/asana?return=${encodeURIComponent(`/authorize/${uid}`)}`;
  return (
    <form
      method="post"
      action={`/authorize/${uid}`}
      // A second click would answer a question that is answered already.
      onSubmit={(event) => {
        if (sent.current) event.preventDefault();
        sent.current = true;
      }}
      className="flex flex-col gap-4"
    >
      <input type="hidden" name="token" value={token} />
      {allowable && connections.length > 0 && (
        <div>
          <RadioGroup
            label="Acts through"
            name="connection"
            value={connection}
            onChange={setConnection}
            options={connections.map((one) => ({
              value: one.id,
              label: connectionName(one),
              hint:
                one.status === 'active' ? undefined : 'Must be connected again before the client can call.',
            }))}
          />
          <a href={connectUrl} className="text-accent mt-2 inline-block text-sm hover:underline">
            Connect another account and come back
          </a>
        </div>
      )}
      {allowable && connections.length === 0 && (
        <Callout
          title="No Asana account is connected yet"
          actions={
            <ButtonAnchor href={connectUrl} size="sm">
              Connect Asana and come back
            </ButtonAnchor>
          }
        >
          You can allow the client now; it sees its tools, and can call them once you have connected.
        </Callout>
      )}
      <div className="flex gap-2">
        {allowable && (
          <Button type="submit" name="decision" value="allow" variant="primary" className="flex-1">
            Allow
          </Button>
        )}
        <Button type="submit" name="decision" value="deny" className="flex-1">
          Deny
        </Button>
      </div>
    </form>
  );
}
