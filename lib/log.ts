// Structured logs on stdout. Whatever could hold a secret is cut out before a line is written.
import pino from 'pino';
import { env } from './env';

const SECRET_KEYS = [
  'authorization',
  'cookie',
  'password',
  'clientSecret',
  'client_secret',
  'accessToken',
  'access_token',
  'refreshToken',
  'refresh_token',
  'code',
  'codeVerifier',
  'code_verifier',
  'state',
  'token',
  'key',
  'secret',
  'keys',
  'sealed',
  // Whatever a request carried: its headers hold a bearer or a cookie.
  'headers',
  'rawHeaders',
  'set-cookie',
];

/** Takes bearer tokens, our own tokens, sealed texts, keys and URL credentials out of a text (messages of errors can quote their input). */
export function redact(text: string): string {
  return text
    .replace(/\b(gth|gh[kiorc])_[A-Za-z0-9_-]{8,}/g, '$1_[redacted]')
    .replace(/\bv1\.[A-Za-z0-9_-]{1,32}\.[A-Za-z0-9_-]{20,}/g, '[sealed]')
    .replace(/\b([A-Za-z0-9_-]{1,32}):[A-Za-z0-9+/]{43}=/g, '$1:[redacted]')
    .replace(/\b(Bearer|Basic)\s+[^\s"']+/gi, '$1 [redacted]')
    .replace(/\b\d\/\d{6,}\/\d{6,}:[0-9a-f]{8,}/g, '[redacted]')
    .replace(/(\w+:\/\/[^\s:/@]+):[^\s@/]+@/g, '$1:[redacted]@')
    .replace(
      /([?&](?:code|state|token|access_token|refresh_token|client_secret)=)[^&\s"']+/g,
      '$1[redacted]',
    );
}

let logger: pino.Logger | undefined;

/** The process's logger. */
export function log(): pino.Logger {
  logger ??= createLogger();
  return logger;
}

/**
 * Errors are logged as type, code, redacted message and stack; never their enumerable extras. Requests and answers are not logged: of
 * an object that is no plain one only the name of its kind is kept. `destination`: for tests; else stdout.
 */
export function createLogger(destination?: pino.DestinationStream): pino.Logger {
  const path = (key: string) => (/^\w+$/.test(key) ? key : `["${key}"]`);
  const below = (parent: string, key: string) =>
    /^\w+$/.test(key) ? `${parent}.${key}` : `${parent}["${key}"]`;
  const options: pino.LoggerOptions = {
    level: env().GATEHOUSE_LOG,
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: SECRET_KEYS.flatMap((key) => [path(key), below('*', key), below('*.*', key)]),
      censor: '[redacted]',
    },
    serializers: { err: describeError, error: describeError },
    formatters: { log: (fields) => redactFields(fields) as Record<string, unknown> },
    hooks: {
      logMethod(given, method) {
        method.apply(
          this,
          given.map((part: unknown) => (typeof part === 'string' ? redact(part) : part)) as never,
        );
      },
    },
  };
  return destination ? pino(options, destination) : pino(options);
}

function redactFields(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redact(value);
  if (typeof value !== 'object' || value === null || value instanceof Error) return value;
  if (depth > 4) return '[deeper]';
  if (Array.isArray(value)) return value.map((entry) => redactFields(entry, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    return value instanceof Date ? value : `[${(prototype as object).constructor.name}]`;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [key, redactFields(entry, depth + 1)]),
  );
}

function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: redact(String(error)) };
  const code = (error as { code?: unknown }).code;
  return {
    type: error.name,
    // Not `code`, which is cut out as an authorization code would be.
    ...(typeof code === 'string' ? { errorCode: code } : {}),
    message: redact(error.message),
    stack: redact(error.stack ?? ''),
    ...(error.cause ? { cause: describeError(error.cause) } : {}),
  };
}
