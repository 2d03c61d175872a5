// TV-19: how long an answer takes says nothing about a secret. A bearer is found by its hash, which nobody can steer byte by byte; what
// is compared in our code is compared in constant time.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pool } from '@/lib/db';
import { startAcme, type Acme } from '../support/acme';
import { callOf, post } from '../support/gate';

const SECRET =
  /(secret|password|signature|hmac|bearer|cookie|code|(token|secret|browser|password|invite|session|api_?key)_?hash)$/i;
/** What has such a name and is none: SQLSTATEs and codes of errors. */
const KNOWN = /(^|\.)((reason|error|status|exit)?code)$/i;

const isSecret = (words: string) => SECRET.test(words) && !KNOWN.test(words);
const isPlain = (words: string) => /^(null|undefined|true|false|typeof.*|\d+|['"`].*)$/.test(words);

/** Comparisons with === or !== of what is called like a secret, as `file: text`. */
function comparisonsIn(file: string, text: string): string[] {
  const side = String.raw`([\w.?!]*\w!?|'[^']*'|"[^"]*")`;
  const compared = new RegExp(String.raw`(?<!typeof )(?<![\w.])${side}\s*[!=]==?\s*${side}`, 'g');
  return [...text.matchAll(compared)].flatMap(([whole, left, right]) => {
    const [one, other] = [left!, right!].map((words) => words.replaceAll(/[!?]/g, '')) as [string, string];
    const isFound = (isSecret(one) && !isPlain(other)) || (isSecret(other) && !isPlain(one));
    return isFound ? [`${file}: ${whole}`] : [];
  });
}

describe('TV-19: a comparison of secrets', () => {
  test('is never one that ends at the first difference, in any file of the product', () => {
    const files = readdirSync('lib', { recursive: true, encoding: 'utf8' }).filter(
      (file) => file.endsWith('.ts') && !/^(generated|sandbox)\b/.test(file),
    );
    expect(files.length).toBeGreaterThan(100);
    const found = files.flatMap((file) =>
      comparisonsIn(`lib/${file}`, readFileSync(join('lib', file), 'utf8')),
    );
    expect(found).toEqual([]);
  });

  test('would be found', () => {
    expect(comparisonsIn('a.ts', 'if (given.secret === row.clientSecret) open();')).toHaveLength(1);
    expect(comparisonsIn('a.ts', 'const isRight = !(setUpCode !== typed);')).toHaveLength(1);
    expect(comparisonsIn('a.ts', `if (secret === null || error.code === '23505') open();`)).toEqual([]);
  });
});

describe('TV-19: a bearer', () => {
  let acme: Acme;
  beforeAll(async () => {
    acme = await startAcme(['get_me']);
  });
  afterAll(() => acme.gate.stop());

  test('is found by its hash alone: one that shares all but its end with a living one finds nothing', async () => {
    const { rows } = await pool().query<{ hash: Buffer; row: string }>(
      'SELECT token_hash AS hash, t::text AS row FROM agent_tokens t',
    );
    const sha256 = await crypto.subtle.digest('SHA-256', Buffer.from(acme.token));
    expect(rows.map(({ hash }) => hash.toString('hex'))).toEqual([Buffer.from(sha256).toString('hex')]);
    expect(rows[0]!.row).not.toContain(acme.token.slice(0, 12));
    const { rows: indexes } = await pool().query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_indexes WHERE indexdef ~ 'UNIQUE INDEX .*agent_tokens .*\\(token_hash\\)'`,
    );
    expect(indexes[0]!.n).toBe(1);
    const near = `${acme.token.slice(0, -1)}${acme.token.endsWith('a') ? 'b' : 'a'}`;
    expect((await post(acme.gate, near, callOf('get_me'))).status).toBe(401);
    expect((await post(acme.gate, acme.token, callOf('get_me'))).status).toBe(200);
  });
});
