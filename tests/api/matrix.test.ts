// Every operation of /api/v1 and every page × every kind of caller × own and others' things: each cell has exactly the status that
// `matrix.ts` says, and nothing tells another's thing from one that does not exist.
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { searchAudit } from '@/lib/audit/records';
import { pool, transaction } from '@/lib/db';
import { mapDirectoryGroup } from '@/lib/directory/directory-groups';
import { createDirectoryToken } from '@/lib/directory/directory-tokens';
import { createGroup } from '@/lib/people/groups';
import { operationEntries } from '@/lib/portal/operations';
import { SEED } from '@/lib/sandbox/world-seed';
import { mintAgentToken } from '@/lib/tokens/agent-tokens';
import { keepBundle } from '@/lib/undo/keep';
import { placeOf, sealSecret } from '@/lib/vault/vault';
import {
  addApiKey,
  addConnection,
  addOrganization,
  addPerson,
  browser,
  PASSWORD,
  script,
  signIn,
  START_MS,
  startPortal,
  type Answer,
  type Client,
  type Portal,
  type PortalOrganization,
} from '../support/portal';
import { CALLERS, OPERATIONS, PAGES, ROUTES, SERVED, type CallerName, type Outcome } from './matrix';

let portal: Portal;
let aurora: PortalOrganization;
let borealis: PortalOrganization;
const clients = {} as Record<CallerName, Client>;
/** Ids of the people behind the sessions. */
const personOf: Partial<Record<CallerName, string>> = {};
let colleague: string;
/** Somebody of each organization who never signs in. */
const bystanders = new Map<PortalOrganization, string>();
let numbered = 0;
const connectionsOfUndo: string[] = [];

const isElsewhere = (caller: CallerName) => caller.endsWith('Elsewhere');
const homeOf = (caller: CallerName) => (isElsewhere(caller) ? borealis : aurora);
const markOf = (organization: PortalOrganization) => (organization === aurora ? 'aurora' : 'borealis');

beforeAll(async () => {
  portal = await startPortal();
  [aurora, borealis] = [
    await addOrganization('Aurora', 'admin@aurora.example', portal.sandbox),
    await addOrganization('Borealis', 'admin@borealis.example', portal.sandbox),
  ];
  for (const organization of [aurora, borealis]) {
    const mark = markOf(organization);
    const { actor, id } = organization;
    await addConnection(portal, id, actor.memberId!, 'ana@example.com');
    // Like-named in both, with contents that tell one from the other.
    const ana = await addPerson(organization, `ana@${mark}.example`, { name: 'Ana', password: undefined });
    bystanders.set(organization, ana);
    await transaction((tx) =>
      createGroup(tx, actor, {
        ...{ name: `Sales of ${mark}`, slug: 'sales', tools: ['get_me'], members: [`ana@${mark}.example`] },
      }),
    );
    await addApiKey(organization, 'member', `like-named key of ${mark}`);
    await transaction((tx) =>
      mintAgentToken(tx, { ...actor, memberId: actor.memberId! }, { name: `agent of ${mark}` }),
    );
  }
  personOf.member = await addPerson(aurora, 'member@aurora.example');
  personOf.auditor = await addPerson(aurora, 'auditor@aurora.example', { role: 'auditor' });
  colleague = await addPerson(aurora, 'colleague@aurora.example', { password: undefined });
  for (const caller of ['admin', 'adminElsewhere'] as const)
    personOf[caller] = homeOf(caller).actor.memberId!;
  const person = { ...aurora.actor, memberId: personOf.member!, memberEmail: 'member@aurora.example' };
  const { token } = await transaction((tx) => mintAgentToken(tx, person, { name: 'agent' }));
  Object.assign(clients, {
    nobody: browser(portal),
    agentToken: script(portal, token),
    member: await signIn(portal, 'member@aurora.example'),
    auditor: await signIn(portal, 'auditor@aurora.example'),
    admin: await signIn(portal, 'admin@aurora.example'),
    adminElsewhere: await signIn(portal, 'admin@borealis.example'),
    keyMember: script(portal, (await addApiKey(aurora, 'member')).key),
    keyAuditor: script(portal, (await addApiKey(aurora, 'auditor')).key),
    keyAdmin: script(portal, (await addApiKey(aurora, 'admin')).key),
    keyElsewhere: script(portal, (await addApiKey(borealis, 'admin')).key),
  });
}, START_MS);
afterAll(() => portal.stop());

type Kind =
  | 'group'
  | 'member'
  | 'tool'
  | 'apiKey'
  | 'connection'
  | 'token'
  | 'client'
  | 'grant'
  | 'memberToken'
  | 'memberGrant'
  | 'record'
  | 'keptCall'
  | 'request'
  | 'ownRequest'
  | 'policyTest'
  | 'approval'
  | 'undo'
  | 'spentBudget'
  | 'offboarding'
  | 'directoryGroup'
  | 'directoryToken'
  | 'boundMember';

