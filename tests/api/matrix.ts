// Who may do what: the status of every operation of /api/v1, every page and every other path, for every kind of caller. A new
// operation or page without a line here fails the test beside this file.

/**
 * Members and keys belong to the organization Aurora, `adminElsewhere` and `keyElsewhere` to Borealis. An agent token is a member's.
 */
export const CALLERS = [
  ...(['nobody', 'agentToken', 'member', 'auditor', 'admin', 'adminElsewhere'] as const),
  ...(['keyMember', 'keyAuditor', 'keyAdmin', 'keyElsewhere'] as const),
] as const;
export type CallerName = (typeof CALLERS)[number];
/** A status, for a redirect with its target; `{here}` stands for the path that was asked for, encoded. */
export type Outcome = number | `${number} ${string}`;
export type Row = Record<CallerName, Outcome>;

/**
 * What callers hear about a thing of their own (or where there is no particular thing), and about anything else: a colleague's, another
 * organization's, or one that does not exist, between which no answer may tell.
 */
export interface Expected {
  own: Row;
  others?: Row;
}

const refused = { nobody: 401, agentToken: 401 } as const;

const admins = (ok: number): Row => ({
  ...refused,
  ...{ member: 403, auditor: 403, admin: ok, adminElsewhere: ok },
  ...{ keyMember: 403, keyAuditor: 403, keyAdmin: ok, keyElsewhere: ok },
});
const readers = (ok: number): Row => ({ ...admins(ok), auditor: ok, keyAuditor: ok });
const auditors = (ok: number): Row => ({
  ...refused,
  ...{ member: 403, auditor: ok, admin: 403, adminElsewhere: 403 },
  ...{ keyMember: 403, keyAuditor: 403, keyAdmin: 403, keyElsewhere: 403 },
});
const everybody = (ok: number): Row => ({ ...readers(ok), member: ok, keyMember: ok });
/** What belongs to a person, which a key has none of. */
const people = (ok: number): Row => ({
  ...refused,
  ...{ member: ok, auditor: ok, admin: ok, adminElsewhere: ok },
  ...{ keyMember: 403, keyAuditor: 403, keyAdmin: 403, keyElsewhere: 403 },
});
/** Open to all, but a bearer that is no key is told so. */
const anyone = (ok: number): Row => ({
  ...{ nobody: ok, agentToken: 401, member: ok, auditor: ok, admin: ok, adminElsewhere: ok },
  ...{ keyMember: ok, keyAuditor: ok, keyAdmin: ok, keyElsewhere: ok },
});

