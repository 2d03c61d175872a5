// `subscriptions/listen` (MCP 2026-07-28): an agent hears within a second that an admin changed what it may use, in every process, and what
// Asana says of its lists as far as its groups open them; the stream ends with the access behind it.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { updateTool } from '@/lib/catalogue/catalogue';
import { pool, transaction } from '@/lib/db';
import { setEnv } from '@/lib/env';
import { endListening } from '@/lib/gateway/caller-news';
import { updateOrganization } from '@/lib/people/organizations';
import { resumeOrganization, stopOrganization } from '@/lib/people/stop-switch';
import { revokeAgentToken } from '@/lib/tokens/agent-tokens';
import type { FixtureRequest } from '../conformance/fixture';
import { answerJson, startRawUpstream } from '../support/raw-upstream';
import { startProcess, type GateProcess } from '../support/gate-fork';
import { headersFor, mint, until } from '../support/gate';
import {
  ask,
  META,
  modernHeaders,
  modernMessage,
  startModernGate,
  TOOLS,
  type ModernGate,
  type Person,
} from '../support/modern-gate';

let gate: ModernGate;
let other: GateProcess;
/** Streams of the present test. */
const opened: Stream[] = [];

beforeAll(async () => {
  gate = await startModernGate('modern');
  other = await startProcess();
}, 60_000);
afterAll(async () => {
  other.child.kill('SIGKILL');
  await gate.stop();
});
afterEach(() => {
  for (const { leave } of opened.splice(0)) leave();
});

const EVERYTHING = {
  toolsListChanged: true,
  promptsListChanged: true,
  resourcesListChanged: true,
  resourceSubscriptions: ['test://watched-resource'],
};
const SUBSCRIPTION = { [`${META}subscriptionId`]: 'mine' };

interface Stream {
  events: any[];
  /** The methods of what came after the acknowledgement. */
  heard(): string[];
  isOver: boolean;
  leave(): void;
}

async function listen(
  token: string,
  notifications: object = EVERYTHING,
  process: { url: string } = gate,
): Promise<Stream> {
  const message = modernMessage('subscriptions/listen', { notifications });
  const leaving = new AbortController();
  const response = await fetch(process.url, {
    ...{ method: 'POST', signal: leaving.signal, body: JSON.stringify(message) },
    headers: headersFor(token, modernHeaders(message)),
  });
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
  const stream: Stream = {
    events: [],
    heard: () =>
      stream.events.slice(1).map(({ method, error, result }) => method ?? error?.code ?? result?.resultType),
    isOver: false,
    leave: () => leaving.abort(),
  };
  opened.push(stream);
  void read(response, stream);
  await until(() => stream.events.length > 0);
  return stream;
}

/** The same, from when our own stream to Asana is open for it. */
async function listenToAsana(person: Person, notifications?: object): Promise<Stream> {
  const isOurs = ({ httpMethod, message }: FixtureRequest) =>
    httpMethod === 'GET' || message?.method === 'subscriptions/listen';
  gate.fixture.requests.length = 0;
  const stream = await listen(person.token, notifications);
  await until(() => gate.fixture.requests.some(isOurs));
  // Until the fixture has its answer begun.
  await new Promise((resolve) => setTimeout(resolve, 100));
  return stream;
}

/** So long that what would be told is there. */
const quiet = () => new Promise((resolve) => setTimeout(resolve, 400));

async function read(response: Response, stream: Stream): Promise<void> {
  let text = '';
  try {
    for await (const piece of response.body!.pipeThrough(
      new TextDecoderStream(),
    ) as unknown as AsyncIterable<string>) {
      text += piece;
      const whole = text.split('\n\n');
      text = whole.pop()!;
      for (const event of whole)
        if (event.includes('data: ')) stream.events.push(JSON.parse(event.split('data: ')[1]!));
    }
  } catch {
    // It was left.
  }
  stream.isOver = true;
}