/** Makes a thing and returns what a path calls it. `owner` is the person of what belongs to a person. */
async function make(kind: Kind, organization: PortalOrganization, owner: string): Promise<string> {
  const { actor, id: organizationId } = organization;
  numbered += 1;
  const name = `${String(numbered).padStart(6, '0')}`;
  // Who has several connections has to name one for a token.
  if (kind !== 'undo')
    await pool().query('DELETE FROM connections WHERE id = ANY($1)', [connectionsOfUndo.splice(0)]);
  switch (kind) {
    case 'group': {
      const content = { name: `Group of ${markOf(organization)}`, tools: ['get_me'], members: [] };
      return (await transaction((tx) => createGroup(tx, actor, { ...content, slug: `thing-${name}` }))).slug;
    }
    case 'member': {
      const email = `thing-${name}@${isAurora(organization) ? 'one' : 'two'}.example`;
      await addPerson(organization, email, {
        name: `Person of ${markOf(organization)}`,
        password: undefined,
      });
      return email;
    }
    case 'tool':
      await pool().query(
        `INSERT INTO tools (organization_id, name, definition, class, status, position, tokens, reviewed_at)
         VALUES ($1, $2, $3, 'read', 'reviewed', 100, 1, now())`,
        [
          organizationId,
          `thing_${name}`,
          JSON.stringify({ name: `thing_${name}`, title: markOf(organization) }),
        ],
      );
      return `thing_${name}`;
    case 'apiKey':
      return (await addApiKey(organization, 'member', `key of ${markOf(organization)}`)).id;
    case 'connection':
      return addConnection(portal, organizationId, owner, 'ben@example.com');
    case 'token': {
      const person = { ...actor, memberId: owner };
      return (await transaction((tx) => mintAgentToken(tx, person, { name: 'thing', tools: [] }))).id;
    }
    case 'memberToken':
      return `${await emailOf(owner)}/tokens/${await make('token', organization, owner)}`;
    case 'memberGrant':
      return `${await emailOf(owner)}/grants/${await make('grant', organization, owner)}`;
    case 'client': {
      const id = `thing-${name}`;
      await pool().query(
        `INSERT INTO oauth_clients (id, kind, name, metadata) VALUES ($1, 'registered', $2, '{"redirect_uris":[]}')`,
        [id, `Client of ${markOf(organization)}`],
      );
      await makeGrant(organization, bystanders.get(organization)!, id);
      return id;
    }
    case 'grant':
      return makeGrant(organization, owner, `client-${name}`);
    case 'request':
    case 'ownRequest': {
      const tool = await make('tool', organization, owner);
      const { rows } = await pool().query(
        `INSERT INTO tool_requests (organization_id, member_id, tool_name, reason) VALUES ($1, $2, $3, $4) RETURNING id`,
        [organizationId, owner, tool, `of ${markOf(organization)}`],
      );
      return rows[0].id as string;
    }
    case 'approval': {
      const { rows } = await pool().query(
        `INSERT INTO approvals (id, organization_id, member_id, credential_id, credential_name, connection_id, tool_name,
           arguments_hash, judged_as, approver_groups, approver_members, expires_at)
         VALUES (gen_random_uuid(), $1, $2, gen_random_uuid(), $3, gen_random_uuid(), 'get_me', $4, '', '{}', $5, now() + interval '1 day')
         RETURNING id`,
        [organizationId, bystanders.get(organization), `agent of ${markOf(organization)}`, name, [owner]],
      );
      return rows[0].id as string;
    }
    case 'undo':
      return makeUndo(organization, owner === '' ? bystanders.get(organization)! : owner);
    case 'spentBudget': {
      const { rows } = await pool().query(
        `INSERT INTO write_budgets (agent_id, day, organization_id, member_id, credential_id, credential_name, trip_id, tripped_as,
           tripped_at, budget)
         SELECT gen_random_uuid(), (now() AT TIME ZONE 'UTC')::date, $1, $2, gen_random_uuid(), $3, gen_random_uuid(), 'write_budget', now(), 1
         RETURNING trip_id AS id`,
        [organizationId, await memberWithBudget(organization), `agent of ${markOf(organization)}`],
      );
      return rows[0].id as string;
    }
    case 'policyTest': {
      const { rows } = await pool().query(
        `INSERT INTO policy_tests (id, organization_id, groups, tool_name, may, because, created_by)
         VALUES (gen_random_uuid(), $1, '{sales}', 'get_me', true, $2, 'test') RETURNING id`,
        [organizationId, `of ${markOf(organization)}`],
      );
      return rows[0].id as string;
    }
    case 'offboarding': {
      const { rows } = await pool().query(
        `INSERT INTO offboardings (id, organization_id, member_id, member_email, member_name, by, started_at, ended_at)
         VALUES (gen_random_uuid(), $1, gen_random_uuid(), $2, 'Gone', 'test', now(), now()) RETURNING id`,
        [organizationId, `gone-${name}@${markOf(organization)}.example`],
      );
      return rows[0].id as string;
    }
    case 'directoryGroup': {
      const group = await make('group', organization, owner);
      const map = { name: `Company ${name} of ${markOf(organization)}`, group };
      return (await transaction((tx) => mapDirectoryGroup(tx, actor, map))).id;
    }
    case 'directoryToken': {
      const named = { name: `Directory of ${markOf(organization)}` };
      return (await transaction((tx) => createDirectoryToken(tx, actor, named))).id;
    }
    case 'boundMember': {
      const email = await make('member', organization, owner);
      await pool().query(
        `INSERT INTO identities (organization_id, member_id, issuer, subject)
         SELECT organization_id, id, 'https://company.example', id::text FROM members WHERE email = $1`,
        [email],
      );
      return email;
    }
    case 'keptCall': {
      const { rows } = await pool().query(
        `INSERT INTO audit_records (id, organization_id, kind, method, tool, decision, arguments_hash)
         VALUES (gen_random_uuid(), $1, 'call', 'tools/call', 'get_me', 'allow', repeat('a', 64)) RETURNING id`,
        [organizationId],
      );
      const { id } = rows[0] as { id: string };
      const sealed = sealSecret(placeOf(organizationId, 'audit_arguments', 'sealed', id), '{}');
      await pool().query('INSERT INTO audit_arguments VALUES ($1, $2, now(), 2, $3)', [
        id,
        organizationId,
        sealed,
      ]);
      return id;
    }
    case 'record':
      return (await searchAudit(organizationId, {}, { limit: 1 })).records[0]!.id;
  }
}

