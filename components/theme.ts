// The colour theme: the system's, or the one chosen here and kept in this browser.

export type Theme = 'system' | 'light' | 'dark';

const KEY = 'gatehouse-theme';

/** Runs before the first paint, so that a chosen theme never flashes. A constant text: nothing is put into it. */
export const themeScript = `try{var t=localStorage.getItem('${KEY}');if(t==='light'||t==='dark')document.documentElement.dataset.theme=t}catch{}`;

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
    if (theme === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // A browser that keeps nothing still shows the theme until the page is left.
  }
}
