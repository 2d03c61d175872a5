// A replay of 100,000 audited calls is told within five seconds, with a fifth of them under rules on arguments that were kept.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { replayPolicy } from '@/lib/config/replay';
import { pool, transaction } from '@/lib/db';
import { createGroup } from '@/lib/people/groups';
import { NO_RULES } from '@/lib/policy/argument-rules';
import { placeOf, sealSecret } from '@/lib/vault/vault';
import { addOrganization, openLib, type PortalOrganization } from '../support/portal';

const CALLS = 100_000;
const STEP = 5_000;
const KEPT = 20_000;
const PEOPLE = 1_000;
const GROUPS = 40;
const TOOLS = [
  'get_me',
  'get_task',
  'get_tasks',
  'get_user',
  'get_users',
  'get_projects',
  'create_tasks',
  'delete_task',
];
const MOST_MS = 5_000;
const DAY_MS = 86_400_000;

let lib: Awaited<ReturnType<typeof openLib>>;
let aurora: PortalOrganization;

beforeAll(async () => {
  lib = await openLib();
  aurora = await addOrganization('Aurora', 'admin@aurora.example');
  const { id, actor } = aurora;
  for (let n = 0; n < GROUPS; n += 1)
    await transaction((tx) =>
      createGroup(tx, actor, {
        ...{
          name: `Group ${n}`,
          slug: `g${n}`,
          tools: TOOLS.filter((_, t) => (n + t) % 3 !== 0),
          members: [],
        },
      }),
    );
  await transaction((tx) =>
    createGroup(tx, actor, { name: 'Projects', slug: 'projects', tools: ['get_project'], members: [] }),
  );
  await pool().query(
    `INSERT INTO members (organization_id, email, name) SELECT $1, 'p' || n || '@aurora.example', 'P' || n FROM generate_series(1, $2) n`,
    [id, PEOPLE],
  );
  // Three groups each, and all in the one that gets rules.
  await pool().query(
    `INSERT INTO group_members (organization_id, group_id, member_id)
     SELECT $1, g.id, m.id FROM (SELECT *, row_number() OVER (ORDER BY email) AS n FROM members WHERE organization_id = $1) m
     JOIN groups g ON g.organization_id = $1
       AND (g.slug = 'projects' OR g.slug IN ('g' || m.n % 40, 'g' || (m.n * 7 + 1) % 40, 'g' || (m.n * 11 + 2) % 40)) ON CONFLICT DO NOTHING`,
    [id],
  );
  await pool().query(
    `INSERT INTO agent_tokens (organization_id, member_id, name, token_hash, last4, tools, restricted)
     SELECT $1, id, 'agent', sha256(id::text::bytea), 'abcd', '{get_me,get_task}', right(id::text, 1) IN ('0', '1') FROM members WHERE organization_id = $1`,
    [id],
  );
  // A statement may take ten seconds, on a busy machine too.
  for (let done = 0; done < CALLS; done += STEP)
    await pool().query(
      `INSERT INTO audit_records (id, organization_id, at, kind, member_id, member_email, credential_kind, credential_id, method, tool, decision)
       SELECT gen_random_uuid(), $1, now() - s.n * interval '5 seconds', 'call', k.member_id, k.email, 'agent_token', k.token, 'tools/call',
         CASE WHEN s.n <= $4 THEN 'get_project' ELSE ($5::text[])[1 + s.n % 8] END, 'allow'
       FROM generate_series($2::int + 1, $3::int) AS s(n)
       JOIN (SELECT a.id::text AS token, a.member_id, m.email, row_number() OVER () AS n FROM agent_tokens a JOIN members m ON m.id = a.member_id
         WHERE a.organization_id = $1) k ON k.n = 1 + s.n % $6`,
      [id, done, done + STEP, KEPT, TOOLS, PEOPLE],
    );
  const { rows } = await pool().query<{ id: string }>(
    `SELECT id FROM audit_records WHERE organization_id = $1 AND tool = 'get_project'`,
    [id],
  );
  const text = (n: number) => JSON.stringify({ project_id: n % 4 === 0 ? '301' : `999${n}` });
  const kept = rows.map((row, n) => {
    const given = text(n);
    const sealed = sealSecret(placeOf(id, 'audit_arguments', 'sealed', row.id), given);
    return { id: row.id, bytes: Buffer.byteLength(given), sealed };
  });
  await pool().query(
    `INSERT INTO audit_arguments (call_id, organization_id, bytes, sealed) SELECT k.id, $1, k.bytes, k.sealed
     FROM json_to_recordset($2::json) AS k(id uuid, bytes int, sealed text)`,
    [id, JSON.stringify(kept)],
  );
  await pool().query('ANALYZE');
}, 180_000);
afterAll(() => lib.close());

test(`replays ${CALLS} calls of ${PEOPLE} people within ${MOST_MS} ms`, { timeout: 60_000 }, async () => {
  const from = Date.now() - 30 * DAY_MS;
  const times: number[] = [];
  const replay = async (draft: Parameters<typeof replayPolicy>[1]) => {
    const begunMs = performance.now();
    const told = await replayPolicy(aurora.actor, draft, from);
    times.push(Math.round(performance.now() - begunMs));
    return told;
  };
  const members = (
    await pool().query<{ email: string }>(
      `SELECT email FROM members WHERE email LIKE 'p%' AND organization_id = $1`,
      [aurora.id],
    )
  ).rows.map(({ email }) => email);
  const rules = { ...NO_RULES, projects: [{ gid: '301', name: null }] };
  const group = { slug: 'projects', name: 'Projects', tools: ['get_project'], members };
  const ruled = await replay({ group: { ...group, rules } });
  // Whose tokens are narrowed were refused anyway.
  expect(ruled.calls).toBe(CALLS);
  expect(ruled.unjudged.calls).toBe(0);
  expect(ruled.refused.calls).toBeGreaterThan(KEPT / 2);
  const changed = await replay({
    changes: Array.from({ length: GROUPS }, (_, n) => ({
      slug: `g${n}`,
      add: ['delete_task'],
      remove: ['get_tasks'],
    })),
  });
  expect(changed.refused.calls).toBeGreaterThan(1_000);
  console.log(`replays of ${CALLS} calls: ${times.join(' ms, ')} ms`);
  for (const ms of times) expect(ms).toBeLessThanOrEqual(MOST_MS);
});
