// An organization's policy as a file: exported, compared, applied in one transaction with the events that the portal would write.
import { hash } from 'node:crypto';
import type { Actor } from '../audit/append';
import { canonicalJson } from '../audit/canonical';
import { listTools, updateTool } from '../catalogue/catalogue';
import type { Tx } from '../db';
import { AppError } from '../errors';
import { saveRedirectRule } from '../oauth/redirect-rules';
import { DEFAULT_RULE } from '../oauth/redirect-uris';
import { createGroup, deleteGroup, listGroups, lockGroups, replaceGroup } from '../people/groups';
import { readOrganization, updateOrganization } from '../people/organizations';
import {
  lockPolicy,
  refuse,
  replacePolicyTests,
  runPolicyTests,
  type KeptTest,
} from '../people/policy-tests';
import { normalRules } from '../policy/argument-rules';
import { normalWriteSafety } from '../policy/write-safety';
import { describeChanges, type Change } from './describe-changes';
import { dryRun } from './dry-run';
import type { Config, ConfigFile } from './format';

/** The whole policy, sorted, so that the same policy gives the same file. */
export async function readConfig(tx: Tx, organizationId: string): Promise<Config> {
  const settings = await readOrganization(tx, organizationId);
  const rule = await tx.redirectUriRule.findUnique({ where: { organizationId } });
  const tests = await runPolicyTests(tx, organizationId);
  const { workspaces, driftPolicy, asanaEmail, asanaPlan, limits, keepArguments, argumentDays, auditMonths } =
    settings;
  return {
    gatehouse: 1,
    organization: {
      ...{ driftPolicy, asanaEmail, asanaPlan, limits, keepArguments, argumentDays, auditMonths },
      workspaces: workspaces?.map(({ gid, name }) => ({ gid, name })).sort(by((one) => one.gid)) ?? null,
    },
    redirectUris: {
      uris: [...(rule?.uris ?? DEFAULT_RULE.uris)].sort(),
      allowLoopback: rule?.allowLoopback ?? DEFAULT_RULE.allowLoopback,
    },
    tools: {
      blocked: (await listTools(tx, organizationId))
        .flatMap(({ name, blocked }) => (blocked ? [name] : []))
        .sort(),
    },
    groups: await readGroups(tx, organizationId),
    tests: tests
      .map(({ member, groups: slugs, tool, arguments: given, may, because }) => ({
        ...{ member, groups: slugs, tool, arguments: given, may, because },
      }))
      .sort(by(canonicalJson)),
  };
}

async function readGroups(tx: Tx, organizationId: string): Promise<Config['groups']> {
  return (await listGroups(tx, organizationId))
    .map(({ slug, name, tools, members, methods, limits, rules, approvals, undo, writeSafety }) => ({
      ...{ slug, name, tools: [...tools].sort(), members: [...members].sort() },
      ...{ methods: [...methods].sort(), limits, rules, approvals, undo, writeSafety },
    }))
    .sort(by((group) => group.slug));
}

const by =
  <T>(key: (one: T) => string) =>
  (one: T, other: T) =>
    key(one) < key(other) ? -1 : 1;

/** A name for exactly this policy: what an apply may insist on (`base`). */
export const versionOf = (config: Config): string => hash('sha256', canonicalJson(config)).slice(0, 32);

export interface Plan {
  /** Of the policy as it was before. */
  version: string;
  changes: Change[];
  /** Policy tests that fail under the new policy. */
  failing: KeptTest[];
}

/** What applying a file would change, and which tests would fail. The same errors as `applyConfig` but for the tests. */
export function planConfig(actor: Actor, file: ConfigFile): Promise<Plan> {
  return dryRun((tx) => carryOut(tx, actor, file, null));
}

/**
 * Makes the policy what the file says, all of it or nothing. `base`: a version that it must still have, or null. Throws
 * `policy_test_failed`, `stale_version`, `absent_groups`, `unknown_tool`, `unknown_member`, `unknown_group`, `invalid` and, for a tool to
 * block, `not_found`.
 */
export async function applyConfig(
  tx: Tx,
  actor: Actor,
  file: ConfigFile,
  base: string | null,
): Promise<Plan> {
  const plan = await carryOut(tx, actor, file, base);
  if (plan.failing.length > 0) refuse(plan.failing);
  return plan;
}

/** Does what the file says, whatever the tests say of it. */
export async function carryOut(tx: Tx, actor: Actor, file: ConfigFile, base: string | null): Promise<Plan> {
  const { organizationId } = actor;
  await lockAll(tx, organizationId, file);
  const before = await readConfig(tx, organizationId);
  const version = versionOf(before);
  if (base !== null && base !== version)
    throw new AppError(
      'stale_version',
      'The policy was changed since the plan was made; nothing was applied. Plan again.',
    );
  await changeSettings(tx, actor, file, before);
  await changeGroups(tx, actor, file, before);
  if (file.tests) await replacePolicyTests(tx, actor, file.tests);
  // The last thing that is waited for, like with every save (`keepingPolicyTests`).
  await lockPolicy(tx, organizationId);
  const failing = (await runPolicyTests(tx, organizationId)).filter(({ result }) => !result.passed);
  return { version, changes: describeChanges(before, await readConfig(tx, organizationId)), failing };
}

