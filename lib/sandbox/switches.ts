// What tests and demos can turn: behaviour of Asana that is not known (both answers must work) and faults on demand.
// Setting an unknown switch or a wrong value fails loudly: a test with a typing error must not pass by accident.
import { MCP_FAULTS, REVOKE_FAULTS, TOKEN_FAULTS } from '@/lib/sandbox/faults';

export interface Switches {
  /** Approves every authorization at once as this person, as Asana does for a browser that is signed in already. */
  silentApproval: { email: string; workspaceGid: string } | null;
  /** A workspace outside the app's distribution: a plain-text page (as observed), or an error at the redirect URL. */
  distributionError: 'page' | 'redirect';
  /** Values of `resource` that are accepted where one is sent; null accepts anything. */
  acceptedResources: string[] | null;
  codeLifetimeSeconds: number;
  omitDataEmail: boolean;
  omitDataGid: boolean;
  rotateRefreshTokens: boolean;
  /** How long a refresh token that was rotated is taken all the same. */
  predecessorGraceMs: number;
  expiresInSeconds: number;
  /** A refresh is carried out, rotation included, and its answer is lost. Counted down by `tokenFaultCount`. */
  loseRefreshAnswer: boolean;
  tokenFault: keyof typeof TOKEN_FAULTS | null;
  /** How many token requests the fault hits; null: all until it is switched off. */
  tokenFaultCount: number | null;
  revokeFault: keyof typeof REVOKE_FAULTS | null;
  revokeFaultCount: number | null;
  /** Of MCP, that the endpoint speaks: sessions and `initialize`, requests that stand alone (2026-07-28), or either. */
  era: 'legacy' | 'modern' | 'both';
  /** Whether `initialize` issues an `Mcp-Session-Id`; false: session ids are ignored. */
  sessions: boolean;
  /** Whether GET opens an event stream (else 405), and how often it carries a comment. */
  getStream: boolean;
  streamCommentMs: number;
  answers: 'json' | 'sse';
  /** Notifications sent before each answer; only where answers are event streams. */
  notificationsBeforeAnswer: number;
  /** Tools on a page of `tools/list`; null: all on one. */
  pageSize: number | null;
  /** The first page is empty and its cursor is the empty string: legal, and easily taken for the end. */
  emptyFirstPage: boolean;
  protocolVersions: string[];
  instructions: string | null;
  /** JSON-RPC batches, which 2025-03-26 allowed: carried out, or refused. */
  batches: boolean;
  /** Tool results carry `structuredContent` beside the text. */
  structuredContent: boolean;
  /** Whether a person's record names the one workspace of the authorization, or all; Asana's way is not known. */
  workspacesShown: 'bound' | 'all';
  /** `error_description` for an expired or revoked token; Asana's is not known. */
  expiredTokenText: string;
  /** The next n MCP requests answer 401 although their token is good. */
  next401: number;
  mcpFault: keyof typeof MCP_FAULTS | null;
  faultCount: number | null;
  /** JSON-RPC methods (or `GET`, `DELETE`) that `mcpFault` hits; null: all. */
  faultMethods: string[] | null;
  /** Before every MCP request is looked at. */
  latencyMs: number;
  /** How long the fault `slow` holds an answer back. */
  slowMs: number;
  retryAfterSeconds: number | null;
}

type Check = (value: unknown) => boolean;

const isFlag: Check = (value) => typeof value === 'boolean';
const isText: Check = (value) => typeof value === 'string';
const isCount: Check = (value) => Number.isInteger(value) && (value as number) >= 0;
const isPositive: Check = (value) => isCount(value) && value !== 0;
const isTexts: Check = (value) => Array.isArray(value) && value.every(isText);
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const oneOf =
  (values: readonly string[]): Check =>
  (value) =>
    values.includes(value as string);
const isApproval: Check = (value) => {
  const approval = value as Switches['silentApproval'];
  return typeof approval === 'object' && isText(approval?.email) && isText(approval?.workspaceGid);
};

const TABLE: { readonly [Name in keyof Switches]: readonly [byDefault: Switches[Name], check: Check] } = {
  silentApproval: [null, orNull(isApproval)],
  distributionError: ['page', oneOf(['page', 'redirect'])],
  acceptedResources: [null, orNull(isTexts)],
  codeLifetimeSeconds: [60, isCount],
  omitDataEmail: [false, isFlag],
  omitDataGid: [false, isFlag],
  rotateRefreshTokens: [false, isFlag],
  predecessorGraceMs: [0, isCount],
  expiresInSeconds: [3600, isCount],
  loseRefreshAnswer: [false, isFlag],
  tokenFault: [null, orNull(oneOf(Object.keys(TOKEN_FAULTS)))],
  tokenFaultCount: [null, orNull(isPositive)],
  revokeFault: [null, orNull(oneOf(Object.keys(REVOKE_FAULTS)))],
  revokeFaultCount: [null, orNull(isPositive)],
  era: ['legacy', oneOf(['legacy', 'modern', 'both'])],
  sessions: [true, isFlag],
  getStream: [false, isFlag],
  streamCommentMs: [15_000, isPositive],
  answers: ['sse', oneOf(['json', 'sse'])],
  notificationsBeforeAnswer: [0, isCount],
  pageSize: [null, orNull(isPositive)],
  emptyFirstPage: [false, isFlag],
  protocolVersions: [['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'], isTexts],
  instructions: ['Work with the tasks and projects of one Asana workspace.', orNull(isText)],
  batches: [true, isFlag],
  structuredContent: [false, isFlag],
  workspacesShown: ['bound', oneOf(['bound', 'all'])],
  expiredTokenText: ['The access token expired or was revoked', isText],
  next401: [0, isCount],
  mcpFault: [null, orNull(oneOf(Object.keys(MCP_FAULTS)))],
  faultCount: [null, orNull(isPositive)],
  faultMethods: [null, orNull(isTexts)],
  latencyMs: [0, isCount],
  slowMs: [2_000, isCount],
  retryAfterSeconds: [1, orNull(isCount)],
};

export function defaultSwitches(): Switches {
  const entries = Object.entries(TABLE).map(([name, [byDefault]]) => [name, structuredClone(byDefault)]);
  return Object.fromEntries(entries) as unknown as Switches;
}

/** Changes the given switches, all or none. Throws one sentence that names every unknown switch and wrong value. */
export function setSwitches(switches: Switches, partial: Record<string, unknown>): void {
  const table = new Map<string, readonly [unknown, Check]>(Object.entries(TABLE));
  const problems = Object.entries(partial).flatMap(([name, value]) => {
    const entry = table.get(name);
    if (!entry) return [`there is no switch ${name}`];
    return entry[1](value) ? [] : [`${name} can not be ${JSON.stringify(value)}`];
  });
  if (problems.length > 0) throw new Error(`The switches stay as they are: ${problems.join('; ')}.`);
  Object.assign(switches, structuredClone(partial));
}

type Counter = 'tokenFaultCount' | 'revokeFaultCount' | 'faultCount';

/** Counts one use of a fault; when its count is used up the given switches go back to their defaults. */
export function countFault(switches: Switches, counter: Counter, ...faults: (keyof Switches)[]): void {
  const left = switches[counter];
  if (left === null) return;
  switches[counter] = left > 1 ? left - 1 : null;
  if (left <= 1) for (const fault of faults) Object.assign(switches, { [fault]: TABLE[fault][0] });
}