export const OPERATIONS: Record<string, Expected> = {
  'GET /organization': { own: admins(200) },
  'PATCH /organization': { own: admins(200) },
  'GET /organization/stop': { own: everybody(200) },
  'GET /organization/agents': { own: admins(200) },
  'POST /organization/stop': { own: admins(200) },
  'POST /organization/resume': { own: admins(200) },
  'GET /asana-app': { own: admins(200) },
  'PUT /asana-app': { own: admins(200) },
  'POST /asana-app/check': { own: admins(200) },
  'GET /tools': { own: readers(200) },
  'POST /tools/sync': { own: admins(200) },
  'PATCH /tools/{name}': { own: admins(200), others: admins(404) },
  'GET /tools/reviews': { own: readers(200) },
  'POST /tools/review': { own: admins(200) },
  'GET /tools/drift': { own: readers(200) },
  'GET /api-keys': { own: admins(200) },
  'POST /api-keys': { own: admins(201) },
  'DELETE /api-keys/{id}': { own: admins(204), others: admins(404) },
  'GET /health': { own: admins(200) },
  'GET /groups': { own: admins(200) },
  'POST /groups': { own: admins(201) },
  'GET /groups/{slug}': { own: admins(200), others: admins(404) },
  'PUT /groups/{slug}': { own: admins(200), others: admins(404) },
  'DELETE /groups/{slug}': { own: admins(204), others: admins(404) },
  'GET /members': { own: admins(200) },
  'POST /members': { own: admins(201) },
  'PATCH /members/{email}': { own: admins(200), others: admins(404) },
  'POST /members/{email}/invite': { own: admins(201), others: admins(404) },
  'DELETE /members/{email}': { own: admins(204), others: admins(404) },
  'POST /offboardings': { own: admins(201) },
  'GET /offboardings': { own: readers(200) },
  'GET /offboardings/{id}': { own: readers(200), others: readers(404) },
  'GET /offboarding-drills': { own: readers(200) },
  'POST /offboarding-drills': { own: admins(201) },
  'GET /directory': { own: admins(200) },
  'GET /directory/groups': { own: admins(200) },
  'POST /directory/groups': { own: admins(201) },
  'DELETE /directory/groups/{id}': { own: admins(204), others: admins(404) },
  'GET /directory/tokens': { own: admins(200) },
  'POST /directory/tokens': { own: admins(201) },
  'DELETE /directory/tokens/{id}': { own: admins(204), others: admins(404) },
  'GET /members/{email}/identity': { own: admins(200), others: admins(404) },
  'DELETE /members/{email}/identity': { own: admins(204), others: admins(404) },
  'GET /approvals': { own: people(200) },
  'GET /approvals/{id}': { own: people(200), others: people(404) },
  'POST /approvals/{id}/decision': { own: people(200), others: people(404) },
  'GET /undo': { own: people(200) },
  'GET /undo/{id}': { own: people(200), others: people(404) },
  'POST /undo/{id}/contents': { own: people(200), others: people(404) },
  'POST /undo/{id}/preview': { own: people(200), others: people(404) },
  'POST /undo/{id}/restore': { own: people(200), others: people(404) },
  'GET /budgets': { own: readers(200) },
  'POST /budgets/{id}/lift': { own: admins(200), others: admins(404) },
  'GET /me/budgets': { own: people(200) },
  'GET /me': { own: people(200) },
  'GET /me/connections': { own: people(200) },
  'DELETE /me/connections/{id}': { own: people(200), others: people(404) },
  'GET /me/revocations': { own: people(200) },
  'GET /me/tokens': { own: people(200) },
  'POST /me/tokens': { own: people(201) },
  'DELETE /me/tokens/{id}': { own: people(204), others: people(404) },
  'POST /groups/changes': { own: admins(200) },
  'POST /groups/changes/preview': { own: admins(200) },
  'GET /me/asana-places': { own: { ...admins(200), keyAdmin: 403, keyElsewhere: 403 } },
  'GET /explain': { own: readers(200) },
  'GET /me/explain': { own: people(200) },
  'GET /me/tool-requests': { own: people(200) },
  'POST /me/tool-requests': { own: people(201) },
  'DELETE /me/tool-requests/{id}': { own: people(204), others: people(404) },
  'GET /tool-requests': { own: admins(200) },
  'POST /tool-requests/{id}/accept': { own: admins(200), others: admins(404) },
  'POST /tool-requests/{id}/decline': { own: admins(200), others: admins(404) },
  'GET /members/{email}': { own: admins(200), others: admins(404) },
  'GET /members/{email}/revocations': { own: admins(200), others: admins(404) },
  'GET /members/{email}/removal': { own: admins(200), others: admins(404) },
  'DELETE /members/{email}/tokens/{id}': { own: admins(204), others: admins(404) },
  'DELETE /members/{email}/grants/{id}': { own: admins(204), others: admins(404) },
  'GET /me/activity': { own: people(200) },
  'GET /audit/summary': { own: readers(200) },
  'GET /first-run': { own: admins(200) },
  'PATCH /first-run': { own: admins(200) },
  'GET /search': { own: people(200) },
  'GET /me/grants': { own: people(200) },
  'DELETE /me/grants/{id}': { own: people(204), others: people(404) },
  'GET /clients': { own: admins(200) },
  // Clients belong to the deployment; one that only another organization's people allowed is not shown.
  'PATCH /clients/{id}': { own: admins(200), others: admins(404) },
  'DELETE /clients/{id}': { own: admins(204), others: admins(404) },
  'GET /redirect-uris': { own: admins(200) },
  'PUT /redirect-uris': { own: admins(200) },
  'GET /audit': { own: readers(200) },
  'GET /audit/export': { own: readers(200) },
  'GET /audit/verify': { own: readers(200) },
  'GET /audit/verifier': { own: readers(200) },
  'GET /audit/checkpoints': { own: readers(200) },
  'POST /audit/checkpoints': { own: readers(201) },
  'GET /audit/keys': { own: readers(200) },
  'POST /audit/keys': { own: admins(201) },
  'GET /audit/sink': { own: readers(200) },
  'PUT /audit/sink': { own: admins(200) },
  'GET /audit/keeping': { own: readers(200) },
  // What agents asked for is for auditors alone, and for a person: an admin could make himself a key.
  'POST /audit/{id}/arguments': { own: auditors(200), others: auditors(404) },
  'GET /policy-tests': { own: readers(200) },
  'POST /policy-tests': { own: admins(201) },
  'DELETE /policy-tests/{id}': { own: admins(204), others: admins(404) },
  'POST /policy/replay': { own: admins(200) },
  'GET /config': { own: admins(200) },
  'POST /config/plan': { own: admins(200) },
  'POST /config/apply': { own: admins(200) },
  'GET /setup': { own: anyone(200) },
  // Done already, whoever asks; a made-up invite opens nothing.
  'POST /setup': { own: anyone(409) },
  'POST /invites/accept': { own: anyone(404) },
};

const signIn = '307 /sign-in?next={here}';
/** A bearer is no session: to a page it is nobody. */
const pageFor = (row: Pick<Row, 'nobody' | 'member' | 'auditor' | 'admin'>): Row => ({
  ...{ ...row, adminElsewhere: row.admin, agentToken: row.nobody },
  ...{ keyMember: row.nobody, keyAuditor: row.nobody, keyAdmin: row.nobody, keyElsewhere: row.nobody },
});
const forPeople = pageFor({ nobody: signIn, member: 200, auditor: 200, admin: 200 });
const forReaders = pageFor({ nobody: signIn, member: 404, auditor: 200, admin: 200 });
const forAdmins = pageFor({ nobody: signIn, member: 404, auditor: 404, admin: 200 });
const none = pageFor({ nobody: signIn, member: 404, auditor: 404, admin: 404 });
const all = (outcome: Outcome) =>
  pageFor({ nobody: outcome, member: outcome, auditor: outcome, admin: outcome });

