// Replays audited calls against a draft of the policy: the draft is made as a save would make it, asked by the gate's own rule, and undone.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { appendEvent, type Actor } from '../audit/append';
import { pool, transaction, type Tx } from '../db';
import { AppError } from '../errors';
import { decodeJson, REQUEST_LIMITS } from '../gateway/decode';
import { changeGroups, type GroupChange } from '../people/change-groups';
import { lockGroups, replaceGroup, type GroupContent } from '../people/groups';
import { askPolicy, runPolicyTests, type KeptTest } from '../people/policy-tests';
import type { ArgumentJson } from '../policy/argument-map';
import {
  CALLS_MADE,
  CALLS_ONE_BY_ONE,
  needsArguments,
  tally,
  type CallsMade,
  type Decision,
  type Judgement,
  type Replay,
} from '../policy/replay';
import { judgeCall, type Question, type Verdict } from '../policy/verdicts';
import { SealError } from '../vault/seal';
import { openSecret, placeOf } from '../vault/vault';
import { carryOut } from './config';
import { dryRun } from './dry-run';
import type { ConfigFile } from './format';

/** What an admin is about to save. */
export type PolicyDraft =
  { changes: GroupChange[] } | { group: GroupContent & { slug: string } } | { config: ConfigFile };

export interface PolicyReplay extends Replay {
  /** ISO 8601. */
  from: string;
  /** Policy tests that the draft would break. */
  broken: KeptTest[];
}

/** Judged in one turn of the event loop: some milliseconds. */
const AT_A_TIME = 50;
/** Read and opened one by one; of more calls under rules the rest can't be told. */
const MOST_ARGUMENTS = 20_000;

/**
 * What the draft would have decided otherwise than the policy of now, since `fromMs` (ms since 1970). Nothing is saved. The same errors as
 * the save itself. Arguments that were kept are read where rules on arguments decide; that is on record.
 */
export async function replayPolicy(actor: Actor, draft: PolicyDraft, fromMs: number): Promise<PolicyReplay> {
  const { organizationId } = actor;
  const from = new Date(fromMs).toISOString();
  // Before the draft is made: what takes long must not hold its locks.
  const made = (await pool().query<CallsMade>(CALLS_MADE, [organizationId, from])).rows;
  const questions = made.map(({ member, tool, restricted, tools }): Question => ({
    ...{ caller: { member }, tool },
    tools: restricted ? (tools ?? []) : null,
  }));
  const { now, drafted, broken } = await dryRun(async (tx) => {
    const tests = await runPolicyTests(tx, organizationId);
    const passed = new Set(tests.flatMap(({ id, result }) => (result.passed ? [id] : [])));
    const before = await askPolicy(tx, organizationId, questions);
    await makeDraft(tx, actor, draft);
    const after = await askPolicy(tx, organizationId, questions);
    const all = await runPolicyTests(tx, organizationId);
    // Tests that a file brings with it count as well.
    const known = new Set(tests.map(({ id }) => id));
    return {
      ...{ now: before, drafted: after },
      broken: all.filter(({ id, result }) => !result.passed && (passed.has(id) || !known.has(id))),
    };
  });
  const byArguments = await judgeArgumentsOf(actor, from, made, now, drafted);
  const judgements = made.flatMap((calls, n): Judgement[] => {
    const one = byArguments.get(n);
    if (one) return one;
    return [{ made: calls, calls: calls.calls, now: plainly(now[n]!), draft: plainly(drafted[n]!) }];
  });
  return { ...tally(judgements), from, broken };
}

/** Where both are the same, what rules say of the arguments is the same too, whatever it is. */
const plainly = ({ denial }: Verdict): Decision => denial;

async function makeDraft(tx: Tx, actor: Actor, draft: PolicyDraft): Promise<void> {
  if ('config' in draft) await carryOut(tx, actor, draft.config, null);
  else if ('group' in draft) {
    const { slug, ...content } = draft.group;
    await replaceGroup(tx, actor, slug, content, null);
  } else {
    const slugs = draft.changes.map(({ slug }) => slug);
    const groups = await lockGroups(tx, actor.organizationId, slugs);
    const versions = new Map(groups.map(({ slug, version }) => [slug, version]));
    await changeGroups(
      tx,
      actor,
      draft.changes.map((change) => ({ ...change, version: versions.get(change.slug) ?? 0 })),
    );
  }
}

interface OneCall {
  n: number;
  id: string;
  sealed: string | null;
  bytes: number | null;
}

/** The judgements of those calls that rules on arguments decide, by the index in `made`. */
async function judgeArgumentsOf(
  actor: Actor,
  from: string,
  made: readonly CallsMade[],
  now: readonly Verdict[],
  drafted: readonly Verdict[],
): Promise<Map<number, Judgement[]>> {
  const { organizationId } = actor;
  const wanted = made.flatMap((calls, n) => (needsArguments(now[n]!, drafted[n]!) ? [{ n, ...calls }] : []));
  if (wanted.length === 0) return new Map();
  const asked = wanted.map(({ n, member, credential, tool, narrowed }) => ({
    ...{ n, member, credential, tool, narrowed },
  }));
  const { rows } = await pool().query<OneCall>(CALLS_ONE_BY_ONE, [
    ...[organizationId, from, JSON.stringify(asked)],
    MOST_ARGUMENTS,
  ]);
  const judged = new Map<number, Judgement[]>(wanted.map(({ n }) => [n, []]));
  let opened = 0;
  for (const [at, { n, id, sealed, bytes }] of rows.entries()) {
    // The gate's calls go on in the same process.
    if (at % AT_A_TIME === 0) await nextTurn();
    const given = sealed === null ? undefined : readKept(organizationId, id, sealed, bytes!);
    if (sealed !== null) opened += 1;
    judged.get(n)!.push({
      ...{ made: made[n]!, calls: 1 },
      ...{ now: decide(now[n]!, made[n]!.tool, given), draft: decide(drafted[n]!, made[n]!.tool, given) },
    });
  }
  // Calls beyond the most that are read one by one.
  for (const { n, calls } of wanted) {
    const rest = calls - judged.get(n)!.length;
    if (rest > 0) judged.get(n)!.push({ made: made[n]!, calls: rest, now: undefined, draft: undefined });
  }
  if (opened > 0)
    await transaction((tx) =>
      appendEvent(tx, actor, {
        ...{ action: 'audit.arguments_replayed', target: 'policy', after: { calls: opened, from } },
      }),
    );
  return judged;
}

function decide(verdict: Verdict, tool: string, given: ArgumentJson | undefined): Decision {
  if (verdict.denial !== null || verdict.rules === null) return verdict.denial;
  if (given === undefined) return undefined;
  const judged = judgeCall(verdict, tool, given);
  if (judged.decision === 'unknown') return undefined;
  return judged.decision === 'allow' ? null : judged.reason;
}

/** What a call asked for; undefined where only its beginning was kept. Throws `arguments_unreadable`. */
function readKept(organizationId: string, callId: string, sealed: string, bytes: number) {
  try {
    const text = openSecret(placeOf(organizationId, 'audit_arguments', 'sealed', callId), sealed);
    return Buffer.byteLength(text) < bytes ? undefined : (decodeJson(text, REQUEST_LIMITS) as ArgumentJson);
  } catch (error) {
    if (error instanceof SealError) throw new AppError('arguments_unreadable');
    throw error;
  }
}