/** What was there before somebody's agent renamed a task of its own, through a connection of its own, by a tool that the person may use. */
async function makeUndo(organization: PortalOrganization, owner: string): Promise<string> {
  const [organizationId, mark, n] = [organization.id, markOf(organization), (numbered += 1)];
  const { tasks } = portal.sandbox.world;
  const gid = `13${String(n).padStart(14, '0')}`;
  tasks.set(gid, { ...tasks.get(SEED.pressKit)!, gid, name: `Now of ${mark}` });
  const members = [await emailOf(owner)];
  await transaction((tx) =>
    createGroup(tx, organization.actor, {
      ...{ name: `Undo of ${mark}`, slug: `thing-${n}`, tools: ['update_tasks'], members },
    }),
  );
  const callId = crypto.randomUUID();
  const connectionId = await addConnection(portal, organizationId, owner, 'ana@example.com');
  connectionsOfUndo.push(connectionId);
  await keepBundle(
    { organizationId, memberId: owner, connectionId, callId, days: 1 },
    {
      ...{ tool: 'update_tasks', arguments: { tasks: [{ task: gid, name: `Now of ${mark}` }] } },
      before: [{ kind: 'task', gid, title: `Was of ${mark}`, parts: { name: `Was of ${mark}` } }],
    },
  );
  return callId;
}

/** A bystander, in a group that gives its people a budget. */
async function memberWithBudget(organization: PortalOrganization): Promise<string> {
  const memberId = bystanders.get(organization)!;
  const members = [await emailOf(memberId)];
  const writeSafety = { writesPerDay: 1, deletesPerDay: null, repeatWindowSeconds: null };
  const content = { name: `Budget of ${markOf(organization)}`, tools: [], members, writeSafety };
  await transaction((tx) =>
    createGroup(tx, organization.actor, { ...content, slug: `budget-${crypto.randomUUID()}` }),
  );
  return memberId;
}

async function emailOf(memberId: string): Promise<string> {
  const { rows } = await pool().query('SELECT email FROM members WHERE id = $1', [memberId]);
  return (rows[0] as { email: string }).email;
}

async function makeGrant(
  organization: PortalOrganization,
  memberId: string,
  clientId: string,
): Promise<string> {
  const { rows } = await pool().query(
    `INSERT INTO grants (id, organization_id, member_id, client_id, client_name, redirect_uri, resource, expires_at, redeemed_at)
     VALUES (gen_random_uuid(), $1, $2, $3, $4, '', '', now() + interval '1 day', now()) RETURNING id`,
    [organization.id, memberId, clientId, `Client of ${markOf(organization)}`],
  );
  return (rows[0] as { id: string }).id;
}

