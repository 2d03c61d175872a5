// Who is signed in; the theme; the way out.
'use client';
import ChevronsUpDown from 'lucide-react/icons/chevrons-up-down';
import LogOut from 'lucide-react/icons/log-out';
import { signOut } from 'next-auth/react';
import { useState } from 'react';
import { chooseTheme, chosenTheme, type Theme } from '../theme';
import { Menu, MenuChoice, MenuItem, MenuSeparator } from '../ui/menu';

const themes = [
  ['system', 'Like the system'],
  ['light', 'Light'],
  ['dark', 'Dark'],
] as const;

/** Signing out ends the session on the server, then leaves for the sign-in page. */
export function AccountMenu({ name, email }: { name: string; email: string }) {
  const [theme, setTheme] = useState<Theme>('system');
  return (
    <Menu
      side="top"
      align="start"
      trigger={
        <button
          type="button"
          aria-label={`Account of ${name}`}
          // The choice is the browser's, so it is looked up when the menu is about to open.
          onPointerDown={() => setTheme(chosenTheme())}
          onKeyDown={() => setTheme(chosenTheme())}
          className="hover:bg-hover rounded-box flex w-full items-center gap-2.5 p-2 text-left"
        >
          <span
            aria-hidden="true"
            className="bg-accent-soft text-accent rounded-box flex size-7 shrink-0 items-center justify-center text-xs font-semibold"
          >
            {initials(name)}
          </span>
          <span className="min-w-0 flex-1">
            <span className="block truncate text-sm font-medium">{name}</span>
            <span className="text-ink-3 block truncate text-xs">{email}</span>
          </span>
          <ChevronsUpDown aria-hidden="true" className="text-ink-3 size-4 shrink-0" />
        </button>
      }
    >
      <MenuChoice
        label="Theme"
        value={theme}
        options={themes}
        onChange={(next) => {
          chooseTheme(next as Theme);
          setTheme(next as Theme);
        }}
      />
      <MenuSeparator />
      <MenuItem
        icon={<LogOut aria-hidden="true" />}
        onSelect={async () => {
          await signOut({ redirect: false, callbackUrl: '/sign-in' });
          window.location.assign('/sign-in');
        }}
      >
        Sign out
      </MenuItem>
    </Menu>
  );
}

function initials(name: string): string {
  const parts = name.trim().split(/\s+/);
  const [first = '?', last = ''] = parts.length > 1 ? [parts[0], parts.at(-1)] : [parts[0]];
  return Array.from(first).slice(0, 1).concat(Array.from(last).slice(0, 1)).join('').toUpperCase();
}
