// How many calls: what Asana documents and what admins set. Pure; admission counts by it, the portal shows it.

/** `limits` of a group (its members together), a member (all their agents together) or an agent token (CONTRACT). */
export interface Limits {
  perMinute: number;
}

/** `limits` of an organization: calls a minute through each of its connections, and of these by search tools. */
export interface ConnectionLimits {
  connectionPerMinute: number;
  searchPerMinute: number;
}

/** What Asana documents for its REST API (facts/asana 2.6); for MCP it publishes nothing, so an admin may set other numbers. */
export const PLAN_LIMITS: Readonly<Record<'free' | 'paid', ConnectionLimits>> = {
  free: { connectionPerMinute: 150, searchPerMinute: 60 },
  paid: { connectionPerMinute: 1_500, searchPerMinute: 60 },
};

/** Calls in flight through one connection at the same time, all processes together (facts/asana 2.6). */
export const IN_FLIGHT = { read: 50, write: 15 } as const;

/** A stored number as `limits`; null is no limit. */
export function limitsOf(callsPerMinute: number | null): Limits | null {
  return callsPerMinute === null ? null : { perMinute: callsPerMinute };
}

/** The SQL expressions of a connection's two limits; `organization` is the alias of a row of `organizations`. */
export function connectionLimitsSql(organization: string): { connection: string; search: string } {
  const byPlan = (key: keyof ConnectionLimits) =>
    `CASE ${organization}.asana_plan WHEN 'free' THEN ${PLAN_LIMITS.free[key]} ELSE ${PLAN_LIMITS.paid[key]} END`;
  return {
    connection: `coalesce(${organization}.connection_per_minute, ${byPlan('connectionPerMinute')})`,
    search: `coalesce(${organization}.search_per_minute, ${byPlan('searchPerMinute')})`,
  };
}

/** Whether a tool searches, as SQL: these reach Asana's limit on searches first (facts/asana 2.6). */
export function isSearchSql(toolName: string): string {
  return `coalesce(${toolName} LIKE 'search\\_%' OR ${toolName} = 'get_status_overview', false)`;
}
