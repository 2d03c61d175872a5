// Whose bearer is not a living agent token of ours hears 401, in one form, before anything else is looked at; junk costs no query.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { admissionPool, pool, transaction } from '@/lib/db';
import { removeMember } from '@/lib/people/members';
import { startSession } from '@/lib/people/sessions';
import { revokeAgentToken } from '@/lib/tokens/agent-tokens';
import { createApiKey } from '@/lib/tokens/api-keys';
import { mintToken } from '@/lib/tokens/token-format';
import { startAcme } from '../support/acme';
import {
  auditOf,
  callOf,
  emailIn,
  headersFor,
  makeGroup,
  makeMember,
  mint,
  post,
  type Gate,
  type TestMember,
  type TestOrganization,
} from '../support/gate';
import { rawPost, sendRaw } from '../support/raw-http';

let gate: Gate;
let organization: TestOrganization;
let ana: TestMember;
let token: string;

beforeAll(async () => {
  // The chainer's queries would be counted too.
  ({ gate, organization, ana, token } = await startAcme(['get_me'], { chain: false }));
});
afterAll(() => gate.stop());

let recordsBefore = 0;
beforeEach(async () => {
  recordsBefore = (await auditOf(organization)).length;
  gate.sandbox.log.clear();
});
afterEach(leftNoTrace);

/** Z, A, C and L of every refusal: nothing sent, nothing on record (it is nobody’s), a good token passes afterwards. */
async function leftNoTrace(): Promise<void> {
  vi.restoreAllMocks();
  expect(gate.sandbox.log.entries).toEqual([]);
  expect(await auditOf(organization)).toHaveLength(recordsBefore);
  expect(emailIn(await post(gate, token, callOf('get_me')))).toBe('ana@example.com');
}

const challenge = (description?: string) =>
  `Bearer resource_metadata="${new URL(gate.url).origin}/.well-known/oauth-protected-resource/mcp", scope="mcp"` +
  (description === undefined ? '' : `, error="invalid_token", error_description="${description}"`);

/** Sends a call with these headers instead of a good bearer's; expects 401 in the contract's form and nothing of `secret` back. */
async function unauthenticated(
  headers: Record<string, string>,
  description: string | undefined,
  { secret, method = 'POST', query = '' }: { secret?: string; method?: string; query?: string } = {},
): Promise<void> {
  const { authorization: _, ...rest } = headersFor('');
  const response = await fetch(gate.url + query, {
    method,
    headers: { ...rest, ...headers },
    ...(method === 'POST' ? { body: JSON.stringify(callOf('get_me')) } : {}),
  });
  const text = await response.text();
  expect(response.status).toBe(401);
  expect(response.headers.get('www-authenticate')).toBe(challenge(description));
  expect(response.headers.get('cache-control')).toBe('no-store');
  expect(JSON.parse(text)).toEqual(
    description === undefined
      ? { error: 'unauthorized', error_description: expect.stringContaining('gth_') }
      : { error: 'invalid_token', error_description: description },
  );
  if (secret) expect([...response.headers].join('\n') + text).not.toContain(secret);
}

const SHAPE = 'Send exactly one header Authorization: Bearer gth_...';
const ASANA =
  'This is a token of Asana (OAuth or personal access token); Gatehouse takes its own agent tokens only, gth_...';
const FOREIGN = 'This is not an agent token of Gatehouse, gth_...';
const MISTYPED = 'This agent token is mistyped or cut off: its checksum does not fit';
const JWT = 'This is a signed token (JWT) of somebody else; Gatehouse takes its own agent tokens only';
const API_KEY = 'This is an API key of Gatehouse; it opens /api/v1 only. Mint an agent token for /mcp';
const UNKNOWN = 'The agent token is not known here: it was revoked, or its member was removed';
const EXPIRED = 'The agent token has expired; mint another in the portal';

/** Counts what reaches the database while `work` runs. */
async function queriesDuring(work: () => Promise<unknown>): Promise<number> {
  const query = vi.spyOn(pool(), 'query');
  const connects = [pool(), admissionPool()].map((from) => vi.spyOn(from, 'connect'));
  await work();
  // The process says every two seconds that it lives; that is nobody's request, and each time a query and its connection.
  const beats = query.mock.calls.filter(
    ([asked]) => (asked as { name?: string }).name === 'gate-beat',
  ).length;
  const connected = connects.reduce((sum, { mock }) => sum + mock.calls.length, 0);
  return query.mock.calls.length + connected - 2 * beats;
}

