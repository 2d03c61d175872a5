// Makes a directory token and shows it, once.
'use client';
import { call } from '../api';
import { NewSecret } from '../tokens/new-secret';
import { CopyField } from '../ui/copy-field';

/** `address` is the URL of /scim/v2. */
export function NewDirectoryToken({ address }: { address: string }) {
  return (
    <NewSecret
      what="directory token"
      kind="token"
      description="Whoever has it can add people to Gatehouse and end them, but give nobody a tool."
      name={{ placeholder: 'Okta', hint: 'The audit names it with every change.' }}
      create={async (body) => (await call('POST /directory/tokens', { body })).token}
      shown={(token) => (
        <div className="flex flex-col gap-4">
          <CopyField value={address} what="SCIM base URL" label="SCIM base URL" />
          <CopyField value={token} what="directory token" label="Bearer token" />
        </div>
      )}
    />
  );
}
