// Where sign-in may lead: only to a path of this site (open redirect, RFC 9700 §4.11).

/** Where to go after sign-in: a path of this site, or home. Anything that could lead elsewhere is home. */
export function safeNext(next: string | undefined): string {
  return next !== undefined && /^\/(?![/\\])[^\\\s]*$/.test(next) ? next : '/';
}
