// Where clients may send people back after consent: exact addresses, and programs on people's own computers.
'use client';
import { useState, type FormEvent } from 'react';
import { call } from '../api';
import { Problem } from '../problem';
import { Badge } from '../ui/badge';
import { Button } from '../ui/button';
import { Section } from '../ui/section';
import { Switch } from '../ui/switch';
import { TextField } from '../ui/text-field';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';
import type { Rule } from './refused-registrations';

export function RedirectUris({ rule }: { rule: Rule }) {
  const [uris, setUris] = useState<readonly string[]>(rule.uris);
  const [allowLoopback, setAllowLoopback] = useState(rule.allowLoopback);
  const [added, setAdded] = useState('');
  const { pending, problem, run } = useCall();
  const nameOf = (uri: string) => rule.known.find((client) => client.uris.includes(uri))?.name;
  const missing = rule.known.filter((client) => !client.uris.every((uri) => uris.includes(uri)));
  const changed = JSON.stringify([uris, allowLoopback]) !== JSON.stringify([rule.uris, rule.allowLoopback]);

  const add = (event: FormEvent) => {
    event.preventDefault();
    const uri = added.trim();
    if (uri !== '' && !uris.includes(uri)) setUris([...uris, uri]);
    setAdded('');
  };
  const save = async () => {
    if (await run(() => call('PUT /redirect-uris', { body: { uris: [...uris], allowLoopback } })))
      toast('Redirect URIs saved');
  };
  return (
    <Section
      title="Redirect URIs"
      description="A client that would send people anywhere else can’t register. Compared character by character; on loopback the port may differ."
    >
      <div className="flex flex-col gap-4">
        {problem && <Problem problem={problem} />}
        <Switch checked={allowLoopback} onChange={(event) => setAllowLoopback(event.target.checked)}>
          Programs on people’s own computers (localhost, any port)
        </Switch>
        <ul
          aria-label="Allowed redirect URIs"
          className="border-line divide-line rounded-box divide-y border"
        >
          {uris.length === 0 && <li className="text-ink-3 px-3 py-2 text-sm">None.</li>}
          {uris.map((uri) => (
            <li key={uri} className="flex items-center gap-2 px-3 py-1.5">
              <code className="min-w-0 flex-1 font-mono text-xs [overflow-wrap:anywhere]">{uri}</code>
              {nameOf(uri) && <Badge>{nameOf(uri)}</Badge>}
              <Button
                size="sm"
                variant="quiet"
                aria-label={`Remove ${uri}`}
                onClick={() => setUris(uris.filter((other) => other !== uri))}
              >
                Remove
              </Button>
            </li>
          ))}
        </ul>
        {missing.length > 0 && (
          <div className="flex flex-wrap items-center gap-2 text-sm">
            <span className="text-ink-3">Known clients:</span>
            {missing.map((client) => (
              <Button
                key={client.name}
                size="sm"
                onClick={() => setUris([...new Set([...uris, ...client.uris])])}
              >
                Add {client.name}
              </Button>
            ))}
          </div>
        )}
        <form onSubmit={add} className="flex flex-wrap items-end gap-2">
          <TextField
            label="Another redirect URI"
            mono
            className="min-w-0 flex-1 basis-64"
            value={added}
            placeholder="https://client.example.com/callback"
            onChange={(event) => setAdded(event.target.value)}
          />
          <Button type="submit">Add</Button>
        </form>
        <div>
          <Button variant="primary" disabled={!changed} loading={pending} onClick={save}>
            Save redirect URIs
          </Button>
        </div>
      </div>
    </Section>
  );
}
