// A million records verify from a file within a minute, in little memory, and one edited in the middle is named.
import { execFile } from 'node:child_process';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chainHash, chainStart, exportText } from '@/lib/audit/canonical';

const RECORDS = 1_000_000;
const ORGANIZATION = '3f7a61bc-ef63-45fd-9faf-799818fe5e34';
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-million-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const pad = (n: number, digits: number) => String(n).padStart(digits, '0');
const uuid = (n: number) => `01a1fdec-e4da-7000-8000-${pad(n, 12)}`;

/** A call as it is stored, and as a line shows it. */
function recordOf(seq: number) {
  const at = `2026-11-${pad(1 + Math.floor(seq / 50_000), 2)}T00:00:00.${pad(seq % 1_000_000, 6)}Z`;
  const shown = {
    ...{ id: uuid(seq), at, kind: 'call', member: 'ana@example.com' },
    credential: { kind: 'agent_token', id: uuid(1), name: 'Weekly report' },
    ...{
      client: 'node',
      connection: uuid(2),
      workspace: '1100',
      method: 'tools/call',
      tool: `tool_${seq % 40}`,
    },
    ...{ argumentsHash: 'a'.repeat(64), decision: 'deny', reason: 'not_in_group', policyVersion: 'sales@3' },
  };
  const row = {
    ...{
      id: shown.id,
      at: shown.at,
      kind: 'call',
      call_id: null,
      member_id: uuid(3),
      member_email: shown.member,
    },
    ...{
      credential_kind: 'agent_token',
      credential_id: uuid(1),
      credential_name: 'Weekly report',
      client: 'node',
    },
    ...{ connection_id: uuid(2), workspace_gid: '1100', method: 'tools/call', tool: shown.tool },
    ...{
      arguments_hash: shown.argumentsHash,
      decision: 'deny',
      reason: 'not_in_group',
      policy_version: 'sales@3',
    },
    ...{ outcome: null, latency_ms: null, action: null, target: null, before: null, after: null },
  };
  return { shown, row };
}

/** An export as Gatehouse writes it; `edited` names a record that is not what was hashed. */
async function writeExport(file: string, edited: number): Promise<string> {
  const hashes = Buffer.alloc(32 * (RECORDS + 1));
  chainStart(ORGANIZATION).copy(hashes, 0);
  const hashAt = (seq: number) => hashes.subarray(32 * seq, 32 * seq + 32);
  for (let seq = 1; seq <= RECORDS; seq += 1)
    chainHash(hashAt(seq - 1), BigInt(seq), recordOf(seq).row).copy(hashes, 32 * seq);
  const out = createWriteStream(file);
  const digest = createHash('sha256');
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  for (let seq = RECORDS; seq >= 1; seq -= 1) {
    const { shown } = recordOf(seq);
    const hash = hashAt(seq).toString('hex');
    digest.update(`${hash} \n`);
    const chain: object = {
      n: RECORDS - seq + 1,
      previous: hashAt(seq - 1).toString('hex'),
      memberId: uuid(3),
    };
    const line = { seq, ...shown, ...(seq === edited ? { tool: 'edited' } : {}), hash, chain };
    if (seq === 1) Object.assign(chain, { export: statement() });
    if (!out.write(`${JSON.stringify(line)}\n`)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'close');
  return publicKey.export({ format: 'pem', type: 'spki' }) as string;

  function statement() {
    const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(12);
    const facts = {
      ...{ organization: ORGANIZATION, at: '2026-12-01T00:00:00.000Z', records: RECORDS, partial: false },
      start: { seq: 0, hash: hashAt(0).toString('hex') },
      end: { seq: RECORDS, hash: hashAt(RECORDS).toString('hex') },
      digest: digest.digest('hex'),
      keyId: createHash('sha256').update(raw).digest('hex').slice(0, 16),
      publicKey: raw.toString('base64'),
    };
    return { ...facts, signature: sign(null, Buffer.from(exportText(facts)), privateKey).toString('base64') };
  }
}

const verify = (file: string) =>
  new Promise<{ code: number; verdict: any; tookMs: number; progress: string }>((resolve) => {
    const beganMs = performance.now();
    const args = ['--max-old-space-size=512', 'scripts/gatehouse-verify.mjs', file, '--json'];
    execFile(process.execPath, args, (error, out, err) =>
      resolve({
        code: (error?.code as number | undefined) ?? 0,
        verdict: JSON.parse(out),
        tookMs: performance.now() - beganMs,
        progress: err,
      }),
    );
  });

test('1,000,000 records verify in at most 60 s, with progress, and one that was edited is named', async () => {
  const file = join(folder, 'million.jsonl');
  await writeExport(file, 0);
  const whole = await verify(file);
  expect(whole.verdict).toMatchObject({ ok: true, records: RECORDS, links: RECORDS });
  expect(whole.tookMs).toBeLessThan(60_000);
  expect(whole.progress).toMatch(/^950000 records in /m);
  console.log(`1,000,000 records verified in ${(whole.tookMs / 1000).toFixed(1)} s`);
  await writeExport(file, 543_210);
  const edited = await verify(file);
  expect([edited.code, edited.verdict.firstBad.seq, edited.verdict.faults]).toEqual([1, 543_210, 1]);
}, 600_000);
