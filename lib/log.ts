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
];

/** Takes bearer tokens, our own tokens and URL credentials out of a text (messages of errors can quote their input). */
export function redact(text: string): string {
  return text
    .replace(/\b(gth|gh[kiorc])_[A-Za-z0-9_-]{8,}/g, '$1_[redacted]')
    .replace(/\b(Bearer|Basic)\s+[^\s"']+/gi, '$1 [redacted]')
    .replace(/\b\d\/\d{6,}\/\d{6,}:[0-9a-f]{8,}/g, '[redacted]')
    .replace(/(\w+:\/\/[^\s:/@]+):[^\s@/]+@/g, '$1:[redacted]@')
    .replace(
      /([?&](?:code|state|token|access_token|refresh_token|client_secret)=)[^&\s"']+/g,
      '$1[redacted]',
    );
}

let logger: pino.Logger | undefined;

/** The process's logger. Errors are logged as type, code, redacted message and stack; never their enumerable extras. */
export function log(): pino.Logger {
  logger ??= pino({
    level: env().GATEHOUSE_LOG,
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: SECRET_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]), censor: '[redacted]' },
    serializers: { err: describeError, error: describeError },
  });
  return logger;
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