/** By the path that the file in `app/` answers. */
export const PAGES: Record<string, Expected> = {
  '/': { own: pageFor({ nobody: '307 /sign-in', member: 200, auditor: 200, admin: 200 }) },
  '/sign-in': { own: pageFor({ nobody: 200, member: '307 /', auditor: '307 /', admin: '307 /' }) },
  '/setup': { own: all('307 /sign-in') },
  '/invite': { own: all(200) },
  // Without an authorization under way in this very browser there is nothing to show, to anybody.
  '/authorize/[uid]': { own: none, others: none },
  '/connections': { own: forPeople },
  '/approvals': { own: forPeople },
  '/explain': { own: forPeople },
  '/tokens': { own: forPeople },
  '/activity': { own: forPeople },
  '/activity/undo/[id]': { own: forReaders, others: none },
  '/admin/asana': { own: forAdmins },
  '/admin/audit': { own: forReaders },
  '/admin/clients': { own: forAdmins },
  '/admin/audit/[id]': { own: forReaders, others: none },
  '/admin/audit/charts': { own: forReaders },
  '/admin/audit/proof': { own: forReaders },
  '/admin/directory': { own: forAdmins },
  '/admin/explain': { own: forReaders },
  '/admin/groups': { own: forAdmins },
  '/admin/groups/[slug]': { own: forAdmins, others: none },
  '/admin/health': { own: forAdmins },
  '/admin/organization': { own: forAdmins },
  '/admin/people': { own: forAdmins },
  '/admin/policy-tests': { own: forReaders },
  '/admin/people/[email]': { own: forAdmins, others: none },
  '/admin/people/offboardings': { own: forAdmins },
  '/admin/people/offboardings/[id]': { own: forAdmins, others: none },
  '/admin/requests': { own: forAdmins },
  '/admin/reviews': { own: forReaders },
  '/admin/reviews/log': { own: forReaders },
  '/admin/tools': { own: forReaders },
  '/admin/tools/[name]': { own: forReaders, others: none },
};

/** Files in `app/` that answer without a page; `/api/v1` is the table of operations above. */
export const ROUTES: Record<string, Record<string, Row> | 'operations'> = {
  '/api/v1/[...path]': 'operations',
  '/api/auth/[...nextauth]': {
    'GET /api/auth/session': all(200),
    'GET /api/auth/csrf': all(200),
    'GET /api/auth/providers': all(200),
  },
  '/connect/asana': {
    'GET /connect/asana': pageFor({
      ...{ nobody: '303 /sign-in?next={here}', member: '303 {asana}' },
      ...{ auditor: '303 {asana}', admin: '303 {asana}' },
    }),
  },
  '/connect/asana/callback': {
    'GET /connect/asana/callback': pageFor({ nobody: 403, member: 400, auditor: 400, admin: 400 }),
  },
  // A directory token opens it, and no caller here has one.
  '/scim/v2/[...path]': { 'GET /scim/v2/Users': all(401), 'GET /scim/v2/ServiceProviderConfig': all(401) },
  '/mcp': { 'POST /mcp': { ...all(401), agentToken: 415 } },
};

/** What `server.ts` answers by itself, or nobody does. */
export const SERVED: Record<string, Row> = {
  'GET /healthz': all(200),
  'GET /readyz': all(200),
  'GET /metrics': all(200),
  'GET /sse': all(410),
  'GET /sse/any': all(410),
  'GET /.well-known/oauth-protected-resource': all(200),
  'GET /.well-known/oauth-protected-resource/mcp': all(200),
  'GET /.well-known/oauth-authorization-server': all(200),
  'GET /.well-known/oauth-authorization-server/mcp': all(404),
  'GET /.well-known/openid-configuration': all(404),
  'GET /.well-known/openid-configuration/mcp': all(404),
  'GET /mcp/.well-known/openid-configuration': all(404),
  'GET /.well-known/oauth-protected-resource/other': all(404),
  'GET /oauth': all(404),
  'GET /oauth/userinfo': all(404),
  'GET /oauth/jwks': all(200),
  'GET /oauth/register': all(405),
  'GET /oauth/token': all(405),
  'GET /oauth/revoke': all(405),
  // No client, so nobody to send back to: a page.
  'GET /oauth/authorize': all(400),
  'GET /icon.svg': all(200),
  'GET /api/v1/openapi.json': all(200),
  'GET /api/v1': all(404),
  'GET /api/v1/nothing': all(404),
  'GET /nothing': all(404),
  'GET /admin': all(404),
  'GET /.env': all(404),
  'GET /.git/config': all(404),
  'GET /_next/static/../server/app/page.js': all(404),
};
