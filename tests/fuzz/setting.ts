// Callers in front of a gate with a real database, and the sandbox behind it with somebody who hears every byte that arrives there.
import type { ServerResponse } from 'node:http';
import { Client } from 'pg';
import { transaction } from '@/lib/db';
import { setEnv } from '@/lib/env';
import { updateOrganization } from '@/lib/people/organizations';
import type { LogEntry } from '@/lib/sandbox/request-log';
import { createGroup } from '@/lib/people/groups';
import { makeMember, makeOrganization, mint, startGate, type OwnGate } from '../support/gate';
import { startRawUpstream, type RawUpstream } from '../support/raw-upstream';
import { CALLERS, type Caller } from './callers';
import { readingsOf } from './json-readings';
import type { Arrival, AuditedCall, Judged } from './judge-requests';
import { createRawClient, type RawClient } from './raw-client';

/** One agent with a person, a token and an Asana connection of its own; it makes one try at a time. */
export interface Lane extends Judged {
  client: RawClient;
  /** Of a session at the gate; renewed from time to time. */
  session: string;
  /** What arrived at Asana with this lane's token since the try began; null between tries. */
  arrivals: Arrival[] | null;
}

export interface Setting {
  gate: OwnGate;
  /** Where the agents send to. */
  url: string;
  /** Nothing stands between the agents and the gate. */
  isDirect: boolean;
  lanes: readonly Lane[];
  /** For tries about answers: an Asana that answers what it is told to. */
  raw: RawUpstream;
  /** Lanes whose calls go to `raw`; they can see get_me and get_task. */
  listeners: readonly Lane[];
  /** Which of the two Asanas the gate asks. */
  ask(which: 'sandbox' | 'raw'): void;
  /** What arrived and belongs to no try. */
  unexpected: string[];
  /** How many arrivals without an id have no record of an allowed call; counted at the end. */
  unrecorded(): Promise<string[]>;
  stop(): Promise<void>;
}

export interface SettingOptions {
  /** Of `startTestPostgres`; unset in vitest. */
  postgresUrl?: string;
  lanesEach?: number;
  /** Puts something between the agents and the gate; returns the URL that agents use. */
  agentsThrough?: (gateUrl: string) => Promise<string>;
  /** What Asana hears of each request instead of what the gate sent: for proof that the judge notices. */
  heardAs?: (body: Buffer) => Buffer[];
}

const WIDGETS = 'task_preview search_tasks_preview project_preview';
const PEOPLE = ['ana', 'ben', 'cleo', 'dora'];
const LISTENER: Caller = {
  ...CALLERS[0]!,
  kind: 'listener',
  group: { tools: ['get_me', 'get_task'], methods: [] },
  tools: new Set(['get_me', 'get_task']),
};