const isAurora = (organization: PortalOrganization) => organization === aurora;

const COLUMNS: Record<
  Exclude<Kind, 'record' | 'memberToken' | 'memberGrant'>,
  [table: string, column: string]
> = {
  ...{ group: ['groups', 'slug'], member: ['members', 'email'], tool: ['tools', 'name'] },
  ...{
    apiKey: ['api_keys', 'id::text'],
    connection: ['connections', 'id::text'],
    token: ['agent_tokens', 'id::text'],
    request: ['tool_requests', 'id::text'],
    ownRequest: ['tool_requests', 'id::text'],
    client: ['oauth_clients', 'id'],
    policyTest: ['policy_tests', 'id::text'],
    approval: ['approvals', 'id::text'],
    undo: ['undo_bundles', 'id::text'],
    spentBudget: ['write_budgets', 'trip_id::text'],
    offboarding: ['offboardings', 'id::text'],
    directoryGroup: ['directory_groups', 'id::text'],
    directoryToken: ['directory_tokens', 'id::text'],
    boundMember: ['identities', '(SELECT email FROM members WHERE id = member_id)'],
    keptCall: ['audit_arguments', 'call_id::text'],
    grant: ['grants', 'id::text'],
  },
};

/** The row of a thing as text; empty when it is gone. */
async function rowOf(kind: Kind, id: string): Promise<string> {
  if (kind === 'record') return 'insert-only';
  if (kind === 'memberToken' || kind === 'memberGrant')
    return rowOf(kind === 'memberToken' ? 'token' : 'grant', id.split('/').at(-1)!);
  const [table, column] = COLUMNS[kind];
  const { rows } = await pool().query(`SELECT t::text AS row FROM ${table} t WHERE ${column} = $1`, [id]);
  return rows.map(({ row }) => row as string).join('\n');
}

/** What does not exist, called like the other. */
const absent = (id: string) =>
  id.startsWith('thing') ? id.replace('thing', 'never') : id.slice(0, -1) + (id.endsWith('0') ? '1' : '0');

