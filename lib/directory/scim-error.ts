// Failures in SCIM's shape (RFC 7644 §3.12). The sentences are shown to whoever runs the directory's connector.
import { AppError, problemOf } from '../errors';

export type ScimType =
  | 'invalidFilter'
  | 'tooMany'
  | 'uniqueness'
  | 'mutability'
  | 'invalidSyntax'
  | 'invalidPath'
  | 'noTarget'
  | 'invalidValue';

export const ERROR_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:Error';

/** A failure that SCIM has a name for. */
export class ScimError extends Error {
  constructor(
    readonly status: 400 | 401 | 404 | 405 | 409 | 412 | 413,
    detail: string,
    readonly scimType?: ScimType,
  ) {
    super(detail);
  }
}

/** Status and body for any thrown value. What the rest of Gatehouse refuses keeps its status, but for what SCIM counts as 400 or 409. */
export function scimErrorOf(error: unknown): { status: number; body: Record<string, unknown> } {
  if (error instanceof ScimError) return toBody(error.status, error.message, error.scimType);
  const { status, title, detail } = problemOf(error);
  const code = error instanceof AppError ? error.code : null;
  if (code === 'email_taken' || code === 'exists') return toBody(409, detail ?? title, 'uniqueness');
  if (status === 422) return toBody(400, detail ?? title, 'invalidValue');
  return toBody(status, detail ?? title);
}

function toBody(status: number, detail: string, scimType?: ScimType) {
  const named = scimType === undefined ? {} : { scimType };
  return { status, body: { schemas: [ERROR_SCHEMA], status: String(status), ...named, detail } };
}
