// The people of a torture run: members whose groups change, whose tokens come and go, and agents that call without end.
import { createHash } from 'node:crypto';
import { cpus, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { saveAsanaApp } from '@/lib/asana/asana-app';
import type { Actor } from '@/lib/audit/append';
import { canonicalJson } from '@/lib/audit/canonical';
import { db, transaction } from '@/lib/db';
import { createGroup } from '@/lib/people/groups';
import { addMember } from '@/lib/people/members';
import { createOrganization, updateOrganization } from '@/lib/people/organizations';
import { mintAgentToken } from '@/lib/tokens/agent-tokens';
import { placeOf, sealSecret } from '@/lib/vault/vault';
import type { Cluster, Member } from './cluster';
import { now, type Call, type Change, type Heard, type Probe } from './history';
import type { Random } from './random';

const READ = 'search_tasks';
const WRITE = 'create_tasks';
const OPEN = [READ, WRITE];
/** Some time after a connection broke nothing that was sent on it takes effect any more. */
const SETTLED_MS = 1_000;
const PATIENCE_MS = 8_000;
const ACCOUNTS = ['ana', 'ben', 'cleo', 'admin'];
const STEADY = 4;
const CHANGING = 3;

interface Person {
  actor: Actor & { memberId: string };
  email: string;
  group: string;
}

interface Bearer {
  id: string;
  token: string;
  group: string;
}

export interface People {
  organizationId: string;
  /** Their groups stay as they are. */
  steady: { person: Person; bearer: Bearer }[];
  /** Their groups lose and regain the writing tool. */
  changing: { person: Person; bearer: Bearer }[];
  /** His tokens are minted and revoked. */
  minting: Person;
}

/** One organization with its people, their groups, tokens and connections. */
export async function settle({ sandbox }: Cluster): Promise<People> {
  const [app] = sandbox.apps;
  const { organizationId, adminId } = await transaction((tx) =>
    createOrganization(tx, {
      name: 'Example Works',
      admin: { email: 'admin@acme.example', name: 'Admin' },
      credentialName: 'torture',
    }),
  );
  const admin: Actor & { memberId: string } = {
    ...{ organizationId, memberId: adminId, memberEmail: 'admin@acme.example' },
    credential: { kind: 'session', id: 'torture', name: null },
  };
  await transaction((tx) =>
    saveAsanaApp(tx, admin, { clientId: app!.clientId, clientSecret: app!.clientSecret }, { confirm: false }),
  );
  const limits = { connectionPerMinute: 100_000, searchPerMinute: 100_000 };
  await transaction((tx) => updateOrganization(tx, admin, { limits }));
  const join = async (n: number) => {
    const person = await makePerson(admin, n);
    await connect(sandbox, person, `${ACCOUNTS[n % ACCOUNTS.length]}@example.com`);
    return person;
  };
  const withBearer = async (n: number) => {
    const person = await join(n);
    const minted = await transaction((tx) => mintAgentToken(tx, person.actor, { name: 'agent' }));
    return { person, bearer: { ...minted, group: person.group } };
  };
  const all = [];
  for (let n = 0; n < STEADY + CHANGING; n += 1) all.push(await withBearer(n));
  return {
    organizationId,
    steady: all.slice(0, STEADY),
    changing: all.slice(STEADY),
    minting: await join(STEADY + CHANGING),
  };
}

async function makePerson(admin: Actor & { memberId: string }, n: number): Promise<Person> {
  const [email, group] = [`person-${n}@acme.example`, `group-${n}`];
  const { id } = await transaction((tx) => addMember(tx, admin, { email, name: email, role: 'member' }));
  await transaction((tx) =>
    createGroup(tx, admin, { name: group, slug: group, tools: OPEN, members: [email] }),
  );
  return { actor: { ...admin, memberId: id, memberEmail: email }, email, group };
}

async function connect(
  { issueTokens, apps }: Cluster['sandbox'],
  { actor }: Person,
  email: string,
): Promise<void> {
  const tokens = issueTokens({ email });
  const { organizationId, memberId } = actor;
  const id = crypto.randomUUID();
  const seal = (column: string, secret: string) =>
    sealSecret(placeOf(organizationId, 'connections', column, id), secret);
  await db().connection.create({
    data: {
      ...{ id, organizationId, memberId, clientId: apps[0]!.clientId, asanaEmail: email },
      accessToken: seal('access_token', tokens.accessToken),
      refreshToken: seal('refresh_token', tokens.refreshToken),
      accessExpiresAt: new Date(Date.now() + tokens.expiresInSeconds * 1000),
    },
  });
}

export interface Traffic {
  calls: Call[];
  changes: Change[];
  probes: Probe[];
  /** Resolves when everything begun has ended. */
  stop(): Promise<void>;
}

/** Calls, changes and probes without end. `pauseMs` is the longest rest of an agent between two calls. */
export function startTraffic(
  cluster: Cluster,
  people: People,
  random: Random,
  { agents = 8, pauseMs = 80 } = {},
): Traffic {
  const calls: Call[] = [];
  const changes: Change[] = [];
  const probes: Probe[] = [];
  let open = true;
  let last = 0;
  const minted: Bearer[] = [];
  const dispatcher = new Agent({ connections: 64, pipelining: 1 });

  function bearers(): Bearer[] {
    return [...people.steady, ...people.changing].map(({ bearer }) => bearer).concat(minted, minted);
  }

  async function agent(): Promise<void> {
    while (open) {
      const member = pickMember(cluster, random);
      const bearer = random.pick(bearers());
      last += 1;
      const kind = random.chance(0.5) ? 'read' : 'write';
      calls.push(await call(dispatcher, { cluster, member, bearer, kind, marker: `torture-${last}-` }));
      await sleep(random.below(pauseMs));
    }
  }

  /** A group that loses its writing tool and gets it back. */
  async function flip({ person }: People['changing'][number]): Promise<void> {
    for (let closes = true; open; closes = !closes) {
      const tools = closes ? [READ] : OPEN;
      const member = pickMember(cluster, random);
      const content = { name: person.group, tools, members: [person.email] };
      const change: Change = {
        ...{ kind: 'tools', target: person.group, tools, process: cluster.members.indexOf(member) },
        ...{ invokedMs: now(), settledMs: Infinity, result: 'unknown' },
      };
      changes.push(change);
      const obeyed = await cluster.order(member, 'replaceGroup', person.actor, person.group, content);
      await settled(change, obeyed !== 'unknown' && obeyed.failed === undefined);
      await sleep(100 + random.below(500));
    }
  }

  async function mintAndRevoke(): Promise<void> {
    const { actor, group } = people.minting;
    while (open) {
      const [here, there] = [pickMember(cluster, random), pickMember(cluster, random)];
      const mint: Change = {
        ...{ kind: 'mint', target: null, tools: [], process: cluster.members.indexOf(here) },
        ...{ invokedMs: now(), settledMs: Infinity, result: 'unknown' },
      };
      changes.push(mint);
      const obeyed = await cluster.order(here, 'mint', actor, 'agent');
      const given =
        obeyed === 'unknown' ? undefined : (obeyed.gave as { id: string; token: string } | undefined);
      if (given) mint.target = given.id;
      await settled(mint, given !== undefined);
      if (!given) continue;
      minted.push({ ...given, group });
      await sleep(200 + random.below(800));
      await revoke(there, given.id);
      // Its agent goes on for a while, as it does not know.
      await sleep(random.below(800));
      minted.shift();
    }
  }

  async function revoke(member: Member, id: string): Promise<void> {
    for (;;) {
      const change: Change = {
        ...{ kind: 'revoke', target: id, tools: [], process: cluster.members.indexOf(member) },
        ...{ invokedMs: now(), settledMs: Infinity, result: 'unknown' },
      };
      changes.push(change);
      const obeyed = await cluster.order(member, 'revoke', people.minting.actor, id);
      // One that was not acknowledged may have been carried out: then there is no such token any more.
      const gone = obeyed !== 'unknown' && (obeyed.failed === undefined || obeyed.failed === 'not_found');
      await settled(change, gone);
      if (gone) return;
      member = pickMember(cluster, random);
      await sleep(100);
    }
  }

  async function settled(change: Change, acknowledged: boolean): Promise<void> {
    if (!acknowledged) await sleep(SETTLED_MS);
    change.result = acknowledged ? 'ok' : 'unknown';
    change.settledMs = now();
  }

  const [prober] = [people.steady[0]!.bearer];
  async function probe(member: Member, process: number): Promise<void> {
    while (open) {
      const startedMs = now();
      const { status } = await post(dispatcher, member.url, prober.token, ping, 3_000);
      probes.push({ process, startedMs, endedMs: now(), status, load: loadavg()[0]! / cpus().length });
      await sleep(100);
    }
  }

  const running = [
    ...Array.from({ length: agents }, agent),
    ...people.changing.map(flip),
    mintAndRevoke(),
    ...cluster.members.map(probe),
  ];
  // Whatever fails in there is a mistake of this program, and ends the run.
  const failed = Promise.all(running);
  failed.catch(() => undefined);
  return {
    calls,
    changes,
    probes,
    async stop() {
      open = false;
      await failed;
      await dispatcher.destroy();
    },
  };
}

const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };

/** Any process, seldom one that is known not to serve. */
function pickMember({ members }: Cluster, random: Random): Member {
  const serving = members.filter(({ state }) => state === 'serving');
  return random.pick(serving.length === 0 || random.chance(0.05) ? members : serving);
}

interface Told {
  status: number | null;
  body: { result?: unknown; error?: { code: number; message: string; data?: { outcome?: unknown } } } | null;
}

async function call(
  dispatcher: Agent,
  told: { cluster: Cluster; member: Member; bearer: Bearer; kind: 'read' | 'write'; marker: string },
): Promise<Call> {
  const { cluster, member, bearer, kind, marker } = told;
  const tool = kind === 'read' ? READ : WRITE;
  const given = kind === 'read' ? { text: marker } : { default_assignee: 'me', tasks: [{ name: marker }] };
  const invokedMs = now();
  const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool, arguments: given } };
  const { status, body } = await post(dispatcher, member.url, bearer.token, message, PATIENCE_MS);
  return {
    ...{
      marker,
      kind,
      tool,
      bearer: bearer.id,
      group: bearer.group,
      process: cluster.members.indexOf(member),
    },
    argumentsHash: createHash('sha256').update(canonicalJson(given)).digest('hex'),
    ...{ invokedMs, endedMs: now(), heard: heardOf({ status, body }) },
  };
}

