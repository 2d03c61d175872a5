// How the browser changes things: /api/v1 with the session cookie, typed by the same table that the server performs.
import type { OperationAnswer, OperationInput, OperationName } from '@/lib/portal/operations';

/** An RFC 9457 problem. `status` 0 means that no answer came at all. */
export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string | null,
  ) {
    super(detail ?? title);
  }
}

interface Wire {
  path?: Record<string, string>;
  query?: Record<string, string | number | undefined>;
  body?: unknown;
  ifMatch?: string;
}

/** Performs an operation of /api/v1. Throws `ApiProblem`, and nothing else. An ended session leads to sign-in. */
export async function call<N extends OperationName>(
  name: N,
  input: OperationInput<N> = {},
): Promise<OperationAnswer<N>> {
  const given = input as Wire;
  const [method, pattern] = name.split(' ') as [string, string];
  const response = await fetch(addressOf(pattern, given), {
    method,
    headers: {
      accept: 'application/json',
      ...(given.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(given.ifMatch === undefined ? {} : { 'if-match': `"${given.ifMatch}"` }),
    },
    body: given.body === undefined ? undefined : JSON.stringify(given.body),
  }).catch(() => {
    throw new ApiProblem(
      0,
      'unreachable',
      'Gatehouse did not answer.',
      'Gatehouse did not answer. Check your network and try again; reload the page to see whether the change was made.',
    );
  });
  if (response.ok) return (response.status === 204 ? undefined : await response.json()) as OperationAnswer<N>;
  const problem = await problemOf(response);
  // Only where somebody was signed in: on the sign-in page itself a 401 is an answer like any other.
  if (problem.code === 'unauthenticated')
    window.location.assign(`/sign-in?next=${encodeURIComponent(window.location.pathname)}`);
  throw problem;
}

/** The URL of an operation, for links (downloads) and for `call`. */
export function addressOf(pattern: string, input: Pick<Wire, 'path' | 'query'>): string {
  const path = pattern.replace(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(input.path?.[key] ?? ''));
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(input.query ?? {}))
    if (value !== undefined && value !== '') query.set(key, String(value));
  return `/api/v1${path}${query.size > 0 ? `?${query}` : ''}`;
}

async function problemOf(response: Response): Promise<ApiProblem> {
  try {
    const { code, title, detail } = (await response.json()) as Record<string, string | undefined>;
    if (code && title) return new ApiProblem(response.status, code, title, detail ?? null);
  } catch {
    // Not JSON: something in front of Gatehouse answered.
  }
  return new ApiProblem(
    response.status,
    'unexpected',
    'The server did not answer as expected.',
    `The server answered with status ${response.status}. Try again in a moment; if it stays so, tell an admin.`,
  );
}
