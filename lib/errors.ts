// Failures have a closed list of codes; each code's status and public sentence stand in one table.

/** What a caller may be told, by code. `detail` of an `AppError` replaces the sentence where more helps. */
const table = {
  invalid: { status: 400, title: 'The request is not valid.' },
  connection_required: {
    status: 400,
    title: 'You have several Asana connections; say which one with connectionId.',
  },
  unauthenticated: { status: 401, title: 'Sign in first, or send a valid API key.' },
  forbidden: { status: 403, title: 'Your role does not allow this.' },
  wrong_set_up_code: { status: 403, title: 'The set-up code is wrong.' },
  wrong_origin: { status: 403, title: 'The request did not come from this portal (Origin).' },
  not_found: { status: 404, title: 'There is no such thing here.' },
  method_not_allowed: { status: 405, title: 'This method is not offered here.' },
  exists: { status: 409, title: 'It exists already.' },
  email_taken: { status: 409, title: 'Somebody has this e-mail address already.' },
  last_admin: { status: 409, title: 'This is the last admin; make somebody else admin first.' },
  would_disconnect: {
    status: 409,
    title: 'Another client id disconnects everybody; repeat with ?confirm=true to do so.',
  },
  no_connection: {
    status: 409,
    title: 'Nobody has connected Asana yet; connect your own account first, then sync.',
  },
  no_asana_app: {
    status: 409,
    title: 'The Asana app is not registered yet; an admin does that under /admin/asana.',
  },
  audit_broken: {
    status: 409,
    title:
      'The audit\u2019s chain does not verify, so nothing of it is deleted; verify it and keep the database as it is.',
  },
  arguments_unreadable: {
    status: 409,
    title: 'The key ring does not open these arguments; an operator has to restore GATEHOUSE_KEYS as it was.',
  },
  nothing_recorded: { status: 409, title: 'Nothing is on record yet, so there is nothing to sign.' },
  set_up_already: { status: 409, title: 'This Gatehouse is set up already; sign in.' },
  decided_already: { status: 409, title: 'Somebody has decided this request already.' },
  changed_since: {
    status: 409,
    title:
      'It was changed since the call, or since you looked; look again, and confirm what would be overwritten.',
  },
  nothing_to_put_back: {
    status: 409,
    title: 'Everything that can be put back is as it was before the call.',
  },
  restored_already: { status: 409, title: 'It was put back already; that is done once.' },
  drill_failed: { status: 409, title: 'Not everything ended in time; the receipt of the drill says what.' },
  policy_test_failed: {
    status: 409,
    title: 'A policy test would fail; change what you save, or delete the test.',
  },
  absent_groups: {
    status: 409,
    title: 'The file does not name every group; say what becomes of the others (absentGroups).',
  },
  tool_closed: { status: 409, title: 'Nobody may use this tool as it stands; open it first.' },
  stale_version: {
    status: 412,
    title: 'Somebody changed it since you read it; read it again and repeat your change.',
  },
  too_large: { status: 413, title: 'The request is too large.' },
  unknown_tool: { status: 422, title: 'The catalogue has no such tool.' },
  unknown_member: { status: 422, title: 'There is no such member.' },
  unknown_group: { status: 422, title: 'There is no such group.' },
  unknown_connection: { status: 422, title: 'You have no such connection.' },
  too_many_attempts: { status: 429, title: 'Too many attempts; wait a few minutes.' },
  internal: { status: 500, title: 'Something went wrong on our side; it is logged.' },
  asana_unavailable: { status: 502, title: 'Asana did not answer as expected; try again in a minute.' },
  unavailable: { status: 503, title: 'The database does not answer; try again in a moment.' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ErrorCode = keyof typeof table;

/** A failure with a public code. `detail` is shown to the caller and must hold no secret; `cause` is only logged. */
export class AppError extends Error {
  constructor(
    readonly code: ErrorCode,
    readonly detail?: string,
    options?: { cause?: unknown },
  ) {
    super(detail ?? table[code].title, options);
  }

  get status(): number {
    return table[this.code].status;
  }
}

/** RFC 9457 problem details for any thrown value; what is not an `AppError` becomes `internal` or `unavailable`. */
export function problemOf(error: unknown): {
  type: string;
  title: string;
  status: number;
  detail?: string;
  code: ErrorCode;
} {
  const known =
    error instanceof AppError ? error : new AppError(isDatabaseGone(error) ? 'unavailable' : 'internal');
  const { status, title } = table[known.code];
  return {
    type: 'about:blank',
    title,
    status,
    code: known.code,
    ...(known.detail ? { detail: known.detail } : {}),
  };
}

/** The codes of an error and of all it wraps: SQLSTATEs, Node's, Prisma's. Prisma's adapter keeps PostgreSQL's own in `meta`. */
function codesOf(error: unknown, depth = 0): string[] {
  if (typeof error !== 'object' || error === null || depth > 5) return [];
  const { code, originalCode, cause, meta } = error as Record<string, unknown>;
  const own = [code, originalCode].filter((value) => typeof value === 'string');
  const wrapped = [cause, (meta as { driverAdapterError?: unknown } | undefined)?.driverAdapterError];
  return [...own, ...wrapped.flatMap((inner) => codesOf(inner, depth + 1))];
}

/**
 * Whether PostgreSQL could not be reached, is going away, or takes nothing at the moment: connection errors, SQLSTATE classes 08, 53
 * (disk full, too many connections) and 57P, a statement or a lock that took too long (57014, 55P03), a database that is read-only
 * (25006), no connection free in time (P2024, P2028).
 */
export function isDatabaseGone(error: unknown): boolean {
  const gone =
    /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|P1001|P1002|P1008|P1017|P2024|P2028|08\w{3}|53\w{3}|57P\d\d|57014|55P03|25006)$/;
  if (codesOf(error).some((code) => gone.test(code))) return true;
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1)
    if (
      /timeout exceeded when trying to connect|Connection terminated|is not queryable|Query read timeout/.test(
        at.message,
      )
    )
      return true;
  return false;
}

/** Whether PostgreSQL undid a transaction for the sake of another (SQLSTATE 40001, 40P01): repeated, it may well pass. */
export function isConflict(error: unknown): boolean {
  return codesOf(error).some((code) => /^(40001|40P01|P2034)$/.test(code));
}
