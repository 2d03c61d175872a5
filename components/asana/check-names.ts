// What each check of the Asana app is called, in the order in which they make sense to a reader.
import type { OperationAnswer } from '@/lib/portal/operations';

export type Check = OperationAnswer<'POST /asana-app/check'>['checks'][number];

export const checkNames: readonly (readonly [id: string, name: string])[] = [
  ['mcp_endpoint', 'Asana’s MCP server'],
  ['resource_metadata', 'Its metadata'],
  ['server_metadata', 'Asana’s sign-in server'],
  ['redirect_url', 'Redirect URL'],
  ['credentials', 'Client id and secret'],
  ['redirect_registered', 'Redirect URL at Asana'],
  ['kind_of_app', 'Kind of app'],
  ['scope', 'Scope'],
  ['distribution', 'Distribution'],
  ['account', 'Account'],
];

/** How a check came out; null where it was not run. */
export function stateOf(checks: readonly Check[] | null, ...ids: string[]): Check['status'] | null {
  const found = checks?.filter(({ id }) => ids.includes(id)) ?? [];
  if (found.length === 0) return null;
  if (found.some(({ status }) => status === 'fail')) return 'fail';
  return found.some(({ status }) => status === 'warn') ? 'warn' : 'pass';
}