/** Does something and returns how long it took from then until the stream heard one thing more. */
async function timed(stream: Stream, deed: () => Promise<unknown>): Promise<number> {
  const before = stream.events.length;
  await deed();
  const sinceMs = performance.now();
  await until(() => stream.events.length > before);
  return performance.now() - sinceMs;
}

const TOOLS_CHANGED = 'notifications/tools/list_changed';

test('the first event says what is honoured: what was asked for and is open to the caller', async () => {
  const [ana, ben] = [await gate.person(), await gate.person({ methods: [] })];
  expect((await listen(ana.token)).events).toEqual([
    {
      jsonrpc: '2.0',
      method: 'notifications/subscriptions/acknowledged',
      params: { _meta: SUBSCRIPTION, notifications: EVERYTHING },
    },
  ]);
  const acknowledged = async (asked: object) =>
    (await listen(ben.token, asked)).events[0].params.notifications;
  expect(await acknowledged(EVERYTHING)).toEqual({ toolsListChanged: true });
  expect(await acknowledged({ other: true, toolsListChanged: 'yes' })).toEqual({});
});

describe('an admin’s edit is heard within a second', () => {
  const edits: [string, (person: Person) => Promise<unknown>][] = [
    ['the group has another tool', (person) => person.allow(['test_simple_text', 'test_error_handling'])],
    ['the group has a tool less', (person) => person.allow(['test_simple_text'])],
    ['the tool is blocked', () => block(true)],
    ['the tool is open again', () => block(false)],
    [
      'the tool is changed at Asana and held',
      () => pool().query("UPDATE tools SET status = 'changed' WHERE name = 'test_simple_text'"),
    ],
    ['changed tools stay open', () => drift('warn')],
    ['changed tools are held', () => drift('hold')],
    [
      'the tool is reviewed',
      () =>
        transaction((tx) =>
          updateTool(tx, gate.organization.actor, 'test_simple_text', { status: 'reviewed' }),
        ),
    ],
    [
      'the person leaves the group',
      ({ member }) => pool().query('DELETE FROM group_members WHERE member_id = $1', [member.id]),
    ],
  ];
  const block = (blocked: boolean) =>
    transaction((tx) => updateTool(tx, gate.organization.actor, 'test_simple_text', { blocked }));
  const drift = (driftPolicy: 'warn' | 'hold') =>
    transaction((tx) => updateOrganization(tx, gate.organization.actor, { driftPolicy }));

  test('in every process, each of them', async () => {
    const ana = await gate.person({ tools: ['test_simple_text'], methods: [] });
    const [here, there] = await Promise.all(
      [gate, other].map((process) => listen(ana.token, { toolsListChanged: true }, process)),
    );
    for (const [what, edit] of edits) {
      const ms = await Promise.all([timed(here!, () => edit(ana)), timed(there!, async () => undefined)]);
      expect([what, ms.every((taken) => taken < 1_000)]).toEqual([what, true]);
    }
    expect([here!.heard(), there!.heard()]).toEqual(
      [edits, edits].map((all) => all.map(() => TOOLS_CHANGED)),
    );
    expect(here!.events[1].params._meta).toEqual(SUBSCRIPTION);
  });

  test('F6: nobody else hears it, and nobody hears of what he did not ask for', async () => {
    const [ana, ben] = [await gate.person(), await gate.person()];
    const [anas, bens, deaf] = [
      await listen(ana.token),
      await listen(ben.token),
      await listen(ana.token, { promptsListChanged: true }),
    ];
    await timed(anas, () => ana.allow(TOOLS.slice(1), ['resources', 'prompts']));
    await quiet();
    expect([anas.heard(), bens.heard(), deaf.heard()]).toEqual([[TOOLS_CHANGED], [], []]);
  });

  test('an edit that leaves the caller’s own set as it is tells nothing', async () => {
    const ana = await gate.person({ tools: ['test_simple_text'] });
    const stream = await listen(ana.token);
    await transaction((tx) =>
      updateTool(tx, gate.organization.actor, 'test_error_handling', { blocked: true }),
    );
    await transaction((tx) =>
      updateTool(tx, gate.organization.actor, 'test_error_handling', { blocked: false }),
    );
    await quiet();
    expect(stream.heard()).toEqual([]);
  });

  test('also where the notification was lost: the sweep finds it', async () => {
    const ana = await gate.person({ tools: ['test_simple_text'] });
    const stream = await listen(ana.token);
    await pool().query('ALTER TABLE group_tools DISABLE TRIGGER group_tools_tell_edited');
    await pool().query(
      'DELETE FROM group_tools WHERE group_id IN (SELECT group_id FROM group_members WHERE member_id = $1)',
      [ana.member.id],
    );
    await pool().query('ALTER TABLE group_tools ENABLE TRIGGER group_tools_tell_edited');
    await expect.poll(() => stream.heard(), { timeout: 8_000 }).toEqual([TOOLS_CHANGED]);
  });

  test('a family that is closed is told of, and from then on Asana’s news of it are not', async () => {
    const ana = await gate.person();
    const stream = await listenToAsana(ana);
    await timed(stream, () => ana.allow(TOOLS, ['resources']));
    expect(stream.heard()).toEqual(['notifications/prompts/list_changed']);
    await ask(gate, ana.token, 'tools/call', { name: 'test_trigger_prompt_change', arguments: {} });
    await timed(stream, () =>
      ask(gate, ana.token, 'tools/call', { name: 'test_trigger_resource_change', arguments: {} }),
    );
    expect(stream.heard()).toEqual(['notifications/prompts/list_changed', 'notifications/resources/updated']);
  });
});

