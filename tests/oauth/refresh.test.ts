// Refresh: each token is good once. Used again it ends everything it came from, unless the client only lost the answer.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pool } from '@/lib/db';
import { cleanUp } from '@/lib/oauth/clean-up';
import { GRANT_DAYS, listGrants } from '@/lib/oauth/grants';
import { callOf, post, type TestMember, type TestOrganization } from '../support/gate';
import {
  grantOf,
  makeTeam,
  newClient,
  obtainTokens,
  refreshing,
  startSecondProcess,
  startSetting,
  token,
  type Setting,
  type Tokens,
} from './setting';

let setting: Setting;
let organization: TestOrganization;
let ana: TestMember;

beforeAll(async () => {
  setting = await startSetting();
  ({ organization, member: ana } = await makeTeam(setting, 'Acme'));
});
afterAll(() => setting.stop());

const refresh = ({ clientId }: Tokens, value: string, more: Record<string, string> = {}) =>
  token(setting, refreshing(clientId, value, more));
const works = async (access: string) => (await post(setting, access, callOf('get_me'))).status === 200;
const age = (value: string, seconds: number) =>
  pool().query(
    `UPDATE oauth_tokens SET consumed_at = consumed_at - make_interval(secs => $2) WHERE hash = sha256($1::bytea)`,
    [Buffer.from(value), seconds],
  );
const pairOf = ({ body }: { body: any }) => [body.access_token, body.refresh_token];

/** Everything of the family is dead, and the person can see why. */
async function expectFamilyEnded(
  access: string[],
  refreshTokens: string[],
  tokens: Tokens,
  grantId: string,
): Promise<void> {
  for (const value of access) expect(await works(value)).toBe(false);
  for (const value of refreshTokens) expect((await refresh(tokens, value)).body.error).toBe('invalid_grant');
  const [grant] = (await listGrants(organization.id, ana.id)).filter(({ id }) => id === grantId);
  expect(grant?.ended).toEqual({ at: expect.any(String), reason: 'refresh_reused' });
  const { rows } = await pool().query(
    `SELECT member_email, after->>'reason' AS reason FROM audit_records WHERE action = 'grant.ended' AND target = $1`,
    [`grant:${grantId}`],
  );
  expect(rows).toEqual([{ member_email: ana.email, reason: 'refresh_reused' }]);
}

test('A6: a refresh gives a new pair, both work, and the old refresh token is used up', async () => {
  const tokens = await obtainTokens(setting, ana);
  const next = await refresh(tokens, tokens.refresh);
  expect(next.status).toBe(200);
  expect(next.headers.get('cache-control')).toBe('no-store');
  expect(new Set([tokens.access, tokens.refresh, ...pairOf(next)]).size).toBe(4);
  expect(await works(next.body.access_token)).toBe(true);
  expect(await works(tokens.access)).toBe(true);
});

describe('a client that lost the answer', () => {
  test('AS-25 AS-28: asks again within the grace and gets the same pair, with the time that is left; nothing is revoked', async () => {
    const tokens = await obtainTokens(setting, ana);
    const first = await refresh(tokens, tokens.refresh);
    await age(tokens.refresh, 5);
    const second = await refresh(tokens, tokens.refresh);
    expect([second.status, ...pairOf(second)]).toEqual([200, ...pairOf(first)]);
    expect(second.body.expires_in).toBeLessThanOrEqual(3_595);
    expect(second.headers.get('cache-control')).toBe('no-store');
    expect(await works(second.body.access_token)).toBe(true);
    expect((await refresh(tokens, second.body.refresh_token)).status).toBe(200);
  });

  test('AS-26: fifty refreshes of one token at once, in two processes, rotate once and all get the same pair', async () => {
    const tokens = await obtainTokens(setting, ana);
    const second = await startSecondProcess(setting);
    try {
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, n) =>
          token(n % 2 ? second : setting, refreshing(tokens.clientId, tokens.refresh)),
        ),
      );
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      expect(new Set(answers.map((answer) => pairOf(answer).join())).size).toBe(1);
      const grantId = await grantOf(tokens.refresh);
      const { rows } = await pool().query(
        `SELECT kind, count(*)::int AS n FROM oauth_tokens WHERE grant_id = $1 GROUP BY kind ORDER BY kind`,
        [grantId],
      );
      expect(rows).toEqual([
        { kind: 'access', n: 2 },
        { kind: 'code', n: 1 },
        { kind: 'refresh', n: 2 },
      ]);
      expect(await works(answers[7]!.body.access_token)).toBe(true);
    } finally {
      second.stop();
    }
  });

  test('and another client, who never had it, gets nothing and ends nothing', async () => {
    const tokens = await obtainTokens(setting, ana);
    const next = await refresh(tokens, tokens.refresh);
    const foreign = await token(setting, refreshing(await newClient(setting), tokens.refresh));
    expect([foreign.status, foreign.body.error]).toEqual([400, 'invalid_grant']);
    expect(await works(next.body.access_token)).toBe(true);
  });

  test('the answer waits sealed, and not longer than the grace', async () => {
    const tokens = await obtainTokens(setting, ana);
    const next = await refresh(tokens, tokens.refresh);
    const stored = async () =>
      (
        await pool().query<{ row: string; answer: string | null }>(
          'SELECT t::text AS row, answer FROM oauth_tokens t WHERE hash = sha256($1::bytea)',
          [Buffer.from(tokens.refresh)],
        )
      ).rows[0]!;
    expect((await stored()).answer).toMatch(/^v1\./);
    for (const value of pairOf(next)) expect((await stored()).row).not.toContain(value);
    await age(tokens.refresh, 61);
    await cleanUp();
    expect((await stored()).answer).toBeNull();
  });
});