describe('what can’t be one of ours never reaches the database', () => {
  const bearer = (value: string) => ({ authorization: `Bearer ${value}` });
  const good = mintToken('gth');
  const wrongChecksum = `${good.slice(0, -1)}${good.endsWith('0') ? '1' : '0'}`;

  test('R1: no bearer at all hears where to learn how, and of no error', async () => {
    expect(await queriesDuring(() => unauthenticated({}, undefined))).toBe(0);
  });

  test('PB-20: malformed Authorization headers, and never a 500', async () => {
    const malformed = [
      ...['Bearer', 'bearer x y', `Bearer  ${good}`, `Bearer ${good},${good}`, `Bearer ${good}, Bearer x`],
      ...[good, `Basic ${good}`, `Token ${good}`, `Bearer "${good}"x y`, `BearerX ${good}`, 'null', '{}'],
      `Bearer ${'x'.repeat(513)}`,
    ];
    const queries = await queriesDuring(async () => {
      for (const authorization of malformed)
        await unauthenticated({ authorization }, SHAPE, { secret: good });
    });
    expect(queries).toBe(0);
  });

  test('PB-20: a token of 15,000 characters is refused without being echoed; one beyond the header limit by HTTP', async () => {
    const long = 'x'.repeat(15_000);
    await unauthenticated({ authorization: `Bearer ${long}` }, SHAPE, { secret: long });
    const answer = await sendRaw(gate.url, [rawPost('x'.repeat(1_000_000), [], '{}')]);
    expect(answer.status).toBe(431);
  });

  test('PB-20: two Authorization headers, whichever of them is good', async () => {
    const body = JSON.stringify(callOf('get_me'));
    const queries = await queriesDuring(async () => {
      for (const headers of [
        [`Authorization: Bearer ${token}`, 'Authorization: Bearer x'],
        ['Authorization: Bearer x', `authorization: Bearer ${token}`],
        [`Authorization: Bearer ${token}`, `AUTHORIZATION: Bearer ${token}`],
      ]) {
        const { status, text } = await sendRaw(gate.url, [rawPost(null, headers, body)]);
        expect(status).toBe(401);
        expect(text).toContain(`www-authenticate: ${challenge(SHAPE)}`);
        expect(text).not.toContain(token);
      }
    });
    expect(queries).toBe(0);
    expect((await sendRaw(gate.url, [rawPost(token, [], body)])).status).toBe(200);
    gate.sandbox.log.clear();
    recordsBefore += 1;
  });

  test('R5 PB-23: Asana’s own tokens, access, personal and refresh alike, are recognised and refused', async () => {
    const { accessToken, refreshToken } = gate.sandbox.issueTokens({ email: 'ana@example.com' });
    const asana = [
      ...[accessToken, refreshToken, '2/1200000000000101/1201234567890123:0123456789abcdef0123456789abcdef'],
      ...['1/1200000000000101:0123456789abcdef0123456789abcdef', '0/0123456789abcdef0123456789abcdef'],
      '2/1200000000000101/1201234567890123/1201234567890124:0123456789abcdef0123456789abcdef',
    ];
    const queries = await queriesDuring(async () => {
      for (const secret of asana) await unauthenticated(bearer(secret), ASANA, { secret });
    });
    expect(queries).toBe(0);
  });

  test('PB-23 SP: an API key, an invite, a signed token of somebody else, a mistyped token, each told apart', async () => {
    const { key } = await transaction((tx) =>
      createApiKey(tx, organization.actor, { name: 'script', role: 'admin' }),
    );
    const jwt = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbmEifQ.';
    const queries = await queriesDuring(async () => {
      await unauthenticated(bearer(key), API_KEY, { secret: key });
      await unauthenticated(bearer(jwt), JWT, { secret: jwt });
      await unauthenticated(bearer(mintToken('ghi')), FOREIGN);
      await unauthenticated(bearer(wrongChecksum), MISTYPED, { secret: wrongChecksum });
      await unauthenticated(bearer(good.slice(0, 30)), MISTYPED, { secret: good.slice(0, 30) });
      await unauthenticated(bearer(`${good}0`), MISTYPED);
      await unauthenticated(bearer(good.replace('gth_', 'GTH_')), FOREIGN);
      await unauthenticated(bearer(`gth_${'0'.repeat(44)}`), MISTYPED);
      await unauthenticated(bearer('0123456789abcdef'.repeat(4)), FOREIGN);
    });
    expect(queries).toBe(0);
  });

  test('PB-23: a portal session opens nothing here, as a cookie or as a bearer', async () => {
    expect.hasAssertions();
    const session = await startSession({ id: ana.id, organizationId: organization.id });
    for (const cookie of ['next-auth.session-token', '__Host-next-auth.session-token', 'gatehouse'])
      await unauthenticated({ cookie: `${cookie}=${session}` }, undefined, { secret: session });
    await unauthenticated(bearer(session), FOREIGN, { secret: session });
  });

  test('PB-24 R6: a good token anywhere but in the header is no token', async () => {
    const queries = await queriesDuring(async () => {
      for (const name of ['access_token', 'token', 'authorization'])
        await unauthenticated({}, undefined, { query: `?${name}=${token}`, secret: token });
      for (const name of ['x-api-key', 'x-authorization', 'x-forwarded-authorization', 'proxy-authorization'])
        await unauthenticated({ [name]: `Bearer ${token}` }, undefined, { secret: token });
    });
    expect(queries).toBe(0);
  });

  test('LD-14: a flood of junk costs no query at all', async () => {
    const queries = await queriesDuring(async () => {
      for (let round = 0; round < 5; round += 1)
        await Promise.all(
          Array.from({ length: 30 }, () =>
            unauthenticated(bearer(`${mintToken('gth').slice(0, -1)}!`), MISTYPED),
          ),
        );
    });
    expect(queries).toBe(0);
  });
});

