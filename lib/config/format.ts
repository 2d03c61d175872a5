// The form of gatehouse.json: an organization's policy as a file, for review and version control. No secrets, no ids of ours, no people but by
// e-mail address. What a file does not name it leaves as it is. Pure.
import { z } from 'zod';
import {
  approvals,
  argumentRules,
  days,
  email,
  limits,
  methods,
  name,
  perMinute,
  policyTest,
  slug,
  toolNames,
  undo,
  writeSafety,
} from '../policy/policy-input';

const settings = z
  .strictObject({
    workspaces: z
      .array(
        z.strictObject({ gid: z.string().regex(/^\d{1,30}$/, 'must be a gid'), name: z.string().max(200) }),
      )
      .max(100)
      .nullable(),
    driftPolicy: z.enum(['hold', 'warn']),
    asanaEmail: z.enum(['same', 'listed', 'any']),
    asanaPlan: z.enum(['free', 'paid']),
    limits: z.strictObject({ connectionPerMinute: perMinute, searchPerMinute: perMinute }).nullable(),
    keepArguments: z.boolean(),
    argumentDays: days,
    auditMonths: z.number().int().min(1).max(1200).nullable(),
  })
  .partial();

/** What is absent stays as it is; in a new group there is none of it. */
const group = z.strictObject({
  slug,
  name,
  tools: toolNames,
  members: z.array(email).max(100_000).optional(),
  methods: methods.optional(),
  limits: limits.optional(),
  rules: argumentRules.optional(),
  approvals: approvals.optional(),
  undo: undo.optional(),
  writeSafety: writeSafety.optional(),
});

/** A file of version 1. */
export const configFile = z.strictObject({
  gatehouse: z.literal(1, 'must be 1, the version of the file\u2019s form'),
  organization: settings.optional(),
  redirectUris: z
    .strictObject({ uris: z.array(z.string().min(1).max(2_000)).max(200), allowLoopback: z.boolean() })
    .optional(),
  /** All blocked tools; one that is not named is not blocked. Nothing here opens a tool that nobody has reviewed. */
  tools: z.strictObject({ blocked: toolNames }).optional(),
  groups: z
    .array(group)
    .max(1_000)
    .refine((all) => new Set(all.map((one) => one.slug)).size === all.length, 'names a group twice')
    .optional(),
  /** What becomes of groups that the file does not name; without it there must be none. */
  absentGroups: z.enum(['keep', 'delete']).optional(),
  /** All policy tests. */
  tests: z.array(policyTest).max(1_000).optional(),
});
export type ConfigFile = z.infer<typeof configFile>;

/** A file that names everything, as an export does. */
export type Config = Required<Omit<ConfigFile, 'absentGroups' | 'organization' | 'groups'>> & {
  organization: Required<NonNullable<ConfigFile['organization']>>;
  groups: Required<NonNullable<ConfigFile['groups']>[number]>[];
};

/** The file's text: the same for the same policy. */
export const configText = (config: Config): string => `${JSON.stringify(config, null, 2)}\n`;

/** What is wrong with what should be a file, in words; or the file. */
export function readConfigText(text: string): { file: ConfigFile } | { problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { problem: `It is not JSON: ${(error as Error).message}` };
  }
  const parsed = configFile.safeParse(value);
  if (parsed.success) return { file: parsed.data };
  const [issue] = parsed.error.issues;
  return { problem: `${issue!.path.join('.') || 'The file'}: ${issue!.message}` };
}
