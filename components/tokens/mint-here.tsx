// Mints an agent token beside the text that needs it: one press, or two where a connection must be chosen.
'use client';
import KeyRound from 'lucide-react/icons/key-round';
import { useState } from 'react';
import { call } from '../api';
import { Problem } from '../problem';
import { Button } from '../ui/button';
import { Select } from '../ui/select';
import { useCall } from '../use-call';

const EXPIRES_IN_DAYS = 90;

/** `name` becomes the token's; `connections` are the active ones as `[id, name]`. */
export function MintHere({
  name,
  connections,
  onMinted,
}: {
  name: string;
  connections: readonly (readonly [id: string, name: string])[];
  onMinted: (token: string) => void;
}) {
  const { pending, problem, run } = useCall();
  const [connectionId, setConnectionId] = useState(connections[0]?.[0] ?? '');
  return (
    <div className="flex flex-col gap-2">
      <Problem problem={problem} />
      <div className="flex flex-wrap items-end gap-x-3 gap-y-2">
        {connections.length > 1 && (
          <Select
            label="Connection"
            className="min-w-0 flex-1 basis-48"
            options={connections}
            value={connectionId}
            onChange={(event) => setConnectionId(event.target.value)}
          />
        )}
        <Button
          icon={<KeyRound aria-hidden="true" />}
          loading={pending}
          onClick={async () => {
            const body = {
              name,
              expiresInDays: EXPIRES_IN_DAYS,
              ...(connections.length > 1 ? { connectionId } : {}),
            };
            const done = await run(() => call('POST /me/tokens', { body }));
            if (done) onMinted(done.answer.token);
          }}
        >
          Create a token for {name}
        </Button>
        <p className="text-ink-3 min-w-0 flex-1 basis-56 text-sm">
          It reaches all you may use and ends after {EXPIRES_IN_DAYS} days.
        </p>
      </div>
    </div>
  );
}
