// The only reader of process.env. A bad value stops the start with one sentence per problem.
import { isIP } from 'node:net';
import { z } from 'zod';

const flag = z.enum(['', '0', '1', 'true', 'false']).transform((value) => value === '1' || value === 'true');
const noTrailingSlash = (value: string) => value.replace(/\/+$/, '');
const httpUrl = z
  .string()
  .refine(
    (value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol),
    'must be an http(s) URL',
  )
  .refine((value) => !URL.canParse(value) || new URL(value).username === '', 'must not hold credentials')
  .transform(noTrailingSlash);
const origin = httpUrl.refine(
  (value) => !URL.canParse(value) || new URL(value).origin === value,
  'must be an origin such as https://gatehouse.example.com, without a path',
);

const visible = (maxChars: number) =>
  z
    .string()
    .regex(
      new RegExp(`^[\\x21-\\x7e]{1,${maxChars}}$`),
      `must be 1 to ${maxChars} characters without spaces`,
    );
// Kept as it is, to the slash at its end: ID tokens must say exactly this (OpenID Connect Core 3.1.3.7).
const issuer = z
  .string()
  .refine(
    (value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol) && !/[?#@\s]/.test(value),
    'must be the issuer\u2019s http(s) URL as the identity provider publishes it, without query, fragment or credentials',
  );

function isAddressOrNetwork(entry: string): boolean {
  const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
  const most = isIP(address) === 6 ? 128 : 32;
  // A network of everybody would let everybody choose his address.
  return isIP(address) !== 0 && (bits === undefined || (Number(bits) > 0 && Number(bits) <= most));
}

const schema = z.object({
  NODE_ENV: z.string().default('production'),
  PORT: z.coerce.number('must be a port number').int().min(0).max(65_535).default(3000),
  HOST: z.string().default('0.0.0.0'),
  GATEHOUSE_URL: origin.optional(),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must begin with postgresql://')
    .optional(),
  GATEHOUSE_DATA: z.string().min(1).default('./data'),
  GATEHOUSE_SECRET: z
    .string()
    .refine(
      (value) => Buffer.byteLength(value) >= 32,
      'must be at least 32 bytes long; `openssl rand -base64 48` makes one',
    )
    .refine(
      (value) => !/change.?me|example|placeholder/i.test(value),
      'is the example value; `openssl rand -base64 48` makes a real one',
    )
    .optional(),
  GATEHOUSE_KEYS: z
    .string()
    .refine(
      (value) => value.split(',').every((key) => /^[A-Za-z0-9_-]{1,32}:[A-Za-z0-9+/]{43}=$/.test(key.trim())),
      'must be id:base64(32 bytes), several separated by commas, the current one first',
    )
    .optional(),
  GATEHOUSE_TRUSTED_PROXIES: z
    .string()
    .refine(
      (value) => value.split(',').every((entry) => isAddressOrNetwork(entry.trim())),
      'must be addresses or networks such as 10.0.0.7,10.1.0.0/16, separated by commas',
    )
    .optional(),
  GATEHOUSE_DRAIN_SECONDS: z.coerce.number('must be a number of seconds').min(0).max(60).optional(),
  /** Set by Gatehouse itself, never by people: the keys.json that GATEHOUSE_KEYS came from. */
  GATEHOUSE_KEYS_FILE: z.string().optional(),
  GATEHOUSE_ORGANIZATION: z.string().min(1).max(120).optional(),
  GATEHOUSE_ADMIN_EMAIL: z.email('must be an e-mail address').optional(),
  GATEHOUSE_ADMIN_PASSWORD: z
    .string()
    .min(10, 'must have at least 10 characters')
    .max(200, 'must have at most 200 characters')
    .optional(),
  OIDC_ISSUER: issuer.optional(),
  OIDC_CLIENT_ID: visible(300).optional(),
  OIDC_CLIENT_SECRET: visible(500).optional(),
  OIDC_GROUPS_CLAIM: visible(200).optional(),
  ASANA_MCP_URL: httpUrl.default('https://mcp.asana.com/v2/mcp'),
  ASANA_OAUTH_URL: httpUrl.default('https://app.asana.com'),
  ASANA_RESOURCE: z.string().default('https://mcp.asana.com/v2'),
  GATEHOUSE_ALLOW_INSECURE_UPSTREAM: flag.default(false),
  GATEHOUSE_LOG: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
});

export type Env = Omit<z.infer<typeof schema>, 'GATEHOUSE_URL'> & { GATEHOUSE_URL: string };

/** Thrown by `readEnv`; `problems` holds one sentence per bad variable and never a value. */
export class EnvironmentError extends Error {
  constructor(readonly problems: string[]) {
    super(problems.join('\n'));
  }
}

const isLoopback = (host: string) =>
  /^(localhost|127(\.\d+){3}|\[::1\])$/.test(host) || host.endsWith('.localhost');

/** Reads and checks the given variables. Pure; throws `EnvironmentError`. An empty value counts as unset. */
export function readEnv(variables: Record<string, string | undefined>): Env {
  const given = Object.fromEntries(
    Object.entries(variables).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = schema.safeParse(given);
  const problems = parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}.`);
  if (parsed.success) {
    const { data } = parsed;
    if (!data.GATEHOUSE_ALLOW_INSECURE_UPSTREAM) {
      for (const name of ['ASANA_MCP_URL', 'ASANA_OAUTH_URL'] as const) {
        const url = new URL(data[name]);
        if (url.protocol !== 'https:' || isLoopback(url.hostname))
          problems.push(
            `${name} must be a public https URL; for a sandbox on this machine set GATEHOUSE_ALLOW_INSECURE_UPSTREAM=1.`,
          );
      }
    }
    problems.push(...oidcProblems(data));
    const unattended = [
      data.GATEHOUSE_ORGANIZATION,
      data.GATEHOUSE_ADMIN_EMAIL,
      data.GATEHOUSE_ADMIN_PASSWORD,
    ];
    if (unattended.some(Boolean) && !unattended.every(Boolean))
      problems.push(
        'GATEHOUSE_ORGANIZATION, GATEHOUSE_ADMIN_EMAIL and GATEHOUSE_ADMIN_PASSWORD belong together: set all three or none.',
      );
    if (problems.length === 0)
      return { ...data, GATEHOUSE_URL: data.GATEHOUSE_URL ?? `http://localhost:${data.PORT}` };
  }
  throw new EnvironmentError(problems);
}