/** The kind of thing that a path names, and what a request of the operation sends besides. */
const SENT: Record<string, { kind?: Kind; query?: string; body?: (id: string) => unknown }> = {
  'PATCH /organization': { body: () => ({}) },
  'POST /organization/stop': { body: () => ({ reason: 'a drill' }) },
  'PUT /asana-app': {
    body: () => ({
      clientId: portal.sandbox.apps[0]!.clientId,
      clientSecret: portal.sandbox.apps[0]!.clientSecret,
    }),
  },
  'PATCH /tools/{name}': { kind: 'tool', body: () => ({ blocked: false }) },
  'POST /tools/review': {
    kind: 'tool',
    body: (name) => ({ decisions: [{ name, decision: 'block' }] }),
  },
  'GET /approvals/{id}': { kind: 'approval' },
  'POST /approvals/{id}/decision': {
    kind: 'approval',
    body: () => ({ decision: 'decline', answer: 'No.' }),
  },
  'GET /undo/{id}': { kind: 'undo' },
  'POST /undo/{id}/contents': { kind: 'undo' },
  'POST /undo/{id}/preview': { kind: 'undo' },
  'POST /undo/{id}/restore': { kind: 'undo', body: () => ({}) },
  'POST /budgets/{id}/lift': { kind: 'spentBudget' },
  'POST /offboardings': { kind: 'member', body: (email) => ({ email }) },
  'GET /offboardings/{id}': { kind: 'offboarding' },
  'POST /directory/groups': {
    kind: 'group',
    body: (group) => ({ name: `Company ${(numbered += 1)}`, group }),
  },
  'DELETE /directory/groups/{id}': { kind: 'directoryGroup' },
  'POST /directory/tokens': { body: () => ({ name: 'new' }) },
  'DELETE /directory/tokens/{id}': { kind: 'directoryToken' },
  'GET /members/{email}/identity': { kind: 'boundMember' },
  'DELETE /members/{email}/identity': { kind: 'boundMember' },
  'POST /api-keys': { body: () => ({ name: 'new', role: 'member' }) },
  'DELETE /api-keys/{id}': { kind: 'apiKey' },
  'POST /groups': { body: () => ({ name: 'New', slug: `new-${(numbered += 1)}`, tools: [], members: [] }) },
  'GET /groups/{slug}': { kind: 'group' },
  'PUT /groups/{slug}': { kind: 'group', body: () => ({ name: 'Replaced', tools: [], members: [] }) },
  'DELETE /groups/{slug}': { kind: 'group' },
  'POST /members': {
    body: () => ({ email: `new-${(numbered += 1)}@new.example`, name: 'New', role: 'member' }),
  },
  'GET /members/{email}': { kind: 'member' },
  'GET /members/{email}/revocations': { kind: 'member' },
  'GET /members/{email}/removal': { kind: 'member' },
  // Of the path's two places the first takes the whole: `email/tokens/id`.
  'DELETE /members/{email}/tokens/{id}': { kind: 'memberToken' },
  'DELETE /members/{email}/grants/{id}': { kind: 'memberGrant' },
  'PATCH /first-run': { body: () => ({ hidden: false }) },
  'GET /search': { query: '?q=a' },
  'PATCH /members/{email}': { kind: 'member', body: () => ({ name: 'Renamed' }) },
  'POST /members/{email}/invite': { kind: 'member' },
  'DELETE /members/{email}': { kind: 'member' },
  'DELETE /me/connections/{id}': { kind: 'connection' },
  'POST /me/tokens': { body: () => ({ name: 'new' }) },
  'DELETE /me/tokens/{id}': { kind: 'token' },
  'DELETE /me/grants/{id}': { kind: 'grant' },
  'PATCH /clients/{id}': { kind: 'client', body: () => ({ blocked: true }) },
  'DELETE /clients/{id}': { kind: 'client' },
  'PUT /redirect-uris': { body: () => ({ uris: [], allowLoopback: true }) },
  // A change that changes nothing, so that the version stays.
  'POST /groups/changes': { body: () => ({ changes: [{ slug: 'sales', version: 1, add: ['get_me'] }] }) },
  'POST /groups/changes/preview': { body: () => ({ changes: [{ slug: 'sales', add: ['get_task'] }] }) },
  'GET /me/asana-places': { query: '?kind=section&gid=1200000000000401' },
  'GET /explain': { query: '?tool=get_me&member=ana@{mark}.example' },
  'GET /me/explain': { query: '?tool=get_me' },
  'POST /me/tool-requests': { body: () => ({ tool: 'create_tasks', reason: 'new' }) },
  'DELETE /me/tool-requests/{id}': { kind: 'ownRequest' },
  'POST /tool-requests/{id}/accept': { kind: 'request', body: () => ({ group: 'sales' }) },
  'POST /tool-requests/{id}/decline': { kind: 'request', body: () => ({ answer: 'no' }) },
  'GET /audit/export': { query: '?format=jsonl' },
  'PUT /audit/sink': { body: () => ({ kind: 'none' }) },
  'POST /audit/{id}/arguments': { kind: 'keptCall' },
  'POST /policy-tests': {
    body: () => ({ groups: ['sales'], tool: 'get_me', arguments: { n: (numbered += 1) }, may: true }),
  },
  'DELETE /policy-tests/{id}': { kind: 'policyTest' },
  'POST /policy/replay': {
    body: () => ({ days: 1, draft: { changes: [{ slug: 'sales', add: ['get_task'] }] } }),
  },
  'POST /config/plan': { body: () => ({ config: { gatehouse: 1 } }) },
  'POST /config/apply': { body: () => ({ config: { gatehouse: 1 } }) },
  'POST /setup': {
    body: () => ({
      code: 'x',
      organization: 'Third',
      name: 'Eve',
      email: 'eve@new.example',
      password: PASSWORD,
    }),
  },
  'POST /invites/accept': { body: () => ({ token: 'ghi_x', password: PASSWORD }) },
};

const isPersonal = (kind: Kind) => ['connection', 'token', 'grant', 'ownRequest'].includes(kind);

