// Makes an API key and shows it, once.
'use client';
import { call } from '../api';
import type { Role } from '../people/words';
import { NewSecret } from '../tokens/new-secret';
import { CodeBlock } from '../ui/code-block';
import { CopyField } from '../ui/copy-field';
import { Select } from '../ui/select';

/** `address` is the URL of /api/v1. */
export function NewApiKey({ address }: { address: string }) {
  return (
    <NewSecret
      what="API key"
      kind="key"
      name={{ placeholder: 'Nightly audit export' }}
      create={async (input, form) => {
        const body = { ...input, role: form.get('role') as Role };
        return (await call('POST /api-keys', { body })).key;
      }}
      shown={(key) => (
        <>
          <CopyField value={key} what="API key" label="API key" />
          <h3 className="mt-4 mb-1 text-sm font-medium">Try it</h3>
          <CodeBlock
            label="curl command"
            code={`curl -s ${address}/tools \\\n  -H "Authorization: Bearer ${key}"`}
          />
        </>
      )}
    >
      <Select
        label="Role"
        name="role"
        defaultValue="auditor"
        options={[
          ['auditor', 'Auditor: reads tools and the audit'],
          ['admin', 'Admin: may change everything'],
        ]}
      />
    </NewSecret>
  );
}