describe('a token that was good, or could be', () => {
  const bearer = (value: string) => ({ authorization: `Bearer ${value}` });

  test('PB-22 R3: well formed and unknown: of another deployment, or of nobody', async () => {
    const unknown = mintToken('gth');
    expect(await queriesDuring(() => unauthenticated(bearer(unknown), UNKNOWN, { secret: unknown }))).toBe(1);
  });

  test('PB-26 R7: revoked, from the next request on, on every method', async () => {
    const { id, token: theirs } = await mint(ana);
    expect((await post(gate, theirs, { jsonrpc: '2.0', id: 1, method: 'ping' })).status).toBe(200);
    await transaction((tx) => revokeAgentToken(tx, { ...organization.actor, memberId: ana.id }, id));
    for (const method of ['POST', 'GET', 'DELETE'])
      await unauthenticated(bearer(theirs), UNKNOWN, { method, secret: theirs });
  });

  test('R3: expired', async () => {
    const { id, token: theirs } = await mint(ana, { expiresInDays: 1 });
    expect((await post(gate, theirs, { jsonrpc: '2.0', id: 1, method: 'ping' })).status).toBe(200);
    await pool().query(`UPDATE agent_tokens SET expires_at = now() WHERE id = $1`, [id]);
    for (const method of ['POST', 'GET', 'DELETE'])
      await unauthenticated(bearer(theirs), EXPIRED, { method, secret: theirs });
  });

  test('PB-26: a removed member’s', async () => {
    const eve = await makeMember(gate, organization, 'eve@acme.example', { asana: 'ben@example.com' });
    await makeGroup(organization, 'Eve', ['get_me'], [eve]);
    const { token: theirs } = await mint(eve);
    expect(emailIn(await post(gate, theirs, callOf('get_me')))).toBe('ben@example.com');
    await transaction((tx) => removeMember(tx, organization.actor, eve.email));
    gate.sandbox.log.clear();
    recordsBefore = (await auditOf(organization)).length;
    await unauthenticated(bearer(theirs), UNKNOWN, { secret: theirs });
  });

  test('PB-20: a dead bearer hears 401 whatever it sends, so that it learns nothing', async () => {
    const dead = mintToken('gth');
    for (const body of ['[]', '{', '', JSON.stringify(callOf('no_such_tool')), 'x'.repeat(100_000)])
      expect((await post(gate, dead, body)).status).toBe(401);
  });

  test('the scheme is compared without case, and the token with it', async () => {
    const response = await fetch(gate.url, {
      method: 'POST',
      headers: { ...headersFor(token), authorization: `bEaReR ${token}` },
      body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
    });
    expect(response.status).toBe(200);
    await unauthenticated(bearer(token.toUpperCase()), FOREIGN);
  });
});
