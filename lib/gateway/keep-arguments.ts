// Seals a call's arguments for organizations that keep them, so that they go into the database in the statement of the call's own record.
//
// Whose call it is only the statement knows, and sealed is for one organization: the first call of a bearer comes back undecided and
// unrecorded, and is asked again with its arguments sealed. The bearer's organization, which never changes, is then remembered.
import { placeOf, sealSecret } from '../vault/vault';
import type { AdmissionRequest } from './admit';

/** What an auditor needs to see; of a longer text only the beginning is kept. The digest in the record is of the whole. */
export const MAX_KEPT_CHARS = 256 * 1024;
const REMEMBERED_MS = 600_000;
const MOST_REMEMBERED = 10_000;

const keeping = new Map<string, { organizationId: string; untilMs: number }>();
const keyOf = ({ bearerHash }: AdmissionRequest) => Buffer.from(bearerHash).toString('latin1');

/** The request with its arguments sealed where the bearer's organization was seen to keep them; else as it is. */
export function sealAhead(request: AdmissionRequest): AdmissionRequest {
  if (keeping.size === 0) return request;
  const known = keeping.get(keyOf(request));
  return known && known.untilMs > performance.now() ? sealed(request, known.organizationId) : request;
}

/** The request with its arguments sealed for this organization, which is remembered. */
export function sealArguments(request: AdmissionRequest, organizationId: string): AdmissionRequest {
  if (keeping.size >= MOST_REMEMBERED) keeping.clear();
  keeping.set(keyOf(request), { organizationId, untilMs: performance.now() + REMEMBERED_MS });
  return sealed(request, organizationId);
}

function sealed(request: AdmissionRequest, organizationId: string): AdmissionRequest {
  const text = request.argumentsText?.();
  if (text === undefined || request.callId === null) return request;
  const place = placeOf(organizationId, 'audit_arguments', 'sealed', request.callId);
  return {
    ...request,
    kept: { sealed: sealSecret(place, text.slice(0, MAX_KEPT_CHARS)), bytes: Buffer.byteLength(text) },
  };
}