describe('what Asana says', () => {
  test('passes as it was asked for, through one stream of ours for all who listen through a connection', async () => {
    const ana = await gate.person();
    const stream = await listenToAsana(ana);
    const tools = await listen(ana.token, { toolsListChanged: true });
    for (const what of ['tool', 'prompt', 'resource'])
      await timed(stream, () =>
        ask(gate, ana.token, 'tools/call', { name: `test_trigger_${what}_change`, arguments: {} }),
      );
    expect(stream.heard()).toEqual([
      TOOLS_CHANGED,
      'notifications/prompts/list_changed',
      'notifications/resources/updated',
    ]);
    expect(stream.events[3].params).toEqual({ _meta: SUBSCRIPTION, uri: 'test://watched-resource' });
    expect(tools.heard()).toEqual([TOOLS_CHANGED]);
    const ours = () =>
      gate.fixture.requests.filter(({ message }) => message?.method === 'subscriptions/listen');
    expect(ours()).toHaveLength(1);
    const record = async () =>
      (
        await pool().query(
          `SELECT r.credential_kind, o.outcome FROM audit_records r LEFT JOIN audit_records o ON o.call_id = r.id
           WHERE r.method = 'subscriptions/listen' AND r.connection_id = $1`,
          [ana.member.connectionId],
        )
      ).rows;
    expect(await record()).toEqual([{ credential_kind: 'system', outcome: null }]);
    // And ends when nobody listens any more.
    stream.leave();
    await quiet();
    expect(await record()).toEqual([{ credential_kind: 'system', outcome: null }]);
    tools.leave();
    await until(async () => (await record())[0].outcome === 'ok');
  });

  test('is asked for once where Asana has no such stream, and nobody waits for it', async () => {
    const raw = await startRawUpstream();
    raw.answerAll((response, { message: { id, method } }) =>
      method === 'server/discover'
        ? answerJson(response, {
            jsonrpc: '2.0',
            id,
            result: { supportedVersions: ['2026-07-28'], capabilities: {} },
          })
        : response.writeHead(405).end(),
    );
    setEnv({ ASANA_MCP_URL: raw.url });
    try {
      const ana = await gate.person();
      const stream = await listen(ana.token);
      await until(() => raw.of('subscriptions/listen').length > 0);
      await quiet();
      const startedMs = performance.now();
      const second = await listen(ana.token);
      expect(performance.now() - startedMs).toBeLessThan(450);
      await timed(second, () => ana.allow([]));
      await new Promise((resolve) => setTimeout(resolve, 1_600));
      expect([stream.heard(), raw.of('subscriptions/listen').length]).toEqual([
        expect.arrayContaining([TOOLS_CHANGED]),
        1,
      ]);
    } finally {
      setEnv({ ASANA_MCP_URL: gate.fixture.url });
      await raw.close();
    }
  });

  test('is not asked for while Asana wants quiet', async () => {
    const ana = await gate.person();
    await pool().query("UPDATE connections SET throttled_until = now() + interval '1 minute' WHERE id = $1", [
      ana.member.connectionId,
    ]);
    gate.fixture.requests.length = 0;
    const stream = await listen(ana.token);
    await quiet();
    expect([stream.events.length, gate.fixture.requests]).toEqual([1, []]);
  });

  test('does not pass to who may not use it', async () => {
    const ben = await gate.person({
      tools: ['test_trigger_prompt_change', 'test_trigger_tool_change'],
      methods: [],
    });
    const stream = await listenToAsana(ben);
    await ask(gate, ben.token, 'tools/call', { name: 'test_trigger_prompt_change', arguments: {} });
    await timed(stream, () =>
      ask(gate, ben.token, 'tools/call', { name: 'test_trigger_tool_change', arguments: {} }),
    );
    expect(stream.heard()).toEqual([TOOLS_CHANGED]);
  });

  test('an Asana of the older era is heard through its session’s stream', async () => {
    await gate.become('legacy');
    try {
      const ana = await gate.person();
      const stream = await listenToAsana(ana);
      await timed(stream, () =>
        ask(gate, ana.token, 'tools/call', { name: 'test_trigger_tool_change', arguments: {} }),
      );
      expect(stream.heard()).toEqual([TOOLS_CHANGED]);
    } finally {
      await gate.become('modern');
    }
  });
});

