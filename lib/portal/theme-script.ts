// The theme that a person chose, put in force before the first paint. Text for a <script>; the portal and its plain pages share it.

/** Where the browser keeps the choice: `light`, `dark`, or nothing for the system's. */
export const THEME_KEY = 'gatehouse-theme';

/** Says on what system this is, so that \u2318 or Ctrl stands in the page from the start, and applies the theme. Nothing is put into it. */
export const themeScript = `if(/Mac|iPhone|iPad/.test(navigator.platform))document.documentElement.dataset.platform='apple';try{var t=localStorage.getItem('${THEME_KEY}');if(t==='light'||t==='dark')document.documentElement.dataset.theme=t}catch{}`;