describe('A6: a refresh token used twice', () => {
  test('AS-24: after the grace ends the family, with a record, and its person hears of it', async () => {
    const tokens = await obtainTokens(setting, ana);
    const grantId = await grantOf(tokens.refresh);
    const next = await refresh(tokens, tokens.refresh);
    await age(tokens.refresh, 61);
    expect((await refresh(tokens, tokens.refresh)).body.error).toBe('invalid_grant');
    await expectFamilyEnded(
      [tokens.access, next.body.access_token],
      [next.body.refresh_token],
      tokens,
      grantId,
    );
  });

  test('AS-27: within the grace, but older than the immediate predecessor, is theft too', async () => {
    const tokens = await obtainTokens(setting, ana);
    const grantId = await grantOf(tokens.refresh);
    const [, second] = pairOf(await refresh(tokens, tokens.refresh));
    const third = await refresh(tokens, second);
    expect((await refresh(tokens, tokens.refresh)).body.error).toBe('invalid_grant');
    await expectFamilyEnded(
      [tokens.access, third.body.access_token],
      [second, third.body.refresh_token],
      tokens,
      grantId,
    );
  });

  test('AS-30: stays dead in a process that has just started, and after clean-up', async () => {
    const tokens = await obtainTokens(setting, ana);
    const next = await refresh(tokens, tokens.refresh);
    await age(tokens.refresh, 61);
    await refresh(tokens, tokens.refresh);
    await cleanUp();
    const second = await startSecondProcess(setting);
    try {
      for (const value of [tokens.refresh, next.body.refresh_token])
        expect((await token(second, refreshing(tokens.clientId, value))).status).toBe(400);
      expect((await post(second, next.body.access_token, callOf('get_me'))).status).toBe(401);
    } finally {
      second.stop();
    }
  });
});

test('AS-29: rotation, its answer and the new pair become durable together or not at all', async () => {
  const tokens = await obtainTokens(setting, ana);
  await pool().query(`CREATE FUNCTION break_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.answer IS NOT NULL THEN RAISE EXCEPTION 'disk full'; END IF; RETURN NEW; END $$`);
  await pool().query(
    'CREATE TRIGGER break_it BEFORE UPDATE ON oauth_tokens FOR EACH ROW EXECUTE FUNCTION break_it()',
  );
  try {
    const broken = await refresh(tokens, tokens.refresh);
    expect(broken.status).toBe(500);
    expect(JSON.stringify(broken.body)).not.toMatch(/gh[or]_/);
  } finally {
    await pool().query('DROP TRIGGER break_it ON oauth_tokens');
  }
  expect((await refresh(tokens, tokens.refresh)).status).toBe(200);
});

test('AS-20: a refresh can’t ask for more than was granted', async () => {
  const tokens = await obtainTokens(setting, ana);
  for (const scope of ['mcp admin', 'openid', 'offline_access'])
    expect((await refresh(tokens, tokens.refresh, { scope })).body.error).toBe('invalid_scope');
  const same = await refresh(tokens, tokens.refresh, { scope: 'mcp' });
  expect([same.status, same.body.scope]).toEqual([200, 'mcp']);
});

test('A5 AS-18: a refresh for another resource is invalid_target, and uses nothing up', async () => {
  const tokens = await obtainTokens(setting, ana);
  expect((await refresh(tokens, tokens.refresh, { resource: 'https://mcp.asana.com/v2' })).body.error).toBe(
    'invalid_target',
  );
  expect((await refresh(tokens, tokens.refresh, { resource: `${setting.origin}/mcp` })).status).toBe(200);
});

test('AS-19: a grant for a resource that is no longer this one is invalid_grant, so that clients sign in again', async () => {
  const tokens = await obtainTokens(setting, ana);
  await pool().query(`UPDATE grants SET resource = 'https://old.example/mcp' WHERE id = $1`, [
    await grantOf(tokens.refresh),
  ]);
  expect((await refresh(tokens, tokens.refresh)).body.error).toBe('invalid_grant');
});

test('AS-21: another client’s refresh token is refused, and stays good for its own', async () => {
  const tokens = await obtainTokens(setting, ana);
  const other = await newClient(setting);
  expect((await token(setting, refreshing(other, tokens.refresh))).body.error).toBe('invalid_grant');
  expect((await refresh(tokens, tokens.refresh)).status).toBe(200);
});

test('AS-23: however often it is refreshed, a grant ends when its time is over', async () => {
  let tokens = await obtainTokens(setting, ana);
  const grantId = await grantOf(tokens.refresh);
  const { rows } = await pool().query(
    'SELECT extract(epoch FROM expires_at - created_at)::int / 86400 AS days FROM grants WHERE id = $1',
    [grantId],
  );
  expect(rows).toEqual([{ days: GRANT_DAYS }]);
  await pool().query(`UPDATE grants SET expires_at = now() + interval '2 seconds' WHERE id = $1`, [grantId]);
  const [access, next] = pairOf(await refresh(tokens, tokens.refresh));
  // What is issued does not outlive it.
  const { rows: issued } = await pool().query(
    'SELECT bool_and(t.expires_at <= g.expires_at) AS within FROM oauth_tokens t JOIN grants g ON g.id = t.grant_id WHERE t.hash = ANY(ARRAY[sha256($1::bytea), sha256($2::bytea)])',
    [Buffer.from(access), Buffer.from(next)],
  );
  expect(issued).toEqual([{ within: true }]);
  tokens = { ...tokens, refresh: next };
  await pool().query(`UPDATE grants SET expires_at = now() - interval '1 second' WHERE id = $1`, [grantId]);
  expect((await refresh(tokens, tokens.refresh)).body.error).toBe('invalid_grant');
  expect((await post(setting, access, callOf('get_me'))).headers.get('www-authenticate')).toContain(
    'has expired',
  );
});
