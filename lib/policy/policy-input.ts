// The form of what a policy is made of, as people, scripts and files give it. Pure.
import { z } from 'zod';
import { GID } from './argument-rules';
import { METHOD_FAMILIES } from './policy';

export const name = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(120, 'must have at most 120 characters');
// Plain ASCII addresses only: look-alike letters, comments and quoted parts have no place in a key (SP-10).
export const email = z
  .email('must be an e-mail address')
  .max(254)
  .transform((value) => value.toLowerCase());
export const slug = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?$/, 'must be lower-case letters, digits and hyphens');
export const toolNames = z.array(z.string().min(1).max(200)).max(1000);
export const days = z
  .number()
  .int('must be a whole number of days')
  .min(1, 'must be at least 1 day')
  .max(3650, 'must be at most 3650 days');
/** Calls a minute; null lifts the limit. */
export const perMinute = z
  .number()
  .int('must be a whole number of calls')
  .min(1, 'must be at least 1 call a minute')
  .max(100_000, 'must be at most 100,000 calls a minute');
export const limits = z.strictObject({ perMinute }).nullable();

const domain = z
  .string()
  .trim()
  .toLowerCase()
  .max(253)
  .regex(/^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/, 'must be a domain, like example.com');
export const gid = z.string().regex(GID, 'must be a gid of Asana\u2019s: digits alone');
const place = z.strictObject({ gid, name: z.string().trim().max(500).nullable().default(null) });
const places = z
  .array(place)
  .max(100, 'must hold at most 100')
  .refine((all) => new Set(all.map((one) => one.gid)).size === all.length, 'names one twice')
  .default([]);
/** Rules on arguments; what is left out is off, null lifts all. */
export const argumentRules = z
  .strictObject({
    projects: places,
    teams: places,
    portfolios: places.refine((all) => all.length <= 10, 'must hold at most 10'),
    sections: places,
    maxItems: z
      .number()
      .int('must be a whole number of items')
      .min(1, 'must be at least 1 item')
      .max(1000, 'must be at most 1,000 items')
      .nullable()
      .default(null),
    keepInProject: z.boolean().default(false),
    companyDomains: z.array(domain).max(50, 'must hold at most 50').default([]),
    ownTasksOnly: z.boolean().default(false),
  })
  .nullable();
export const methods = z.array(z.enum(METHOD_FAMILIES)).max(METHOD_FAMILIES.length);
/** Tools that wait for an approval, and whose: by slug or e-mail address, null where the group or person is gone. */
export const approvals = z
  .strictObject({
    tools: toolNames,
    approver: z
      .union([
        z.strictObject({ group: z.string().max(100) }),
        z.strictObject({ member: z.string().max(320) }),
      ])
      .nullable(),
  })
  .nullable();

/** For how many days what was there before a change is kept, so that it can be put back; null: it is not. */
export const undo = z
  .strictObject({
    days: z
      .number()
      .int('must be a whole number of days')
      .min(1, 'must be at least 1 day')
      .max(90, 'must be at most 90 days'),
  })
  .nullable();

const budget = z
  .number()
  .int('must be a whole number of calls')
  .min(1, 'must be at least 1 call a day')
  .max(100_000, 'must be at most 100,000 calls a day')
  .nullable()
  .default(null);
/** Budgets on writes, and for how long a repeat of a write is not sent; what is left out is off, null lifts all. */
export const writeSafety = z
  .strictObject({
    writesPerDay: budget,
    deletesPerDay: budget,
    repeatWindowSeconds: z
      .number()
      .int('must be a whole number of seconds')
      // Shorter, and the claim of a call could be gone before its repeat has read what became of it.
      .min(10, 'must be at least 10 seconds')
      .max(86_400, 'must be at most a day, 86,400 seconds')
      .nullable()
      .default(null),
  })
  .nullable();

/** Deep enough for any call; what is kept is judged again and again. */
const MAX_ARGUMENT_BYTES = 8_192;

/** A policy test: who (one of `member`, `groups`), which tool, and whether it may be called. */
export const policyTest = z
  .strictObject({
    member: email.nullable().default(null),
    groups: z
      .array(slug)
      .max(50, 'must hold at most 50 groups')
      .default([])
      .transform((slugs) => [...new Set(slugs)].sort()),
    tool: z.string().min(1).max(200),
    arguments: z
      .record(z.string(), z.unknown())
      .refine(
        (given) => JSON.stringify(given).length <= MAX_ARGUMENT_BYTES,
        `must have at most ${MAX_ARGUMENT_BYTES} characters`,
      )
      .nullable()
      .default(null),
    may: z.boolean(),
    because: z
      .string()
      .trim()
      .max(500, 'must have at most 500 characters')
      .transform((text) => (text === '' ? null : text))
      .nullable()
      .default(null),
  })
  .refine(
    ({ member, groups }) => (member === null) !== (groups.length === 0),
    'give either member or groups, which a person would be in',
  );
