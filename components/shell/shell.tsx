// The frame of every room: skip link, navigation, who is signed in, and the room itself.
import type { ReactNode } from 'react';
import { Logo } from '../logo';
import { PaletteButton, PaletteHost } from '../palette/palette-host';
import { Toaster } from '../ui/toast';
import { AccountMenu } from './account-menu';
import { MobileNavigation } from './mobile-navigation';
import { Navigation } from './navigation';
import type { Role } from './rooms';

/** `member` holds only what is shown; `endpoint` is the URL of /mcp. */
export function Shell({
  member,
  organization,
  endpoint,
  children,
}: {
  member: { name: string; email: string; role: Role };
  organization: string;
  endpoint: string;
  children: ReactNode;
}) {
  const rooms = (
    <>
      <div className="flex-1 px-3 py-2">
        <Navigation role={member.role} />
      </div>
      <div className="border-line border-t p-2">
        <AccountMenu name={member.name} email={member.email} />
      </div>
    </>
  );
  return (
    <>
      <a
        href="#main"
        className="bg-accent text-on-accent rounded-box sr-only z-50 px-3 py-2 text-sm font-medium focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:px-3 focus:py-2"
      >
        Skip to the content
      </a>
      <div className="isolate lg:grid lg:grid-cols-[14.5rem_minmax(0,1fr)]">
        <aside
          aria-label="Navigation"
          className="border-line sticky top-0 flex h-dvh flex-col overflow-y-auto border-r max-lg:hidden"
        >
          <div className="flex items-center gap-2.5 px-5 pt-4 pb-3">
            <Logo className="size-7" />
            <div className="min-w-0">
              <p className="text-sm leading-4 font-semibold">Gatehouse</p>
              <p className="text-ink-3 truncate text-xs">{organization}</p>
            </div>
          </div>
          <div className="px-3 pb-2">
            <PaletteButton />
          </div>
          {rooms}
        </aside>
        <div className="min-w-0">
          <header className="bg-canvas border-line sticky top-0 z-20 flex h-12 items-center gap-2 border-b px-2 lg:hidden">
            <MobileNavigation>{rooms}</MobileNavigation>
            <Logo />
            <p className="min-w-0 truncate text-sm font-semibold">
              Gatehouse <span className="text-ink-3 font-normal">{organization}</span>
            </p>
            <PaletteButton compact />
          </header>
          <main
            id="main"
            tabIndex={-1}
            className="mx-auto w-full max-w-6xl px-4 py-6 outline-hidden sm:px-6 lg:px-8"
          >
            {children}
          </main>
        </div>
      </div>
      <PaletteHost role={member.role} endpoint={endpoint} />
      <Toaster />
    </>
  );
}