/** Starts all of it. `lanesEach`: agents of each kind. */
export async function startSetting(options: SettingOptions = {}): Promise<Setting> {
  const { lanesEach = 4, heardAs = (body: Buffer) => [body] } = options;
  const heard: { now: (entry: LogEntry, body: Buffer) => void } = { now: () => undefined };
  const gate = await startGate({
    chain: false,
    postgresUrl: options.postgresUrl,
    sandbox: { heard: (entry, body) => heard.now(entry, body) },
  });
  // The connections' tokens must outlive the run: what is fuzzed is the gate, not the refresh.
  gate.sandbox.set({ expiresInSeconds: 90_000 });
  const url = (await options.agentsThrough?.(gate.url)) ?? gate.url;
  const raw = await startRawUpstream();
  const organization = await makeOrganization(gate, 'Acme');
  await transaction((tx) =>
    updateOrganization(tx, organization.actor, {
      // What the fuzzed Asana lists is other than what was reviewed.
      driftPolicy: 'warn',
      limits: { connectionPerMinute: 1_000_000, searchPerMinute: 1_000_000 },
    }),
  );
  const definitions = new Map(gate.sandbox.tools.map((tool) => [tool.name, JSON.stringify(tool)]));
  const lane = async (caller: Caller, n: number): Promise<Lane> => {
    const email = `${caller.kind}${n}@acme.example`;
    const member = await makeMember(gate, organization, email, {
      asana: `${PEOPLE[n % PEOPLE.length]}@example.com`,
    });
    await transaction((tx) =>
      createGroup(tx, organization.actor, { name: `${caller.kind} ${n}`, ...caller.group, members: [email] }),
    );
    const { token } = await mint(member, { tools: caller.narrowed });
    // A description may name other tools; what an admin reviewed is no leak. Nor is a widget to who may list them.
    const seen =
      [...caller.tools].map((name) => definitions.get(name)!).join() + (caller.widgets ? '' : WIDGETS);
    const hidden = [...definitions.keys()].filter((name) => !caller.tools.has(name) && !seen.includes(name));
    const judged = { caller, memberId: member.id, token, asanaToken: '', secrets: [], hidden };
    return { ...judged, client: createRawClient(url), session: '', arrivals: null };
  };
  const all: Lane[] = [];
  for (let n = 0; n < lanesEach; n += 1)
    for (const caller of [...CALLERS, LISTENER]) all.push(await lane(caller, n));
  const lanes = all.filter(({ caller }) => caller !== LISTENER);
  const listeners = all.filter(({ caller }) => caller === LISTENER);

  const audit = await openAudit();
  const unexpected: string[] = [];
  const withoutId = new Map<string, number>();
  const laneOf = new Map<string, Lane>();
  const tokenOf = ({ authorization = '' }: { authorization?: string }) =>
    authorization.replace(/^Bearer /, '');
  // Tokens are learned one agent at a time: until all are known, what arrives is the one agent's that calls.
  let learning: Lane | undefined;
  const learn = (authorization: string) => {
    learning!.asanaToken ||= authorization;
    laneOf.set(authorization, learning!);
  };
  heard.now = (entry, whole) => {
    if (entry.path.startsWith('/-/')) return;
    const token = tokenOf(entry.headers);
    if (learning) return learn(token);
    const lane = laneOf.get(token);
    for (const body of heardAs(whole)) {
      const arrival = arrivalOf(entry, body, audit);
      if (!lane) unexpected.push('something reached Asana with a token of nobody');
      else {
        if (!arrival.isLookedUp) {
          const key = `${lane.memberId} ${readingsOf(body).strict?.method ?? JSON.stringify(entry.method)}`;
          withoutId.set(key, (withoutId.get(key) ?? 0) + 1);
        }
        if (lane.arrivals) lane.arrivals.push(arrival);
        else
          unexpected.push(
            `something reached Asana when ${lane.caller.kind} had asked nothing: ${body.toString('latin1').slice(0, 300)}`,
          );
      }
    }
  };
  raw.answerAll((response, { message, headers }) => {
    learn(tokenOf(headers));
    answerOpening(response, message.id);
  });
  const ask = (which: 'sandbox' | 'raw') =>
    setEnv({ ASANA_MCP_URL: which === 'sandbox' ? gate.sandbox.mcpUrl : raw.url });
  for (learning of all) {
    ask(learning.caller === LISTENER ? 'raw' : 'sandbox');
    learning.session = await openSession(learning, gate.url);
    // Also opens the session that calls without one go through.
    await ping(learning, gate.url);
  }
  learning = undefined;
  for (const lane of all)
    lane.secrets = all
      .filter((other) => other !== lane)
      .flatMap(({ token, asanaToken }) => [token, asanaToken]);
  const origin = new URL(url);
  return {
    ...{ gate, url: origin.href, isDirect: !options.agentsThrough, lanes, raw, listeners, ask, unexpected },
    async unrecorded() {
      const counts = await audit.countAllowed();
      return [...withoutId].flatMap(([key, count]) =>
        count > (counts.get(key) ?? 0)
          ? [`${count} arrivals of "${key}", but ${counts.get(key) ?? 0} records`]
          : [],
      );
    },
    async stop() {
      for (const { client } of all) client.close();
      await audit.end();
      await gate.stop();
      await raw.close();
    },
  };
}