async function post(
  dispatcher: Agent,
  url: string,
  token: string,
  message: object,
  patienceMs: number,
): Promise<Told> {
  try {
    const { statusCode, body } = await request(url, {
      dispatcher,
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: JSON.stringify(message),
      signal: AbortSignal.timeout(patienceMs),
    });
    const text = await body.text();
    const data = text.startsWith('{') ? text : /^data: ?(.*)$/m.exec(text)?.[1];
    return { status: statusCode, body: data ? (JSON.parse(data) as Told['body']) : null };
  } catch {
    return { status: null, body: null };
  }
}

function heardOf({ status, body }: Told): Heard {
  if (status === 401) return { is: 'unauthenticated' };
  if (status === null || body === null) return { is: 'broken' };
  if (body.error?.code === -32602 && body.error.message.startsWith('Unknown tool')) return { is: 'denied' };
  if (body.error) {
    const said = body.error.data?.outcome;
    const outcome = said === 'not_sent' || said === 'not_executed' || said === 'unknown' ? said : null;
    return { is: 'refused', status, outcome };
  }
  // Gatehouse's own answer, with the link: Asana refused the token, so the call was not executed.
  const own = JSON.stringify(body.result).includes('/connections');
  return own ? { is: 'refused', status, outcome: 'not_executed' } : { is: 'ok' };
}
