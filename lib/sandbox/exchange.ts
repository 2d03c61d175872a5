// One HTTP request as the endpoints of the sandbox see it, and the small readings that they share.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { LogEntry } from '@/lib/sandbox/request-log';

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly body: Buffer;
  readonly entry: LogEntry;
}

/** The media type of a header, without parameters and in lower case. */
export function mediaType(header: string | undefined): string {
  return (header ?? '').split(';')[0]!.trim().toLowerCase();
}

/** RFC 6749 §3.1 and §3.2: a parameter must not be there twice. Returns the first that is. */
export function repeatedParameter(parameters: URLSearchParams): string | undefined {
  return [...parameters.keys()].find((name, index, all) => all.indexOf(name) !== index);
}

/** A form body, or null when the request says that it is something else. */
export function readForm({ request, body }: Exchange): URLSearchParams | null {
  if (mediaType(request.headers['content-type']) !== 'application/x-www-form-urlencoded') return null;
  return new URLSearchParams(body.toString('utf8'));
}
