// Opens the palette by ⌘K, Ctrl+K or its button, leads to rooms by `g` and a key, shows the keys by `?`. Loads both only when asked for.
'use client';
import Search from 'lucide-react/icons/search';
import { useRouter } from 'next/navigation';
import { lazy, Suspense, useEffect, useState } from 'react';
import type { Role } from '../shell/rooms';
import { buttonClasses } from '../ui/button';
import { classNames } from '../ui/class-names';
import { roomOfKey } from './commands';
import { isFreeKey, isPaletteKey, isTyped, shortcutsOn } from './shortcut-keys';

const loadPalette = () => import('./palette');
const Palette = lazy(loadPalette);
const Shortcuts = lazy(() => import('./shortcuts'));

const OPEN = 'gatehouse:palette';
/** How long the key after `g` may take. */
const SECOND_KEY_MS = 1_500;

/** Once per page. `endpoint` is the URL of /mcp. */
export function PaletteHost({ role, endpoint }: { role: Role; endpoint: string }) {
  const router = useRouter();
  const [shown, setShown] = useState<'palette' | 'shortcuts' | null>(null);
  const [search, setSearch] = useState('');
  useEffect(() => {
    let afterG = 0;
    const openPalette = () => {
      setSearch('');
      setShown('palette');
    };
    const onKey = (event: KeyboardEvent) => {
      if (isPaletteKey(event)) {
        event.preventDefault();
        if (shown === 'palette') setShown(null);
        else openPalette();
        return;
      }
      // What somebody types while the palette is still on its way must not be lost.
      if (shown === 'palette' && document.querySelector('[cmdk-input]') !== document.activeElement) {
        // Nor may Enter press what still has the focus behind it.
        if (isTyped(event) || event.key === 'Enter') event.preventDefault();
        if (isTyped(event)) setSearch((text) => text + event.key);
        return;
      }
      if (!isFreeKey(event) || !shortcutsOn()) return;
      const second = event.timeStamp - afterG < SECOND_KEY_MS;
      afterG = 0;
      const room = second ? roomOfKey(role, event.key) : null;
      if (room !== null) {
        event.preventDefault();
        router.push(room);
      } else if (event.key === 'g') afterG = event.timeStamp;
      else if (event.key === '?') setShown('shortcuts');
    };
    window.addEventListener('keydown', onKey);
    window.addEventListener(OPEN, openPalette);
    return () => {
      window.removeEventListener('keydown', onKey);
      window.removeEventListener(OPEN, openPalette);
    };
  }, [role, router, shown]);
  const close = () => setShown(null);
  return (
    <Suspense fallback={null}>
      {shown === 'palette' && (
        <Palette
          {...{ role, endpoint, search }}
          onSearch={setSearch}
          onClose={close}
          onShortcuts={() => setShown('shortcuts')}
        />
      )}
      {shown === 'shortcuts' && <Shortcuts role={role} onClose={close} />}
    </Suspense>
  );
}

/** The visible way to the palette. `compact` is the icon alone, for narrow screens. */
export function PaletteButton({ compact = false }: { compact?: boolean }) {
  return (
    <button
      type="button"
      aria-label={compact ? 'Search or do' : undefined}
      aria-keyshortcuts="Meta+K Control+K"
      aria-haspopup="dialog"
      onPointerEnter={() => void loadPalette()}
      onFocus={() => void loadPalette()}
      onClick={() => window.dispatchEvent(new Event(OPEN))}
      className={
        compact
          ? buttonClasses({ variant: 'quiet' }, 'ml-auto w-8 px-0 pointer-coarse:w-10')
          : classNames(
              'border-line bg-surface text-ink-3 hover:border-control hover:text-ink-2 rounded-box flex h-8 w-full items-center gap-2 border px-2',
              'text-left text-sm pointer-coarse:h-10',
            )
      }
    >
      <Search aria-hidden="true" className="size-4 shrink-0" />
      {!compact && (
        <>
          <span className="flex-1">Search or do</span>
          <Shortcut />
        </>
      )}
    </button>
  );
}

// Both spellings are in the page and CSS shows one: nothing moves when the script has found out what system it is on.
function Shortcut() {
  return (
    <kbd aria-hidden="true" className="text-ink-3 font-sans text-xs">
      <span className="apple:hidden">Ctrl K</span>
      <span className="apple:inline hidden">⌘K</span>
    </kbd>
  );
}