function oidcProblems(data: z.infer<typeof schema>): string[] {
  const { OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET, OIDC_GROUPS_CLAIM } = data;
  const problems: string[] = [];
  const given = [OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET].filter(Boolean).length;
  if (given !== 0 && given !== 3)
    problems.push(
      'OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET belong together: set all three to let people sign in through the company, or none.',
    );
  if (OIDC_GROUPS_CLAIM && given === 0)
    problems.push('OIDC_GROUPS_CLAIM says nothing without OIDC_ISSUER: set that too, or leave both out.');
  if (OIDC_ISSUER && !OIDC_ISSUER.startsWith('https://') && !data.GATEHOUSE_ALLOW_INSECURE_UPSTREAM)
    problems.push(
      'OIDC_ISSUER must be an https URL; for a test on this machine set GATEHOUSE_ALLOW_INSECURE_UPSTREAM=1.',
    );
  return problems;
}

let current: Env | undefined;

/** The process's checked environment, read once. `setEnv` (database, generated keys) makes it read again. */
export function env(): Env {
  if (current) return current;
  current = readEnv(process.env);
  // next-auth reads these two by itself, in both module graphs (server.ts's and Next's bundle).
  process.env.NEXTAUTH_URL = current.GATEHOUSE_URL;
  if (current.GATEHOUSE_SECRET) process.env.NEXTAUTH_SECRET = current.GATEHOUSE_SECRET;
  // On loopback any loopback name is accepted (server.ts checks Host), so next-auth must follow the Host it was called by.
  if (publicUrlIsLoopback()) process.env.AUTH_TRUST_HOST = '1';
  return current;
}

/** Puts generated values (embedded database URL, keys) where both module graphs find them. */
export function setEnv(values: Partial<Record<keyof Env, string>>): void {
  Object.assign(process.env, values);
  current = undefined;
}

/** The company's identity provider as configured; null where people sign in with e-mail and password only. */
export function companySignIn(): {
  issuer: string;
  clientId: string;
  clientSecret: string;
  groupsClaim: string | null;
} | null {
  const { OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET, OIDC_GROUPS_CLAIM } = env();
  if (!OIDC_ISSUER || !OIDC_CLIENT_ID || !OIDC_CLIENT_SECRET) return null;
  return {
    ...{ issuer: OIDC_ISSUER, clientId: OIDC_CLIENT_ID, clientSecret: OIDC_CLIENT_SECRET },
    groupsClaim: OIDC_GROUPS_CLAIM ?? null,
  };
}

/** The one resource that OAuth access tokens are good for (RFC 8707, RFC 9728): the MCP endpoint. */
export function resourceUrl(): string {
  return `${env().GATEHOUSE_URL}/mcp`;
}

/** Whether GATEHOUSE_URL is a loopback origin: then any loopback Host is accepted. */
export function publicUrlIsLoopback(): boolean {
  return isLoopback(new URL((current ?? env()).GATEHOUSE_URL).hostname);
}

/** Whether a `Host` header's value names this machine's loopback interface, on any port. */
export function isLoopbackHost(host: string): boolean {
  const name = /^(\[[0-9a-fA-F:]+\]|[^:[\]]+)(?::\d{1,5})?$/.exec(host)?.[1];
  return name !== undefined && isLoopback(name.toLowerCase());
}

/**
 * Whether an `Origin` is this portal: GATEHOUSE_URL, or, where that is loopback, the very loopback host the request was sent to (so
 * that http://127.0.0.1:3000 works beside http://localhost:3000, and another port's page does not).
 */
export function isOwnOrigin(origin: string | null | undefined, host: string | null | undefined): boolean {
  if (!origin) return false;
  if (origin === env().GATEHOUSE_URL) return true;
  return publicUrlIsLoopback() && Boolean(host) && isLoopbackHost(host ?? '') && origin === `http://${host}`;
}

/** The environment for a child process of ours (PostgreSQL, a build), without our secrets. */
export function childEnv(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  const secret = /^(GATEHOUSE_(SECRET|KEYS|ADMIN_PASSWORD)|NEXTAUTH_SECRET|DATABASE_URL|OIDC_CLIENT_SECRET)$/;
  const kept = Object.entries(process.env).filter(([name]) => !secret.test(name));
  return { ...Object.fromEntries(kept), ...extra } as NodeJS.ProcessEnv;
}