const OPENED = {
  ...{ protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'raw', version: '0' } },
  ...{ content: [], tools: [] },
};

/** What every honest question of the other Asana's is answered with. */
export function answerOpening(response: ServerResponse, id: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', id, result: OPENED }));
}

/** A new session at the gate. */
export async function openSession({ token }: Lane, url: string): Promise<string> {
  const params = {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'fuzz', version: '1' },
  };
  const { headers } = await honest(url, token, { jsonrpc: '2.0', id: 1, method: 'initialize', params });
  return headers.get('mcp-session-id') ?? '';
}

async function ping({ token, caller }: Lane, url: string): Promise<void> {
  const [name] = caller.tools;
  const message =
    name === undefined ? { method: 'tools/list' } : { method: 'tools/call', params: { name: 'get_me' } };
  await honest(url, token, { jsonrpc: '2.0', id: 1, ...message });
}

async function honest(url: string, token: string, message: object): Promise<Response> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: {
      ...{ authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify(message),
  });
  await answer.text();
  if (answer.status !== 200)
    throw new Error(`The gate answers an honest call with ${answer.status}; nothing can be fuzzed.`);
  return answer;
}

interface Audit {
  /** The record as it is now, or null. */
  find(id: string): Promise<AuditedCall | null>;
  /** Allowed calls that are on record, by member and method as JSON. */
  countAllowed(): Promise<Map<string, number>>;
  end(): Promise<void>;
}

/** A connection of the judge's own to the database of the gate; questions that come together are asked together. */
async function openAudit(): Promise<Audit> {
  const client = new Client({ connectionString: process.env.DATABASE_URL });
  await client.connect();
  let waiting: { id: string; tell: (record: AuditedCall | null) => void }[] = [];
  let asking: Promise<void> | null = null;
  const ask = async () => {
    while (waiting.length > 0) await askOnce();
    asking = null;
  };
  const askOnce = async () => {
    const asked = waiting;
    waiting = [];
    const { rows } = await client.query<AuditedCall & { id: string }>({
      name: 'find',
      text: `SELECT id, member_id AS "memberId", decision, method, tool FROM audit_records
        WHERE kind = 'call' AND id = ANY($1::uuid[])`,
      values: [asked.map(({ id }) => id)],
    });
    const found = new Map(rows.map((row) => [row.id, row]));
    for (const { id, tell } of asked) tell(found.get(id) ?? null);
  };
  return {
    find: (id) =>
      new Promise((tell) => {
        waiting.push({ id, tell });
        asking ??= ask();
      }),
    async countAllowed() {
      const { rows } = await client.query<{ member_id: string; method: string; count: string }>(
        `SELECT member_id, method, count(*) FROM audit_records WHERE kind = 'call' AND decision = 'allow' GROUP BY 1, 2`,
      );
      return new Map(
        rows.map((row) => [`${row.member_id} ${JSON.stringify(row.method)}`, Number(row.count)]),
      );
    },
    async end() {
      await asking;
      await client.end();
    },
  };
}

/** Looks the call up in the moment of its arrival: its record must be there already. */
function arrivalOf(entry: LogEntry, body: Buffer, audit: Audit): Arrival & { isLookedUp: boolean } {
  const id = readingsOf(body).strict?.id;
  const uuid = /^"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"$/.exec(id ?? '')?.[1];
  const arrival = {
    ...{ httpMethod: entry.method, rawHeaders: entry.rawHeaders, body },
    status: () => entry.status,
    record: undefined as AuditedCall | null | undefined,
    known: Promise.resolve(),
    isLookedUp: uuid !== undefined,
  };
  if (uuid !== undefined)
    arrival.known = audit.find(uuid).then((record) => {
      arrival.record = record;
    });
  return arrival;
}
