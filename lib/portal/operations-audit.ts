// Operations by which the audit proves itself: checkpoints and the keys that sign them, kept arguments, the sink, what is kept how long.
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { readArguments } from '../audit/arguments';
import { listCheckpoints, makeCheckpoint } from '../audit/checkpoints';
import { readKeeping } from '../audit/keeping';
import { listPublicKeys, rotateSigningKey } from '../audit/signing-keys';
import { readSink, saveSink } from '../audit/sink';
import { verifyChain, verifyPart, type PartVerdict, type Verdict } from '../audit/verify-chain';
import { AppError } from '../errors';
import { operation } from './operation';
import { ADMIN, instant, READERS, uuid } from './schemas';

const checkpoint = z.object({
  organization: uuid,
  seq: z.number(),
  hash: z.string(),
  at: instant,
  /** `retention`: records up to it were deleted, and the chain begins behind it. */
  kind: z.enum(['checkpoint', 'retention']),
  keyId: z.string(),
  signature: z.string(),
});

const publicKey = z.object({
  id: z.string(),
  algorithm: z.literal('Ed25519'),
  publicKey: z.string(),
  createdAt: instant,
  retiredAt: instant.nullable(),
});

const sink = z.object({
  kind: z.enum(['none', 'syslog', 'otlp']),
  address: z.string().nullable(),
  ca: z.string().nullable(),
  hasAuthorization: z.boolean(),
  sentSeq: z.number().nullable(),
  sentAt: instant.nullable(),
  behind: z.number(),
  behindSeconds: z.number(),
  problem: z.string().nullable(),
  failures: z.number(),
  nextAt: instant.nullable(),
});

const address = z.string().trim().min(1, 'must not be empty').max(500, 'must have at most 500 characters');

/** The program that verifies an export, as it lies in the repository: a file to be read before it is believed. */
async function* verifierText(): AsyncIterable<string> {
  yield await readFile('scripts/gatehouse-verify.mjs', 'utf8');
}

export const auditOperations = {
  'GET /audit/verify': operation({
    summary:
      'Recompute the audit\u2019s hash chain; with after or records a part of it: next is where the next part begins, null after the last',
    who: READERS,
    effect: 'read',
    query: z.object({
      after: z.coerce.number('must be a number').int().min(0).optional(),
      records: z.coerce.number('must be a number').int().min(1).max(1_000_000).optional(),
    }),
    answer: z.object({
      ok: z.boolean(),
      records: z.number(),
      firstBad: z.number().optional(),
      next: z.number().nullable().optional(),
      last: z.number().optional(),
    }),
    run: ({ actor }, { query: { after, records } }): Promise<Verdict & Partial<PartVerdict>> =>
      after === undefined && records === undefined
        ? verifyChain(actor.organizationId)
        : verifyPart(actor.organizationId, { after: after ?? 0, records: records ?? 100_000 }),
  }),
  'GET /audit/verifier': operation({
    summary:
      'The program that verifies an export without this server: one file for Node; to be kept elsewhere',
    who: READERS,
    effect: 'read',
    answer: 'stream',
    media: ['text/javascript'],
    run: () =>
      Promise.resolve({
        contentType: 'text/javascript; charset=utf-8',
        fileName: 'gatehouse-verify.mjs',
        chunks: verifierText(),
      }),
  }),
  'GET /audit/checkpoints': operation({
    summary:
      'Signed checkpoints of the chain, newest first, with the keys to check them; to be kept elsewhere',
    who: READERS,
    effect: 'read',
    query: z.object({
      /** Only those of lower numbers than this. */
      before: z.coerce.number('must be a number').int().min(0).optional(),
      limit: z.coerce.number('must be a number').int().min(1).max(10_000).optional(),
    }),
    answer: z.object({ checkpoints: z.array(checkpoint), keys: z.array(publicKey) }),
    run: async ({ actor: { organizationId } }, { query: { before, limit } }) => ({
      checkpoints: await listCheckpoints(organizationId, { before, limit: limit ?? 1_000 }),
      keys: await listPublicKeys(organizationId),
    }),
  }),
  'POST /audit/checkpoints': operation({
    summary: 'Sign the chain as it is now',
    who: READERS,
    // The chain is laid and the checkpoint signed on connections of their own.
    effect: 'outside',
    status: 201,
    answer: checkpoint,
    run: ({ actor }) => makeCheckpoint(actor.organizationId, actor),
  }),
  'GET /audit/keys': operation({
    summary:
      'The public keys (Ed25519) that the organization\u2019s checkpoints and exports are signed with, newest first',
    who: READERS,
    effect: 'read',
    answer: z.object({ keys: z.array(publicKey) }),
    run: async ({ actor }) => ({ keys: await listPublicKeys(actor.organizationId) }),
  }),
  'POST /audit/keys': operation({
    summary: 'Retire the key that signs and make another; what the old one signed stays good',
    who: ADMIN,
    effect: 'change',
    status: 201,
    answer: publicKey,
    run: ({ tx, actor }) => rotateSigningKey(tx, actor),
  }),
  'GET /audit/sink': operation({
    summary: 'Where the audit is also sent, and how far it has got; the authorization is never returned',
    who: READERS,
    effect: 'read',
    answer: sink,
    run: ({ actor }) => readSink(actor.organizationId),
  }),
  'PUT /audit/sink': operation({
    summary:
      'Send the audit to a syslog server (RFC 5424 over TCP or TLS) or an OTLP logs endpoint; kind none ends it',
    who: ADMIN,
    effect: 'change',
    body: z.strictObject({
      kind: z.enum(['none', 'syslog', 'otlp']),
      address: address.optional(),
      ca: z
        .string()
        .trim()
        .max(20_000)
        .regex(/^-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----$/, 'must be a certificate (PEM)')
        .nullable()
        .optional(),
      authorization: z
        .string()
        .trim()
        .regex(/^[\x20-\x7e]{1,4000}$/, 'must be the value of an Authorization header')
        .nullable()
        .optional(),
      from: z.enum(['beginning', 'now']).optional(),
    }),
    answer: sink,
    run: async ({ tx, actor }, { body }) => {
      await saveSink(tx, actor, body);
      return readSink(actor.organizationId, tx);
    },
  }),
  'GET /audit/keeping': operation({
    summary: 'What the audit keeps and for how long',
    who: READERS,
    effect: 'read',
    answer: z.object({
      keepArguments: z.boolean(),
      keepArgumentsSince: instant.nullable(),
      argumentDays: z.number(),
      /** Null: for ever. */
      auditMonths: z.number().nullable(),
      /** The number of the oldest record there is; null where there is none. */
      firstSeq: z.number().nullable(),
      firstAt: instant.nullable(),
    }),
    run: ({ tx, actor }) => readKeeping(tx, actor.organizationId),
  }),
  'POST /audit/{id}/arguments': operation({
    summary:
      'Read the kept arguments of a call; the reading is itself on record. Auditors only, and no API keys',
    who: ['auditor'],
    keys: false,
    effect: 'change',
    path: z.object({ id: z.string().max(100) }),
    answer: z.object({
      text: z.string(),
      bytes: z.number(),
      cut: z.boolean(),
      matches: z.boolean().nullable(),
    }),
    run: ({ tx, actor }, { path }) => {
      if (!uuid.safeParse(path.id).success) throw new AppError('not_found');
      return readArguments(tx, actor, path.id);
    },
  }),
};
