// TV-05: an older sealed token put back into its own row opens, for a seal names the place and not the version. That is harmless: it is
// the same person's, and Asana decides whether it is still good.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { pool } from '@/lib/db';
import { startAcme, type Acme } from '../support/acme';
import { callOf, emailIn, post } from '../support/gate';

let acme: Acme<'ben'>;
beforeAll(async () => {
  acme = await startAcme(['get_me'], { colleagues: ['ben'] });
});
afterAll(() => acme.gate.stop());
beforeEach(() => acme.gate.sandbox.log.clear());

const call = (token = acme.token) => post(acme.gate, token, callOf('get_me'));
const rowOf = async () =>
  (
    await pool().query<{ access_token: string; refresh_token: string; status: string; generation: number }>(
      'SELECT access_token, refresh_token, status::text, generation FROM connections WHERE id = $1',
      [acme.ana.connectionId],
    )
  ).rows[0]!;
const expire = () =>
  pool().query(`UPDATE connections SET access_expires_at = now() - interval '1 minute' WHERE id = $1`, [
    acme.ana.connectionId,
  ]);
const asks = () => acme.gate.sandbox.log.count(({ path }) => path === '/-/oauth_token');

/** Renews Ana's tokens, and puts those from before back. */
async function rollBack(): Promise<void> {
  const before = await rowOf();
  await expire();
  expect(emailIn(await call())).toBe('ana@example.com');
  const after = await rowOf();
  expect(after.generation).toBe(before.generation + 1);
  expect(after.access_token).not.toBe(before.access_token);
  await pool().query('UPDATE connections SET access_token = $2, refresh_token = $3 WHERE id = $1', [
    ...[acme.ana.connectionId, before.access_token, before.refresh_token],
  ]);
  await expire();
  acme.gate.sandbox.log.clear();
}

test('TV-05: where Asana still takes the older token, it is renewed once and the call is the same person’s', async () => {
  await rollBack();
  expect(emailIn(await call())).toBe('ana@example.com');
  expect(asks()).toBe(1);
  expect((await rowOf()).status).toBe('active');
});

test('TV-05: where Asana has rotated it, it is refused once, the person has to reconnect, and nobody else notices', async () => {
  acme.gate.sandbox.set({ rotateRefreshTokens: true, predecessorGraceMs: 0 });
  await rollBack();
  const { body } = await call();
  expect(body.result.isError).toBe(true);
  expect(body.result.content[0].text).toContain('/connections');
  expect([asks(), acme.gate.upstreamCalls()]).toEqual([1, []]);
  expect((await rowOf()).status).toBe('needs_reconnect');
  await call();
  expect(asks()).toBe(1);
  expect(emailIn(await call(acme.colleagues.ben.token))).toBe('ben@example.com');
});
