// The portal's rooms: where they are, what they are called, who may enter, which keys lead there. Navigation and palette read it.

export type Role = 'admin' | 'auditor' | 'member';

export interface Room {
  href: string;
  text: string;
  /** The second key after `g`; unique. */
  key: string;
  roles: readonly Role[];
  /** Stands under the heading Admin. */
  admin: boolean;
  /** Further words under which the palette finds it. */
  words: string;
}

const EVERYONE = ['admin', 'auditor', 'member'] as const;
const READERS = ['admin', 'auditor'] as const;
const ADMIN = ['admin'] as const;

export const rooms = [
  { href: '/', text: 'Home', key: 'h', roles: EVERYONE, admin: false, words: 'start first steps set-up' },
  {
    href: '/connections',
    text: 'Connections',
    key: 'c',
    roles: EVERYONE,
    admin: false,
    words: 'asana account workspace reconnect disconnect',
  },
  {
    href: '/tokens',
    text: 'Agents',
    key: 'k',
    roles: EVERYONE,
    admin: false,
    words: 'tokens bearer keys clients revoke',
  },
  {
    href: '/activity',
    text: 'Activity',
    key: 'y',
    roles: EVERYONE,
    admin: false,
    words: 'my calls history denied',
  },
  {
    href: '/approvals',
    text: 'Approvals',
    key: 'i',
    roles: EVERYONE,
    admin: false,
    words: 'inbox approve decline held calls wait yes',
  },
  {
    href: '/explain',
    text: 'Ask',
    key: 'e',
    roles: EVERYONE,
    admin: false,
    words: 'why denied request a tool more',
  },
  {
    href: '/admin/asana',
    text: 'Asana app',
    key: 's',
    roles: ADMIN,
    admin: true,
    words: 'client id secret redirect register',
  },
  {
    href: '/admin/tools',
    text: 'Tools',
    key: 't',
    roles: READERS,
    admin: true,
    words: 'catalogue matrix policy sync review block',
  },
  {
    href: '/admin/reviews',
    text: 'Reviews',
    key: 'v',
    roles: READERS,
    admin: true,
    words: 'quarantine drift changed new tools accept keep block diff',
  },
  {
    href: '/admin/groups',
    text: 'Groups',
    key: 'g',
    roles: ADMIN,
    admin: true,
    words: 'policy teams allow',
  },
  {
    href: '/admin/policy-tests',
    text: 'Policy tests',
    key: 'f',
    roles: READERS,
    admin: true,
    words: 'guard must may not config file export plan apply replay gatehouse.json',
  },
  {
    href: '/admin/people',
    text: 'People',
    key: 'p',
    roles: ADMIN,
    admin: true,
    words: 'members invite roles read-only agents budgets writes',
  },
  {
    href: '/admin/directory',
    text: 'Directory',
    key: 'd',
    roles: ADMIN,
    admin: true,
    words: 'company sign-in sso single sign-on oidc scim okta entra provisioning identity provider',
  },
  {
    href: '/admin/clients',
    text: 'Clients',
    key: 'm',
    roles: ADMIN,
    admin: true,
    words: 'mcp oauth grants block redirect uris registrations',
  },
  {
    href: '/admin/requests',
    text: 'Requests',
    key: 'r',
    roles: ADMIN,
    admin: true,
    words: 'tool requests accept decline',
  },
  {
    href: '/admin/explain',
    text: 'Explain',
    key: 'x',
    roles: READERS,
    admin: true,
    words: 'why allowed denied check',
  },
  {
    href: '/admin/audit',
    text: 'Audit',
    key: 'a',
    roles: READERS,
    admin: true,
    words: 'records calls events log export verify',
  },
  {
    href: '/admin/health',
    text: 'Health',
    key: 'l',
    roles: ADMIN,
    admin: true,
    words: 'status database upstream revocations',
  },
  {
    href: '/admin/organization',
    text: 'Organization',
    key: 'o',
    roles: ADMIN,
    admin: true,
    words: 'settings workspaces api keys drift',
  },
] as const satisfies readonly Room[];

export type RoomPath = (typeof rooms)[number]['href'];

/** The rooms of a role, in the order of the navigation. Hidden for tidiness only: each page asks for the role itself. */
export function roomsOf(role: Role): readonly (typeof rooms)[number][] {
  return rooms.filter((room) => (room.roles as readonly Role[]).includes(role));
}
