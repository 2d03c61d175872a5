// Why an Asana account could not be connected: our codes, each with what happened and what to do. Asana's own texts end here.

interface Words {
  status: 400 | 403 | 502;
  title: string;
  explanation: string;
  fix: string;
}

const table = {
  invalid_state: {
    status: 400,
    title: 'This connect link is used up',
    explanation:
      'A connect link works once and for ten minutes. This one is unknown, was used already, or has run out.',
    fix: 'Look at your connections: the account may be connected already. If not, press Connect again.',
  },
  no_code: {
    status: 400,
    title: 'Asana sent no code',
    explanation: 'Asana sent you back without the code that Gatehouse needs to finish.',
    fix: 'Press Connect again.',
  },
  invalid_code: {
    status: 400,
    title: 'Asana did not accept the code',
    explanation: 'The code that Asana gave was too old or was used already.',
    fix: 'Press Connect again and finish without a break.',
  },
  interrupted: {
    status: 400,
    title: 'Something changed while you were connecting',
    explanation: 'The Asana app, the connection or your membership changed between the start and the end.',
    fix: 'Press Connect again.',
  },
  access_denied: {
    status: 400,
    title: 'Asana was not allowed',
    explanation: 'The access was declined on Asana’s page, so nothing was connected.',
    fix: 'Press Connect again and press Allow on Asana’s page.',
  },
  app_not_available: {
    status: 400,
    title: 'The Asana app is not available to this workspace',
    explanation:
      'The app’s distribution in Asana’s developer console does not include the workspace, or the account is a guest there.',
    fix: 'An admin opens the app in Asana’s developer console, Manage distribution, and chooses “Any workspace” or adds the workspace. Guests need “Any workspace”.',
  },
  invalid_scope: {
    status: 400,
    title: 'Asana refused the scope',
    explanation: 'Gatehouse asks for no scope, and Asana refused that: the app is probably not an MCP app.',
    fix: 'An admin creates an app of the type “MCP app” in Asana’s developer console and enters its client id and secret here.',
  },
  redirect_mismatch: {
    status: 400,
    title: 'The redirect URL is not registered at Asana',
    explanation: 'Asana compares the redirect URL character by character, and the app does not list ours.',
    fix: 'An admin copies the redirect URL shown under Asana app into the app’s OAuth tab in Asana’s developer console.',
  },
  refused_by_asana: {
    status: 400,
    title: 'Asana refused',
    explanation: 'Asana ended the connect for a reason that Gatehouse does not know.',
    fix: 'Press Connect again. If it stays so, an admin runs the checks under Asana app.',
  },
  other_browser: {
    status: 403,
    title: 'This connect was started in another browser',
    explanation: 'A connect must end in the browser it began in, so that nobody can pass you theirs.',
    fix: 'If you did not start it, close this page. To connect your own account, press Connect here.',
  },
  other_member: {
    status: 403,
    title: 'This connect was started by somebody else',
    explanation: 'The person signed in here is not the one who pressed Connect.',
    fix: 'Sign in as the person who started it, or press Connect yourself.',
  },
  account_differs: {
    status: 403,
    title: 'This is another Asana account',
    explanation: 'Your organization lets you connect only your own Asana account.',
    fix: 'Sign out at app.asana.com, sign in there with your own account, and press Connect again.',
  },
  account_unknown: {
    status: 403,
    title: 'Asana did not say whose account this is',
    explanation:
      'Your organization lets you connect only your own Asana account, and Asana named no e-mail address.',
    fix: 'Press Connect again in a minute. If it stays so, tell an admin.',
  },
  account_changed: {
    status: 403,
    title: 'This connection belongs to another Asana account',
    explanation:
      'A connection is renewed only with the account it was made with; agents that use it must not change account unseen.',
    fix: 'Sign in at app.asana.com with that account and press Reconnect, or press Connect to add this account as a new connection.',
  },
  workspace_differs: {
    status: 403,
    title: 'This workspace is not your organization’s',
    explanation: 'Your organization allows only certain Asana workspaces, and this is none of them.',
    fix: 'Press Connect again and choose your organization’s workspace on Asana’s page.',
  },
  workspace_unknown: {
    status: 403,
    title: 'Asana did not say which workspace this is',
    explanation:
      'Your organization allows only certain Asana workspaces, and Asana named none or several for this authorization.',
    fix: 'Press Connect again in a minute. If it stays so, tell an admin.',
  },
  workspace_changed: {
    status: 403,
    title: 'This connection belongs to another workspace',
    explanation:
      'A connection is renewed only in its own workspace; agents that use it must not change workspace unseen.',
    fix: 'Press Reconnect and choose the same workspace, or press Connect to add this one as a new connection.',
  },
  invalid_client: {
    status: 502,
    title: 'Asana does not accept the app’s credentials',
    explanation:
      'The client id or the secret is wrong, the secret was reset at Asana, or the app is not an MCP app.',
    fix: 'An admin copies client id and secret again from the app’s OAuth tab in Asana’s developer console. Nobody is disconnected by a new secret.',
  },
  wrong_kind_of_app: {
    status: 502,
    title: 'The Asana app is of the wrong kind',
    explanation: 'What Asana issued does not work at its MCP server, as happens with an ordinary API app.',
    fix: 'An admin creates an app of the type “MCP app” in Asana’s developer console and enters its client id and secret here.',
  },
  asana_unavailable: {
    status: 502,
    title: 'Asana did not answer as expected',
    explanation: 'Asana’s server failed, was too slow, or sent something Gatehouse does not understand.',
    fix: 'Press Connect again in a few minutes. Nothing was saved.',
  },
} as const satisfies Record<string, Words>;

export type ConnectFailureCode = keyof typeof table;

/** What the callback page shows. All texts are ours; `explanation` may name the Asana account that came back (escape it). */
export interface ConnectFailure extends Words {
  code: ConnectFailureCode;
}

/** The failure of a code; `addition` is a further sentence of ours for the explanation. */
export function connectFailure(code: ConnectFailureCode, addition?: string): ConnectFailure {
  const words = table[code];
  return { code, ...words, explanation: addition ? `${words.explanation} ${addition}` : words.explanation };
}

/** Whether a stored text is one of our codes (`asana_apps.last_connect`). */
export function isConnectFailureCode(text: string): text is ConnectFailureCode {
  return Object.hasOwn(table, text);
}

/**
 * Names an OAuth error of Asana's (RFC 6749 §4.1.2.1 and §5.2). Asana gives `invalid_request` for most of its errors and tells
 * them apart only by text, so the recorded texts are recognised here and nowhere else.
 */
export function failureCodeOf(error: string, description: string): ConnectFailureCode {
  if (error === 'access_denied') return 'access_denied';
  if (error === 'invalid_client' || error === 'unauthorized_client') return 'invalid_client';
  if (error === 'invalid_grant') return 'invalid_code';
  if (error === 'server_error' || error === 'temporarily_unavailable') return 'asana_unavailable';
  if (/not available to your/i.test(description)) return 'app_not_available';
  if (error === 'invalid_scope' || /invalid scope/i.test(description)) return 'invalid_scope';
  if (/redirect_uri/i.test(description)) return 'redirect_mismatch';
  return 'refused_by_asana';
}
