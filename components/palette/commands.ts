// What the palette can open and do, by role. Pure: the palette draws it, the shell's shortcuts follow it.
import { roomsOf, type Role } from '../shell/rooms';

export type Deed =
  | 'connect'
  | 'copy-endpoint'
  | 'invite'
  | 'new-group'
  | 'new-token'
  | 'shortcuts'
  | 'sign-out'
  | 'sync-tools'
  | 'theme-dark'
  | 'theme-light'
  | 'theme-system';

export interface Action {
  deed: Deed;
  text: string;
  words: string;
  roles: readonly Role[];
}

const EVERYONE = ['admin', 'auditor', 'member'] as const;
const ADMIN = ['admin'] as const;

const actions: readonly Action[] = [
  { deed: 'invite', text: 'Invite a person', words: 'add member people', roles: ADMIN },
  { deed: 'new-group', text: 'New group', words: 'create add team', roles: ADMIN },
  { deed: 'sync-tools', text: 'Sync tools with Asana', words: 'catalogue compare refresh', roles: ADMIN },
  { deed: 'new-token', text: 'New agent token', words: 'create mint bearer key', roles: EVERYONE },
  { deed: 'connect', text: 'Connect Asana', words: 'account workspace authorize', roles: EVERYONE },
  { deed: 'copy-endpoint', text: 'Copy the endpoint', words: 'mcp url address', roles: EVERYONE },
  { deed: 'theme-system', text: 'Theme: like the system', words: 'switch colour mode', roles: EVERYONE },
  { deed: 'theme-light', text: 'Theme: light', words: 'switch colour mode', roles: EVERYONE },
  { deed: 'theme-dark', text: 'Theme: dark', words: 'switch colour mode', roles: EVERYONE },
  { deed: 'shortcuts', text: 'Keyboard shortcuts', words: 'help keys', roles: EVERYONE },
  { deed: 'sign-out', text: 'Sign out', words: 'log out leave end session', roles: EVERYONE },
];

/** The actions of a role, in the order in which they are shown. */
export function actionsOf(role: Role): readonly Action[] {
  return actions.filter(({ roles }) => roles.includes(role));
}

/** Whether every word of `search` begins a word of `text`; an empty search matches all. */
export function matches(text: string, search: string): boolean {
  const words = text.toLowerCase().split(/[^\p{L}\p{N}]+/u);
  return search
    .toLowerCase()
    .split(/\s+/)
    .filter(Boolean)
    .every((part) => words.some((word) => word.startsWith(part)));
}

/** Where the key after `g` leads, or null. */
export function roomOfKey(role: Role, key: string): string | null {
  return roomsOf(role).find((room) => room.key === key)?.href ?? null;
}
