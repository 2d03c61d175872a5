// The sandbox's own controls over HTTP, for tests and demos in other processes: everything under /sandbox, JSON only.
// It gives out secrets (it is a sandbox), so it answers only to a loopback Host and to JSON bodies: a page that happens
// to be open in the same browser can neither rebind a name to it nor post to it unasked.
import { mediaType, type Exchange } from '@/lib/sandbox/exchange';
import { answered, json, type Delivery } from '@/lib/sandbox/faults';
import type { Sandbox } from '@/lib/sandbox/start-sandbox';

type Control = (sandbox: Sandbox, given: any, url: URL) => unknown;

const toolNames = (sandbox: Sandbox) => ({ tools: sandbox.tools.map(({ name }) => name) });

const CONTROLS: ReadonlyMap<string, Control> = new Map<string, Control>([
  [
    'GET /sandbox/log',
    ({ log }, _given, url) => ({ entries: log.since(Number(url.searchParams.get('since') ?? 0)) }),
  ],
  [
    'POST /sandbox/log/clear',
    ({ log }) => {
      log.clear();
      return {};
    },
  ],
  ['GET /sandbox/switches', ({ switches }) => switches],
  [
    'POST /sandbox/switches',
    (sandbox, given) => {
      sandbox.set(given);
      return sandbox.switches;
    },
  ],
  ['GET /sandbox/tools', toolNames],
  ['POST /sandbox/tools', changeTools],
  [
    'POST /sandbox/expire',
    (sandbox) => {
      sandbox.expireAccessTokensNow();
      return {};
    },
  ],
  ['POST /sandbox/revoke', (sandbox, given) => ({ revoked: sandbox.revokeAll(given) })],
  [
    'GET /sandbox/world',
    (sandbox) => ({
      origin: sandbox.origin,
      mcpUrl: sandbox.mcpUrl,
      oauthUrl: sandbox.oauthUrl,
      resource: sandbox.resource,
      users: sandbox.users,
      apps: sandbox.apps,
    }),
  ],
  [
    'POST /sandbox/reset',
    (sandbox) => {
      sandbox.reset();
      return {};
    },
  ],
  ['POST /sandbox/apps', (sandbox, given) => sandbox.addApp(given)],
]);

function changeTools(sandbox: Sandbox, given: any): unknown {
  const { add, change, remove, rename } = given;
  if (add === undefined && change === undefined && remove === undefined && rename === undefined)
    throw new Error('The body must hold add, change, remove or rename.');
  if (add !== undefined) sandbox.addTool(add);
  if (change !== undefined) {
    const { name, ...changes } = change;
    sandbox.changeTool(name, changes);
  }
  if (remove !== undefined) sandbox.removeTool(remove);
  if (rename !== undefined) sandbox.renameTool(rename.from, rename.to);
  return toolNames(sandbox);
}

/** Answers a request under /sandbox; 400 with one sentence when the sandbox refuses it. */
export function handleControl(sandbox: Sandbox, { request, url, body }: Exchange): Delivery {
  const host = (request.headers.host ?? '').replace(/:\d+$/, '');
  if (!['127.0.0.1', 'localhost', '[::1]'].includes(host))
    return answered(json(403, { error: 'The controls answer to loopback names only.' }));
  const control = CONTROLS.get(`${request.method} ${url.pathname}`);
  if (!control)
    return answered(json(404, { error: 'There is no such control.', controls: [...CONTROLS.keys()] }));
  if (request.method === 'POST' && mediaType(request.headers['content-type']) !== 'application/json')
    return answered(json(415, { error: 'Send JSON, with Content-Type: application/json.' }));
  try {
    const given: unknown = body.length === 0 ? {} : JSON.parse(body.toString('utf8'));
    if (typeof given !== 'object' || given === null) throw new Error('The body must be a JSON object.');
    return answered(json(200, control(sandbox, given, url)));
  } catch (error) {
    return answered(json(400, { error: error instanceof Error ? error.message : 'The request failed.' }));
  }
}