describe('R7: the stream ends within a second, and says why, when', () => {
  const ends: [string, (person: Person, tokenId: string) => Promise<unknown>][] = [
    [
      'the token is revoked',
      ({ member }, id) =>
        transaction((tx) => revokeAgentToken(tx, { ...gate.organization.actor, memberId: member.id }, id)),
    ],
    [
      'the organization is stopped',
      () => transaction((tx) => stopOrganization(tx, gate.organization.actor, 'a drill')),
    ],
  ];
  test.each(ends)('%s', async (_, deed) => {
    const ana = await gate.person();
    const { id, token } = await mint(ana.member);
    const stream = await listen(token);
    expect(await timed(stream, () => deed(ana, id))).toBeLessThan(1_000);
    await until(() => stream.isOver);
    expect(stream.heard()).toEqual([1403]);
    await transaction((tx) => resumeOrganization(tx, gate.organization.actor));
  });
});

test('a sixth stream of one token ends its first in order, and so does the end of the process all', async () => {
  const ana = await gate.person();
  const streams: Stream[] = [];
  for (let n = 0; n < 6; n += 1) streams.push(await listen(ana.token));
  await until(() => streams[0]!.isOver);
  expect(streams.map(({ isOver }) => isOver)).toEqual([true, false, false, false, false, false]);
  endListening();
  await until(() => streams.every(({ isOver }) => isOver));
  for (const stream of streams) expect(stream.heard()).toEqual(['complete']);
  expect(streams[1]!.events[1]).toMatchObject({ id: 'mine', result: { _meta: SUBSCRIPTION } });
});

test('without a good bearer there is none', async () => {
  const message = modernMessage('subscriptions/listen', { notifications: {} });
  const response = await fetch(gate.url, {
    method: 'POST',
    headers: headersFor('nobody', modernHeaders(message)),
    body: JSON.stringify(message),
  });
  expect(response.status).toBe(401);
});
