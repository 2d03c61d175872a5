// Set-ups for MCP clients, one tab each; the token way can mint its token right here.
'use client';
import { useState } from 'react';
import { MintHere } from '../tokens/mint-here';
import { Callout } from '../ui/callout';
import { CodeBlock } from '../ui/code-block';
import { CopyField } from '../ui/copy-field';
import { Disclosure } from '../ui/disclosure';
import { Segments } from '../ui/segments';
import { Tabs } from '../ui/tabs';
import type { McpClient, Way } from './snippet';
import { isReachableFromOutside, mcpClients } from './snippets';

/** A connection to mint tokens for, as `[id, name]`. */
export type ConnectionChoice = readonly [id: string, name: string];

/**
 * `token` is one that was just minted elsewhere: then only the token way is shown. `connections` are the active ones. `folded`: behind a
 * line, for who has agents already; it stays as it was at first, because a token minted here is shown here and nowhere else.
 */
export function UseItIn({
  endpoint,
  token: given = null,
  connections = [],
  folded = false,
}: {
  endpoint: string;
  token?: string | null;
  connections?: readonly ConnectionChoice[];
  folded?: boolean;
}) {
  const [isFolded] = useState(folded);
  const [minted, setMinted] = useState<string | null>(null);
  const [way, setWay] = useState<Way>('oauth');
  const token = given ?? minted;
  const clients = given ? mcpClients.filter(({ ways }) => ways.token) : mcpClients;
  const reachable = isReachableFromOutside(endpoint);
  const setUps = (
    <Tabs
      wrap
      label="Use it in"
      first={clients.find(({ fromOutside }) => reachable || !fromOutside)?.id}
      tabs={clients.map((client) => ({
        id: client.id,
        title: client.title,
        content: (
          <SetUpOf
            client={client}
            endpoint={endpoint}
            token={token}
            way={given ? 'token' : way}
            onWay={given ? null : setWay}
            connections={connections}
            onMinted={given ? null : setMinted}
          />
        ),
      }))}
    />
  );
  return isFolded ? <Disclosure summary="Show how, client by client">{setUps}</Disclosure> : setUps;
}

const wayOptions = [
  ['oauth', 'Sign in'],
  ['token', 'Agent token'],
] as const satisfies readonly (readonly [Way, string])[];

/** `onWay` and `onMinted` are null where the token is given. */
function SetUpOf({
  client,
  endpoint,
  token,
  way: chosen,
  onWay,
  connections,
  onMinted,
}: {
  client: McpClient;
  endpoint: string;
  token: string | null;
  way: Way;
  onWay: ((way: Way) => void) | null;
  connections: readonly ConnectionChoice[];
  onMinted: ((token: string) => void) | null;
}) {
  const { title, ways, fromOutside } = client;
  const both = ways.oauth && ways.token;
  const way = both ? chosen : ways.oauth ? 'oauth' : 'token';
  const { steps, before, code, language } = ways[way]!(endpoint, token);
  const last = steps.at(-1)!;
  return (
    <div className="flex flex-col gap-3 text-sm">
      {both && onWay && (
        <Segments
          label={`How ${title} shows who you are`}
          value={way}
          options={wayOptions}
          onChange={onWay}
        />
      )}
      {fromOutside && !isReachableFromOutside(endpoint) && (
        <Callout tone="warn">
          {title} calls from its maker’s servers, which can’t reach this address. It works once Gatehouse has
          a public https address.
        </Callout>
      )}
      {way === 'token' && onMinted && token === null && (
        <MintHere name={title} connections={connections} onMinted={onMinted} />
      )}
      {way === 'token' && onMinted && token !== null && (
        <Callout tone="success" live title="The token is in place: copy now, it is shown only once">
          Leave this page and it is gone from here; it stays in force until you revoke it under Agents.
        </Callout>
      )}
      {before && (
        <>
          <p className="text-ink-2">{steps[0]}</p>
          <CodeBlock code={before} label={`${title}: terminal`} />
        </>
      )}
      {!before && steps.length > 1 ? (
        <ol className="text-ink-2 list-decimal space-y-1 pl-5">
          {steps.map((step) => (
            <li key={step}>{step}</li>
          ))}
        </ol>
      ) : (
        <p className="text-ink-2">{last}</p>
      )}
      {language === 'text' ? (
        <CopyField value={code} what={`address for ${title}`} />
      ) : (
        <CodeBlock code={code} label={`${title} set-up`} />
      )}
    </div>
  );
}
