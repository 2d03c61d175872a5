// Single-key shortcuts: whether they are on (WCAG 2.1.4 wants them to be switched off), and when a key press is meant for them.

const KEY = 'gatehouse-shortcuts';

/** On unless this browser switched them off. */
export function shortcutsOn(): boolean {
  try {
    return localStorage.getItem(KEY) !== 'off';
  } catch {
    return true;
  }
}

/** Keeps the choice in this browser. */
export function setShortcutsOn(on: boolean): void {
  try {
    if (on) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, 'off');
  } catch {
    // A browser that keeps nothing has them on again at the next page.
  }
}

/** ⌘K, and Ctrl+K elsewhere. */
export function isPaletteKey(event: KeyboardEvent): boolean {
  return (
    event.key.toLowerCase() === 'k' && (event.metaKey || event.ctrlKey) && !event.altKey && !event.shiftKey
  );
}

/** Whether the key writes a character. */
export function isTyped(event: KeyboardEvent): boolean {
  return event.key.length === 1 && !event.metaKey && !event.ctrlKey && !event.altKey && !event.isComposing;
}

/** Whether a plain key is free: nobody types, no dialog or menu is open, nothing took the key already. */
export function isFreeKey(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey || event.isComposing)
    return false;
  const target = event.target instanceof HTMLElement ? event.target : null;
  // Grids and menus find their entries by their first letter.
  const taken = 'input, textarea, select, [contenteditable], [role=menu], [role=grid], [role=listbox]';
  if (target?.closest(taken)) return false;
  return document.querySelector('[role=dialog], [role=alertdialog], [role=menu]') === null;
}