// Members, then the organization, tools, groups in the order of their ids: as everywhere, so that nobody waits in a circle.
async function lockAll(tx: Tx, organizationId: string, file: ConfigFile): Promise<void> {
  const emails = (file.groups ?? []).flatMap(({ members = [] }) => members);
  await tx.$executeRaw`
    SELECT 1 FROM members WHERE organization_id = ${organizationId}::uuid AND email = ANY(${emails}::text[]) ORDER BY id FOR KEY SHARE`;
  await tx.$executeRaw`SELECT 1 FROM organizations WHERE id = ${organizationId}::uuid FOR NO KEY UPDATE`;
  const blocked = file.tools?.blocked ?? [];
  await tx.$executeRaw`
    SELECT 1 FROM tools WHERE organization_id = ${organizationId}::uuid AND (name = ANY(${blocked}::text[]) OR blocked) ORDER BY name FOR UPDATE`;
  const groups = await listGroups(tx, organizationId);
  await lockGroups(
    tx,
    organizationId,
    groups.map(({ slug }) => slug),
  );
}

async function changeSettings(tx: Tx, actor: Actor, file: ConfigFile, before: Config): Promise<void> {
  const wanted = Object.entries(file.organization ?? {}).filter(
    ([key, value]) =>
      canonicalJson(sorted(key, value)) !==
      canonicalJson(before.organization[key as keyof Config['organization']]),
  );
  if (wanted.length > 0) await updateOrganization(tx, actor, Object.fromEntries(wanted));
  const { redirectUris, tools } = file;
  if (redirectUris) {
    const given = { ...redirectUris, uris: [...new Set(redirectUris.uris)] };
    const isSame =
      canonicalJson({ ...given, uris: given.uris.toSorted() }) === canonicalJson(before.redirectUris);
    if (!isSame) await saveRedirectRule(tx, actor, given);
  }
  if (!tools) return;
  const blocked = new Set(tools.blocked);
  const had = new Set(before.tools.blocked);
  for (const name of [...blocked].sort())
    if (!had.has(name)) await updateTool(tx, actor, name, { blocked: true });
  for (const name of had) if (!blocked.has(name)) await updateTool(tx, actor, name, { blocked: false });
}

const sorted = (key: string, value: unknown): unknown =>
  key === 'workspaces' && value !== null
    ? [...(value as { gid: string }[])].sort(by((one) => one.gid))
    : value;

async function changeGroups(tx: Tx, actor: Actor, file: ConfigFile, before: Config): Promise<void> {
  if (!file.groups) return;
  const had = new Map(before.groups.map((group) => [group.slug, group]));
  const named = new Set(file.groups.map(({ slug }) => slug));
  const absent = before.groups.filter(({ slug }) => !named.has(slug));
  if (absent.length > 0 && file.absentGroups === undefined)
    throw new AppError(
      'absent_groups',
      `The file does not name ${absent.map(({ slug }) => `"${slug}"`).join(', ')}; nothing was applied. Add "absentGroups": "delete" to delete ${absent.length === 1 ? 'it' : 'them'}, or "keep" to leave ${absent.length === 1 ? 'it' : 'them'} alone.`,
    );
  if (file.absentGroups === 'delete') for (const { slug } of absent) await deleteGroup(tx, actor, slug);
  const groups = file.groups.toSorted(by(({ slug }) => slug));
  // First all without what they may say of each other (approvals).
  for (const { slug, approvals: _approvals, members = [], ...content } of groups)
    if (!had.has(slug)) await createGroup(tx, actor, { slug, members, ...content });
  const made = new Map((await readGroups(tx, actor.organizationId)).map((group) => [group.slug, group]));
  for (const group of groups) await changeGroup(tx, actor, made.get(group.slug)!, group);
}

async function changeGroup(
  tx: Tx,
  actor: Actor,
  old: Config['groups'][number],
  group: NonNullable<ConfigFile['groups']>[number],
): Promise<void> {
  const unique = <T extends string>(names: readonly T[]): T[] => [...new Set(names)].sort();
  const { approvals = old.approvals, rules = old.rules, limits = old.limits, undo = old.undo } = group;
  const { writeSafety = old.writeSafety } = group;
  const wanted: Config['groups'][number] = {
    ...{ slug: old.slug, name: group.name, tools: unique(group.tools), limits, undo },
    ...{ members: unique(group.members ?? old.members), methods: unique(group.methods ?? old.methods) },
    rules: normalRules(rules),
    approvals: approvals && { ...approvals, tools: unique(approvals.tools) },
    writeSafety: writeSafety && normalWriteSafety(writeSafety),
  };
  if (canonicalJson(wanted) === canonicalJson(old)) return;
  const { slug, approvals: waiting, ...content } = wanted;
  // Said again, an approver who is gone would be an error.
  const isSame = canonicalJson(waiting) === canonicalJson(old.approvals);
  await replaceGroup(tx, actor, slug, isSame ? content : { ...content, approvals: waiting }, null);
}
