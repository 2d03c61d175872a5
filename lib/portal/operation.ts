// The one wrapper of everything the portal and /api/v1 can do: who may, what goes in, one transaction, what comes out, errors.
import { z } from 'zod';
import type { Actor } from '../audit/append';
import { db, transaction, type Tx } from '../db';
import { AppError } from '../errors';
import { keepingPolicyTests } from '../people/policy-tests';
import type { SignedIn } from '../people/sessions';

export type Role = 'admin' | 'auditor' | 'member';

/** Who calls: a signed-in member, an API key, or nobody yet. `address` is the network address. */
export type Caller =
  | { kind: 'session'; member: SignedIn; address: string }
  | {
      kind: 'api_key';
      key: { id: string; organizationId: string; name: string; role: Role };
      address: string;
    }
  | { kind: 'anyone'; address: string };

/** What an operation works with. `tx` is the transaction of a change; reads and outside calls get the plain client. */
export interface Context {
  actor: Actor;
  role: Role;
  /** Null for an API key. */
  member: SignedIn | null;
  tx: Tx;
  address: string;
}

export interface Input<P, Q, B> {
  path: P;
  query: Q;
  body: B;
  /** The version named by `If-Match`; null without one. */
  ifMatch: number | null;
}

/** An answer that is written piece by piece. */
export interface Streamed {
  contentType: string;
  fileName: string;
  chunks: AsyncIterable<string>;
}

export interface Operation<P = unknown, Q = unknown, B = unknown, A = unknown> {
  /** One line for OpenAPI. */
  summary: string;
  /** `anyone` needs no session; otherwise the roles that may. */
  who: 'anyone' | readonly Role[];
  /** Whether an API key may call it; what belongs to a person it may not. */
  keys: boolean;
  /** `read` has no transaction; `change` runs in one; `outside` calls Asana and opens its own where it writes. */
  effect: 'read' | 'change' | 'outside';
  /** It ends somebody's access, so it has database connections of its own (`endingAccess`). */
  ends: boolean;
  /** It may change who may use what, so the organization's policy tests are asked before it commits (`keepingPolicyTests`). */
  policy: boolean;
  path: z.ZodType<P>;
  query: z.ZodType<Q>;
  body: z.ZodType<B>;
  answer: z.ZodType<A> | 'stream' | 'none';
  /** The media types of an answer that is a stream. */
  media: readonly string[];
  status: 200 | 201 | 204;
  run(context: Context, input: Input<P, Q, B>): Promise<A | Streamed | void>;
}

const nothing = z.object({});

/** Fills in what an operation does not say: no input, status by its answer, keys allowed. */
export function operation<A, P = Record<never, never>, Q = Record<never, never>, B = Record<never, never>>(
  given: Pick<Operation<P, Q, B, A>, 'summary' | 'who' | 'effect' | 'answer' | 'run'> &
    Partial<
      Pick<Operation<P, Q, B, A>, 'keys' | 'ends' | 'policy' | 'path' | 'query' | 'body' | 'media' | 'status'>
    >,
): Operation<P, Q, B, A> {
  return {
    keys: true,
    ends: false,
    policy: false,
    path: nothing as unknown as z.ZodType<P>,
    query: nothing as unknown as z.ZodType<Q>,
    body: nothing as unknown as z.ZodType<B>,
    media: [],
    status: given.answer === 'none' ? 204 : 200,
    ...given,
  };
}

/**
 * Performs an operation for a caller. Order: who (401, 403), input (400), the operation in its transaction, the answer through its
 * schema, so that nothing leaves that the schema does not name. Throws `AppError`.
 */
export async function perform<P, Q, B, A>(
  operation: Operation<P, Q, B, A>,
  caller: Caller,
  raw: { path?: unknown; query?: unknown; body?: unknown; ifMatch?: string | null },
): Promise<A | Streamed | undefined> {
  const who = authorize(operation, caller);
  const input: Input<P, Q, B> = {
    path: parse(operation.path, raw.path ?? {}, 'path'),
    query: parse(operation.query, raw.query ?? {}, 'query'),
    body: parse(operation.body, raw.body === undefined ? {} : raw.body, 'body'),
    ifMatch: versionOf(raw.ifMatch ?? null),
  };
  const plain = (tx: Tx) => operation.run({ ...who, tx, address: caller.address }, input);
  const run = (tx: Tx) =>
    operation.policy ? keepingPolicyTests(tx, who.actor.organizationId, async () => plain(tx)) : plain(tx);
  const answer = await (operation.effect === 'change' ? transaction(run) : run(db() as unknown as Tx));
  if (operation.answer === 'none') return undefined;
  if (operation.answer === 'stream') return answer as Streamed;
  return operation.answer.parse(answer);
}

/** Who calls an operation; throws `unauthenticated` and `forbidden`. */
export function authorize(
  operation: Pick<Operation, 'who' | 'keys'>,
  caller: Caller,
): Pick<Context, 'actor' | 'role' | 'member'> {
  if (operation.who === 'anyone') {
    const credential = { kind: 'system' as const, id: 'gatehouse', name: null };
    return {
      role: 'member',
      member: null,
      actor: { organizationId: '', memberId: null, memberEmail: null, credential },
    };
  }
  if (caller.kind === 'anyone') throw new AppError('unauthenticated');
  const { role } = caller.kind === 'session' ? caller.member : caller.key;
  if (caller.kind === 'api_key' && !operation.keys)
    throw new AppError('forbidden', 'This belongs to a person; an API key has none. Sign in to the portal.');
  if (!operation.who.includes(role)) throw new AppError('forbidden');
  if (caller.kind === 'session') {
    const { member } = caller;
    const credential = { kind: 'session' as const, id: member.sessionId, name: null };
    const actor = {
      organizationId: member.organization.id,
      memberId: member.id,
      memberEmail: member.email,
      credential,
    };
    return { role, member, actor };
  }
  const { key } = caller;
  const credential = { kind: 'api_key' as const, id: key.id, name: key.name };
  return {
    role,
    member: null,
    actor: { organizationId: key.organizationId, memberId: null, memberEmail: null, credential },
  };
}

function parse<T>(schema: z.ZodType<T>, value: unknown, where: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) {
    if (isStorable(parsed.data)) return parsed.data;
    throw new AppError('invalid', `${where}: holds a NUL or half a character, which can\u2019t be stored`);
  }
  const [issue] = parsed.error.issues;
  const at = [where, ...(issue?.path ?? [])].join('.');
  throw new AppError('invalid', `${at}: ${issue?.message ?? 'not valid'}`);
}

// PostgreSQL takes no NUL in a text and no lone surrogate in JSON: it would be an error of the database, not of the caller.
function isStorable(value: unknown): boolean {
  if (typeof value === 'string') return !/\0|\p{Surrogate}/u.test(value);
  if (typeof value !== 'object' || value === null) return true;
  return Object.values(value).every(isStorable);
}

/** The version in an `If-Match` (RFC 9110 §13.1.1); `*` matches any. Throws `stale_version` for a tag that is never ours. */
function versionOf(ifMatch: string | null): number | null {
  if (ifMatch === null || ifMatch.trim() === '*') return null;
  const version = /^(?:W\/)?"?(\d{1,9})"?$/.exec(ifMatch.trim())?.[1];
  if (version === undefined) throw new AppError('stale_version');
  return Number(version);
}
