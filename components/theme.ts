// The colour theme: the system's, or the one chosen here and kept in this browser.
import { THEME_KEY } from '@/lib/portal/theme-script';

export type Theme = 'system' | 'light' | 'dark';

/** The chosen theme; `system` where nothing was chosen or the browser keeps nothing. */
export function chosenTheme(): Theme {
  const theme = document.documentElement.dataset.theme;
  return theme === 'light' || theme === 'dark' ? theme : 'system';
}

/** Applies and keeps a theme. */
export function chooseTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === 'system') localStorage.removeItem(THEME_KEY);
    else localStorage.setItem(THEME_KEY, theme);
  } catch {
    // A browser that keeps nothing still shows the theme until the page is left.
  }
}
