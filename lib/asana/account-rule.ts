// Decides whether an Asana account and workspace may be connected. Pure. What Asana did not say counts as not allowed.
import type { ConnectFailureCode } from './connect-failures';

export interface Workspace {
  gid: string;
  name: string;
}

/** Who and where an authorization is; null is what Asana did not say. E-mail in ASCII lower case. */
export interface Identity {
  email: string | null;
  userGid: string | null;
  workspace: Workspace | null;
}

export interface AccountRule {
  asanaEmail: 'same' | 'listed' | 'any';
  memberEmail: string;
  /** Used by `listed`. */
  listedEmails: readonly string[];
  /** Gids of the pinned workspaces; null allows any. */
  workspaceGids: readonly string[] | null;
}

/**
 * Lower case of ASCII letters only. `toLowerCase` would turn U+212A (Kelvin) into "k" and so one address into another; Unicode
 * that merely looks alike stays different.
 */
export function lowerAscii(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** Null when the organization allows it, else why not. */
export function accountRefusal(rule: AccountRule, identity: Identity): ConnectFailureCode | null {
  if (rule.asanaEmail !== 'any') {
    if (identity.email === null) return 'account_unknown';
    const allowed = rule.asanaEmail === 'same' ? [rule.memberEmail] : rule.listedEmails;
    if (!allowed.map(lowerAscii).includes(lowerAscii(identity.email))) return 'account_differs';
  }
  if (rule.workspaceGids !== null) {
    if (identity.workspace === null) return 'workspace_unknown';
    if (!rule.workspaceGids.includes(identity.workspace.gid)) return 'workspace_differs';
  }
  return null;
}

/** Null when a renewed connection is still the same account in the same workspace (OC-06, OC-07), else what changed. */
export function renewalRefusal(before: Identity, now: Identity): ConnectFailureCode | null {
  const sameUser =
    before.userGid !== null && now.userGid !== null
      ? before.userGid === now.userGid
      : before.email !== null && before.email === now.email;
  if (!sameUser) return 'account_changed';
  const moved =
    before.workspace !== null && now.workspace !== null && before.workspace.gid !== now.workspace.gid;
  return moved ? 'workspace_changed' : null;
}
