// The rooms behind a button, on a narrow screen.
'use client';
import { Dialog as Base } from '@base-ui/react/dialog';
import MenuIcon from 'lucide-react/icons/menu';
import X from 'lucide-react/icons/x';
import { usePathname } from 'next/navigation';
import { useState, type ReactNode } from 'react';
import { buttonClasses } from '../ui/button';
import { veilClasses } from '../ui/dialog';

/** Closes when a room was chosen. */
export function MobileNavigation({ children }: { children: ReactNode }) {
  const path = usePathname();
  const [openAt, setOpenAt] = useState<string | null>(null);
  return (
    <Base.Root open={openAt === path} onOpenChange={(open) => setOpenAt(open ? path : null)}>
      <Base.Trigger
        aria-label="Open navigation"
        className={buttonClasses({ variant: 'quiet' }, 'w-8 px-0 pointer-coarse:w-10')}
      >
        <MenuIcon aria-hidden="true" />
      </Base.Trigger>
      <Base.Portal>
        <Base.Backdrop className={veilClasses} />
        <Base.Viewport className="fixed inset-0 z-30">
          <Base.Popup className="bg-canvas shadow-raised flex h-full w-72 max-w-[85vw] flex-col overflow-y-auto outline-hidden transition-[translate] duration-150 data-ending-style:-translate-x-full data-starting-style:-translate-x-full">
            <div className="flex h-12 shrink-0 items-center justify-between px-3">
              <Base.Title className="text-base font-semibold">Navigation</Base.Title>
              <Base.Close
                aria-label="Close navigation"
                className={buttonClasses({ variant: 'quiet' }, 'w-8 px-0 pointer-coarse:w-10')}
              >
                <X aria-hidden="true" />
              </Base.Close>
            </div>
            {children}
          </Base.Popup>
        </Base.Viewport>
      </Base.Portal>
    </Base.Root>
  );
}
