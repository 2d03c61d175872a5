// The pages of the sandbox: where one picks account and workspace, and the front page that says what this is.
import type { SandboxApp } from '@/lib/sandbox/grants';
import type { User, World } from '@/lib/sandbox/world';

const STYLE = `<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; color: #1e1f21; background: #fff; }
  fieldset { border: 1px solid #6d6e6f; border-radius: 6px; margin: 0 0 1rem; } label { display: block; padding: .25rem 0; }
  button { font: inherit; padding: .5rem 1.25rem; border-radius: 6px; border: 1px solid #6d6e6f; background: #fff; cursor: pointer; }
  button[value=allow] { background: #b3243b; border-color: #b3243b; color: #fff; } [role=alert] { color: #8a1029; font-weight: 600; }
  table { border-collapse: collapse; } td, th { text-align: left; padding: .25rem 1rem .25rem 0; vertical-align: top; } code { overflow-wrap: anywhere; }
</style>`;

function escapeHtml(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replaceAll(/[&<>"']/g, (character) => entities[character]!);
}

function document(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title>${STYLE}</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
${body}
</main>
</body>
</html>
`;
}

function radios(
  legend: string,
  name: string,
  choices: { value: string; label: string }[],
  chosen: string | null,
): string {
  const rows = choices.map(({ value, label }) => {
    const checked = value === chosen ? ' checked' : '';
    return `<label><input type="radio" name="${name}" value="${escapeHtml(value)}" required${checked}> ${escapeHtml(label)}</label>`;
  });
  return `<fieldset><legend>${legend}</legend>\n${rows.join('\n')}\n</fieldset>`;
}

/** The consent page: account and workspace as radio buttons, Allow and Deny. The request travels in hidden fields. */
export function authorizePage(
  world: World,
  app: SandboxApp,
  request: URLSearchParams,
  choice: { email: string | null; workspaceGid: string | null; problem?: string },
): string {
  const hidden = [...request].map(
    ([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`,
  );
  const workspacesOf = (user: User) =>
    user.memberships.map(({ workspaceGid }) => world.workspaces.get(workspaceGid)!.name).join(', ');
  const users = [...world.users.values()].map((user) => ({
    value: user.email,
    label: `${user.name} (${user.email}): ${workspacesOf(user)}`,
  }));
  const workspaces = [...world.workspaces.values()].map(({ gid, name }) => ({ value: gid, label: name }));
  const alert = choice.problem ? `<p role="alert">${escapeHtml(choice.problem)}</p>` : '';
  return document(
    'Sandbox Asana',
    `<p><strong>${escapeHtml(app.name)}</strong> asks for access to your account. This is a stand-in for Asana; nothing here is real.</p>
${alert}
<form method="post" action="/-/oauth_authorize">
${hidden.join('\n')}
${radios('Account', 'sandbox_user', users, choice.email)}
${radios('Workspace', 'sandbox_workspace', workspaces, choice.workspaceGid)}
<button type="submit" name="decision" value="allow">Allow</button>
<button type="submit" name="decision" value="deny" formnovalidate>Deny</button>
</form>`,
  );
}

/** The front page: what this is, who is in it, and where its endpoints are. Secrets are not on it. */
export function frontPage(
  world: World,
  apps: Iterable<SandboxApp>,
  endpoints: Record<string, string>,
): string {
  const table = (head: string[], rows: string[][]) =>
    `<table><thead><tr>${head.map((cell) => `<th scope="col">${cell}</th>`).join('')}</tr></thead><tbody>${rows
      .map((row) => `<tr>${row.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')}</tr>`)
      .join('')}</tbody></table>`;
  const users = [...world.users.values()]
    .slice(0, 100)
    .map((user) => [
      user.name,
      user.email,
      user.memberships
        .map(({ workspaceGid, role }) => `${world.workspaces.get(workspaceGid)!.name} (${role})`)
        .join(', '),
    ]);
  const registered = [...apps]
    .slice(0, 100)
    .map((app) => [app.clientId, app.name, app.kind, app.redirectUrls.join(', ')]);
  return document(
    'Sandbox Asana',
    `<p>A stand-in for Asana's authorization server and MCP server, for demos and tests. Nothing here is real, everything is in memory, and every request is logged.</p>
<h2>Endpoints</h2>
${table(['What', 'Where'], Object.entries(endpoints))}
<h2>People</h2>
${table(['Name', 'E-mail', 'Workspaces'], users)}
<h2>Apps</h2>
${table(['Client id', 'Name', 'Kind', 'Redirect URLs'], registered)}`,
  );
}