/** What an answer says, but for what differs between two requests of one kind and between two names. */
function normal({ status, headers, text }: Answer, id: string): string {
  const plain = (value: string) =>
    value
      .replaceAll(encodeURIComponent(id), '<id>')
      .replaceAll(id, '<id>')
      .replace(/nonce(=\\?"|\\?":\\?")[A-Za-z0-9+/=]+/g, 'nonce');
  const passing = ['date', 'content-security-policy', 'content-length', 'keep-alive', 'connection'];
  const kept = [...headers]
    .filter(([name]) => !passing.includes(name))
    .map(([name, value]) => [name, plain(value)]);
  // Next numbers and orders the pieces of a page as they happen to be ready; what they say is the same.
  const isPage = headers.get('content-type')?.startsWith('text/html');
  const words = (value: string) => [...new Set(value.match(/[\p{L}\p{N}<>]{4,}/gu))].toSorted().join(' ');
  return JSON.stringify({ status, kept, body: isPage ? words(plain(text)) : plain(text) }, null, 1);
}

function outcomeOf(answer: Answer, path: string): Outcome {
  const location = answer.headers.get('location');
  if (location === null) return answer.status;
  const target = location.startsWith(`${portal.sandbox.origin}/-/oauth_authorize?`)
    ? '{asana}'
    : location.replace(encodeURIComponent(path), '{here}').replace(portal.origin, '');
  return `${answer.status} ${target}`;
}

/** No answer shows what belongs to the other organization, except what the caller named in the request. */
function expectOwnWorldOnly(caller: CallerName, answer: Answer, named = ''): void {
  const text = answer.text.replaceAll(named, '').toLowerCase();
  const other = markOf(isElsewhere(caller) ? aurora : borealis);
  expect(text.includes(other), `${caller} sees ${other}: ${answer.text.slice(0, 400)}`).toBe(false);
}

describe('the table', () => {
  test('has a line for every operation, every page and every route, and no other', () => {
    expect(Object.keys(OPERATIONS).toSorted()).toEqual(
      operationEntries()
        .map(({ name }) => name)
        .toSorted(),
    );
    const files = readdirSync('app', { recursive: true, encoding: 'utf8' }).map((file) =>
      file.replaceAll('\\', '/'),
    );
    const pathsOf = (name: string) =>
      files
        .filter((file) => file.split('/').at(-1) === name)
        .map(
          (file) =>
            `/${file
              .split('/')
              .slice(0, -1)
              .filter((part) => !/^\(.*\)$/.test(part))
              .join('/')}`,
        )
        .toSorted();
    expect(Object.keys(PAGES).toSorted()).toEqual(pathsOf('page.tsx'));
    expect(Object.keys(ROUTES).toSorted()).toEqual(pathsOf('route.ts'));
  });

  test('asks about others’ things wherever a path names a thing', () => {
    for (const [name, { others }] of Object.entries({ ...OPERATIONS, ...PAGES }))
      expect(others !== undefined, name).toBe(/[{[]/.test(name));
  });
});

function call(caller: CallerName, name: string, id: string, instead?: unknown): Promise<Answer> {
  const { query = '', body } = SENT[name] ?? {};
  const [method, path] = name.split(' ') as [string, string];
  const filled = /^member(Token|Grant)$/.test(SENT[name]?.kind ?? '')
    ? `/members/${id}`
    : path.replace(/\{\w+\}/, encodeURIComponent(id));
  const asked = query.replace('{mark}', markOf(homeOf(caller)));
  return clients[caller].call(method, `/api/v1${filled}${asked}`, body ? { body: instead ?? body(id) } : {});
}

const isRefusal = (outcome: Outcome) => typeof outcome === 'number' && outcome >= 400;
const forEveryCaller = async (work: (caller: CallerName) => Promise<Outcome>) =>
  Object.fromEntries(await Promise.all(CALLERS.map(async (caller) => [caller, await work(caller)] as const)));

describe('SP-05: an operation answers every caller about its own as the table says:', () => {
  test.each(Object.entries(OPERATIONS))('%s', async (name, { own }) => {
    const { kind } = SENT[name] ?? {};
    // Who is refused may share a thing, which nobody may touch; the others each get their own.
    const untouched = kind && (await make(kind, aurora, bystanders.get(aurora)!));
    const seen = await forEveryCaller(async (caller) => {
      const home = homeOf(caller);
      const id = isRefusal(own[caller])
        ? untouched
        : kind && (await make(kind, home, personOf[caller] ?? bystanders.get(home)!));
      const answer = await call(caller, name, id ?? '');
      expectOwnWorldOnly(caller, answer);
      return outcomeOf(answer, '');
    });
    expect(seen).toEqual(own);
    if (kind) expect(await rowOf(kind, untouched!)).not.toBe('');
  });
});

describe('SP-03 SP-04: an operation answers about anybody else’s exactly as about what does not exist, and leaves it alone:', () => {
  const named = Object.entries(OPERATIONS).filter(([, { others }]) => others);

  test.each(named)('%s', async (name, { others }) => {
    const kind = SENT[name]!.kind!;
    const things = {
      aurora: await make(kind, aurora, colleague),
      borealis: await make(kind, borealis, bystanders.get(borealis)!),
    };
    const before = [await rowOf(kind, things.aurora), await rowOf(kind, things.borealis)];
    expect(before).not.toContain('');
    const seen = await forEveryCaller(async (caller) => {
      const missing = await call(caller, name, absent(things.aurora));
      const targets = [things[isElsewhere(caller) ? 'aurora' : 'borealis']];
      if (isPersonal(kind)) targets.push(things[isElsewhere(caller) ? 'borealis' : 'aurora']);
      for (const id of targets) {
        const foreign = await call(caller, name, id);
        expect(normal(foreign, id)).toBe(normal(missing, absent(things.aurora)));
        expectOwnWorldOnly(caller, foreign, id);
      }
      return missing.status;
    });
    expect(seen).toEqual(others);
    expect([await rowOf(kind, things.aurora), await rowOf(kind, things.borealis)]).toEqual(before);
  });
});

describe('a page', () => {
  const kindOf: Record<string, Kind> = {
    ...{ '[slug]': 'group', '[name]': 'tool', '[id]': 'record', '[uid]': 'record', '[email]': 'member' },
  };
  const parse = (pattern: string) => {
    const placeholder = /\[\w+\]/.exec(pattern)?.[0];
    const special: Kind | null = pattern.includes('/offboardings/')
      ? 'offboarding'
      : pattern.includes('/undo/')
        ? 'undo'
        : null;
    const pathFor = (id: string) => (placeholder ? pattern.replace(placeholder, id) : pattern);
    return {
      kind: special ?? (placeholder ? kindOf[placeholder] : undefined),
      pathFor,
    };
  };

  test.each(Object.entries(PAGES))(
    'answers every caller as the table says, with nothing of the other organization in it: %s',
    async (pattern, { own }) => {
      const { kind, pathFor } = parse(pattern);
      const things = kind && {
        aurora: await make(kind, aurora, ''),
        borealis: await make(kind, borealis, ''),
      };
      const seen = await forEveryCaller(async (caller) => {
        const path = pathFor(things ? things[isElsewhere(caller) ? 'borealis' : 'aurora'] : '');
        const answer = await clients[caller].call('GET', path);
        expectOwnWorldOnly(caller, answer);
        return outcomeOf(answer, path);
      });
      expect(seen).toEqual(own);
    },
  );

  test.each(Object.entries(PAGES).filter(([, { others }]) => others))(
    'answers about another organization’s exactly as about what does not exist: %s',
    async (pattern, { others }) => {
      const { kind, pathFor } = parse(pattern);
      const things = { aurora: await make(kind!, aurora, ''), borealis: await make(kind!, borealis, '') };
      const seen = await forEveryCaller(async (caller) => {
        const id = things[isElsewhere(caller) ? 'aurora' : 'borealis'];
        const foreign = await clients[caller].call('GET', pathFor(id));
        const missing = await clients[caller].call('GET', pathFor(absent(id)));
        expect(normal(foreign, id)).toBe(normal(missing, absent(id)));
        expectOwnWorldOnly(caller, foreign, id);
        return outcomeOf(foreign, pathFor(id));
      });
      expect(seen).toEqual(others);
    },
  );
});

describe('SP-23: the other paths', () => {
  const routes = Object.values(ROUTES).flatMap((rows) => (rows === 'operations' ? [] : Object.entries(rows)));

  test.each([...routes, ...Object.entries(SERVED)])(
    '%s answers every caller as the table says',
    async (name, row) => {
      const [method, path] = name.split(' ') as [string, string];
      const seen: [CallerName, Outcome][] = [];
      for (const caller of CALLERS) {
        const answer = await clients[caller].call(method, path);
        expectOwnWorldOnly(caller, answer);
        seen.push([caller, outcomeOf(answer, path)]);
      }
      expect(Object.fromEntries(seen)).toEqual(row);
    },
  );

  test('/connect/asana renews the caller’s own connection only; for anybody else’s it is as for none', async () => {
    const [own, theirs, foreign] = [
      await make('connection', aurora, personOf.member!),
      await make('connection', aurora, colleague),
      await make('connection', borealis, borealis.actor.memberId!),
    ];
    const ask = (id: string) => clients.member.call('GET', `/connect/asana?connection=${id}`);
    expect(outcomeOf(await ask(own), '')).toBe('303 {asana}');
    const missing = await ask(absent(own));
    expect(missing.status).toBe(404);
    // Each answer has a nonce of its own.
    const withoutNonce = (answer: Answer) => answer.text.replaceAll(/nonce="[^"]+"/g, 'nonce=""');
    for (const id of [theirs, foreign, 'x', '..%2F..'])
      expect(withoutNonce(await ask(id))).toBe(withoutNonce(missing));
  });

  test('/api/auth/session names the member to the member’s own browser only', async () => {
    for (const caller of CALLERS) {
      const { body } = await clients[caller].call('GET', '/api/auth/session');
      if (personOf[caller]) expect(body.member).toMatchObject({ id: personOf[caller] });
      else expect(body.member ?? null).toBeNull();
    }
  });
});

describe('SP-01: what stands before a page', () => {
  const paths = ['/admin/groups/sales', '/admin/people', '/admin/audit', '/connections', '/tokens', '/'];
  const tricks: Record<string, Record<string, string>> = {
    'a middleware header': {
      'x-middleware-subrequest': 'middleware:middleware:middleware:middleware:middleware',
    },
    'a source middleware header': { 'x-middleware-subrequest': 'src/middleware', 'x-middleware-invoke': '1' },
    'a rewritten path': {
      'x-original-url': '/sign-in',
      'x-rewrite-url': '/sign-in',
      'x-invoke-path': '/sign-in',
    },
    'a claimed path': { 'x-gatehouse-path': '/sign-in', 'x-matched-path': '/sign-in', 'x-nextjs-data': '1' },
    'a data request': { rsc: '1', 'next-router-state-tree': '%5B%22%22%5D' },
    'a prefetch': { rsc: '1', 'next-router-prefetch': '1', purpose: 'prefetch' },
    'a made-up session': { cookie: 'next-auth.session-token=x; __Host-next-auth.session-token=x' },
  };

  test.each(Object.entries(tricks))('is not passed by %s', async (_, headers) => {
    for (const path of paths)
      for (const caller of ['nobody', 'agentToken'] as const) {
        const { text, status } = await clients[caller].call('GET', path, { headers });
        expect([200, 307], path).toContain(status);
        expect(text.toLowerCase().replaceAll(path, ''), path).not.toMatch(/aurora|borealis|sales of|ana@/);
      }
    const { cookie: _cookie, ...others } = headers;
    const member = await clients.member.call('GET', '/admin/people', { headers: others });
    expect(member.text).not.toContain('colleague@aurora.example');
  });

  test('SP-02: is not passed by a server action that is sent without a page', async () => {
    for (const path of ['/admin/people', '/connections', '/setup', '/sign-in']) {
      const { status, text } = await clients.nobody.call('POST', path, {
        headers: { 'next-action': '0'.repeat(42), 'content-type': 'text/plain;charset=UTF-8' },
        body: '[]',
      });
      expect(status, path).not.toBe(200);
      expect(text.toLowerCase()).not.toMatch(/aurora|borealis/);
    }
  });

  test('leaves no trace of one organization’s people in the other’s audit', async () => {
    const { rows } = await pool().query(
      `SELECT r.id FROM audit_records r JOIN members m ON m.id = r.member_id WHERE m.organization_id <> r.organization_id
       UNION ALL SELECT id FROM audit_records WHERE organization_id = $1 AND member_email LIKE '%aurora%'`,
      [borealis.id],
    );
    expect(rows).toEqual([]);
  });
});

describe('AU-18: an operation that changes something leaves a record:', () => {
  /** A change where the table of requests has none. */
  const CHANGES: Record<string, (home: PortalOrganization) => unknown> = {
    'PATCH /organization': () => ({ driftPolicy: 'warn' }),
    'PATCH /tools/{name}': () => ({ blocked: true }),
    'POST /groups/changes': async (home) => ({
      changes: [{ slug: await make('group', home, ''), version: 1, add: ['get_task'] }],
    }),
    'POST /me/tool-requests': async (home) => ({ tool: await make('tool', home, ''), reason: 'new' }),
    'PUT /audit/sink': () => ({ kind: 'syslog', address: 'tcp://127.0.0.1:9', from: 'now' }),
    'PUT /redirect-uris': () => ({ uris: ['https://agent.example/callback'], allowLoopback: true }),
    'POST /config/apply': () => ({ config: { gatehouse: 1, organization: { asanaPlan: 'free' } } }),
  };
  const unrecorded = /leave no record: ([^.]*)\./
    .exec(readFileSync('README.md', 'utf8'))![1]!
    .match(/(?<=`)[A-Z]+ \/[^`]*/g)!;
  const changing = operationEntries().filter(
    ({ operation, method }) => operation.effect !== 'read' && operation.who !== 'anyone' && method !== 'GET',
  );
  const recordsOf = async ({ id }: PortalOrganization) =>
    (
      await pool().query<{ n: number }>(
        'SELECT count(*)::int AS n FROM audit_records WHERE organization_id = $1',
        [id],
      )
    ).rows[0]!.n;

  test.each(changing.map(({ name }) => name))('%s, or stands on the published list', async (name) => {
    const caller = CALLERS.find((one) => Number(OPERATIONS[name]!.own[one]) < 300)!;
    const { kind } = SENT[name] ?? {};
    const home = homeOf(caller);
    const id = kind ? await make(kind, home, personOf[caller] ?? bystanders.get(home)!) : '';
    const body = (await CHANGES[name]?.(home)) ?? SENT[name]?.body?.(id);
    const before = await recordsOf(home);
    const { status } = await call(caller, name, id, body);
    expect(status).toBe(OPERATIONS[name]!.own[caller]);
    expect((await recordsOf(home)) > before).toBe(!unrecorded.includes(name));
  });

  test('and the published list is short, and names nothing else', () => {
    expect(unrecorded.length).toBeLessThanOrEqual(5);
    for (const name of unrecorded) expect(changing.map((one) => one.name as string)).toContain(name);
  });
});
