// What differs between two states of an organization's policy, in words that an admin reads before saying yes. Pure.
import { canonicalJson } from '../audit/canonical';
import { rulesInWords } from '../policy/argument-rules';
import { writeSafetyInWords } from '../policy/write-safety';
import { testInWords, type PolicyTest } from '../policy/policy-tests';
import type { Config } from './format';

export interface Change {
  kind: 'organization' | 'redirect_uris' | 'tool' | 'group' | 'policy_test';
  /** A setting, a tool's name, a slug; of a test what it says. */
  target: string;
  change: 'create' | 'update' | 'delete';
  sentence: string;
}

type Group = Config['groups'][number];

/** Every difference, in the order of the file. */
export function describeChanges(before: Config, after: Config): Change[] {
  return [
    ...settingChanges(before, after),
    ...redirectChanges(before, after),
    ...toolChanges(before, after),
    ...groupChanges(before, after),
    ...testChanges(before.tests, after.tests),
  ];
}

const isSame = (one: unknown, other: unknown) => canonicalJson(one) === canonicalJson(other);

function settingChanges(before: Config, after: Config): Change[] {
  const keys = Object.keys(after.organization) as (keyof Config['organization'])[];
  return keys
    .filter((key) => !isSame(before.organization[key], after.organization[key]))
    .map((key) => ({
      ...{ kind: 'organization', target: key, change: 'update' },
      sentence: `Setting ${key}: ${shown(before.organization[key])} becomes ${shown(after.organization[key])}.`,
    }));
}

function redirectChanges({ redirectUris: before }: Config, { redirectUris: after }: Config): Change[] {
  const difference = compare(before.uris, after.uris);
  const parts = [
    ...listed('allows', difference.added),
    ...listed('no longer allows', difference.removed),
    ...(before.allowLoopback === after.allowLoopback
      ? []
      : [
          `${after.allowLoopback ? 'allows' : 'no longer allows'} programs on the person\u2019s own computer`,
        ]),
  ];
  if (parts.length === 0) return [];
  return [
    {
      ...{ kind: 'redirect_uris', target: 'redirect_uris', change: 'update' },
      sentence: `Redirect URIs: ${parts.join('; ')}.`,
    },
  ];
}

function toolChanges({ tools: before }: Config, { tools: after }: Config): Change[] {
  const { added, removed } = compare(before.blocked, after.blocked);
  const say = (target: string, sentence: string): Change => ({
    ...{ kind: 'tool', target, change: 'update', sentence },
  });
  return [
    ...added.map((name) => say(name, `Tool ${name} is blocked for everybody.`)),
    ...removed.map((name) => say(name, `Tool ${name} is no longer blocked.`)),
  ];
}

function groupChanges(before: Config, after: Config): Change[] {
  const had = new Map(before.groups.map((group) => [group.slug, group]));
  const has = new Set(after.groups.map(({ slug }) => slug));
  return [
    ...before.groups
      .filter(({ slug }) => !has.has(slug))
      .map((group): Change => ({
        ...{ kind: 'group', target: group.slug, change: 'delete' },
        sentence: `Group ${group.slug} is deleted: ${people(group)} ${group.members.length === 1 ? 'loses' : 'lose'} what it gave them (${group.tools.join(', ') || 'no tools'}).`,
      })),
    ...after.groups.flatMap((group): Change[] => {
      const old = had.get(group.slug);
      if (!old)
        return [
          {
            ...{ kind: 'group', target: group.slug, change: 'create' },
            sentence: `Group ${group.slug} is made: ${people(group)}; ${group.tools.join(', ') || 'no tools'}.${group.rules === null ? '' : ` ${rulesInWords(group.rules).join(' ')}`}`,
          },
        ];
      const parts = groupParts(old, group);
      if (parts.length === 0) return [];
      return [
        {
          ...{ kind: 'group', target: group.slug, change: 'update' },
          sentence: `Group ${group.slug}: ${parts.join('; ')}.`,
        },
      ];
    }),
  ];
}

const people = ({ members }: Group) => (members.length === 1 ? '1 person' : `${members.length} people`);

function groupParts(old: Group, group: Group): string[] {
  const tools = compare(old.tools, group.tools);
  const members = compare(old.members, group.members);
  const methods = compare(old.methods, group.methods);
  const limit = ({ limits }: Group) => (limits === null ? 'none' : `${limits.perMinute} calls a minute`);
  return [
    ...(old.name === group.name
      ? []
      : [`is called \u201c${group.name}\u201d instead of \u201c${old.name}\u201d`]),
    ...listed('gets', tools.added),
    ...listed('loses', tools.removed),
    ...listed('takes in', members.added),
    ...listed('sends away', members.removed),
    ...listed('opens', methods.added),
    ...listed('closes', methods.removed),
    ...(limit(old) === limit(group) ? [] : [`its limit is ${limit(group)} instead of ${limit(old)}`]),
    ...(isSame(old.writeSafety, group.writeSafety)
      ? []
      : [`its write safety is ${safety(group)} (before: ${safety(old)})`]),
    ...(isSame(old.undo, group.undo) ? [] : [`${keeps(group)} (before: ${keeps(old)})`]),
    ...(isSame(old.approvals, group.approvals) ? [] : [`${waits(group)} (before: ${waits(old)})`]),
    ...(isSame(old.rules, group.rules)
      ? []
      : [
          `its rules on arguments are ${group.rules === null ? 'lifted' : `\u201c${rulesInWords(group.rules).join(' ')}\u201d`}${old.rules === null ? '' : `; they were \u201c${rulesInWords(old.rules).join(' ')}\u201d`}`,
        ]),
  ];
}

const safety = ({ writeSafety }: Group) =>
  writeSafety === null ? 'off' : `\u201c${writeSafetyInWords(writeSafety).join(' ')}\u201d`;

function keeps({ undo }: Group): string {
  return undo === null
    ? 'nothing is kept for an undo'
    : `what was there before a change is kept for ${undo.days === 1 ? '1 day' : `${undo.days} days`}`;
}

function waits({ approvals }: Group): string {
  if (approvals === null) return 'no call waits for an approval';
  const { approver } = approvals;
  const who =
    approver === null
      ? 'somebody who is gone'
      : 'group' in approver
        ? `group ${approver.group}`
        : approver.member;
  return `calls of ${approvals.tools.join(', ')} wait for ${who}`;
}

function testChanges(before: readonly PolicyTest[], after: readonly PolicyTest[]): Change[] {
  const isIn = (test: PolicyTest, all: readonly PolicyTest[]) => all.some((other) => isSame(test, other));
  const say = (test: PolicyTest, change: Change['change'], verb: string): Change => ({
    ...{ kind: 'policy_test', target: testInWords(test), change },
    sentence: `Policy test \u201c${testInWords(test)}\u201d is ${verb}.`,
  });
  return [
    ...before.filter((test) => !isIn(test, after)).map((test) => say(test, 'delete', 'deleted')),
    ...after.filter((test) => !isIn(test, before)).map((test) => say(test, 'create', 'added')),
  ];
}

function compare(before: readonly string[], after: readonly string[]) {
  const [had, has] = [new Set(before), new Set(after)];
  return { added: after.filter((one) => !had.has(one)), removed: before.filter((one) => !has.has(one)) };
}

const MOST = 20;
const listed = (verb: string, names: readonly string[]): string[] =>
  names.length === 0
    ? []
    : [
        `${verb} ${names.slice(0, MOST).join(', ')}${names.length > MOST ? ` and ${names.length - MOST} more` : ''}`,
      ];

function shown(value: unknown): string {
  if (value === null) return 'none';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
