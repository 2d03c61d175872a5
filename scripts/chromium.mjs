// Which browser the browser tests run in: Debian's Chromium or Google's where one is installed.
import { existsSync } from 'node:fs';

/** The path of an installed Chromium, PLAYWRIGHT_CHROMIUM first; undefined: only Playwright's own may be there. */
export function findChromium() {
  const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  const mac = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';
  return [process.env.PLAYWRIGHT_CHROMIUM, ...places, mac].find((path) => path && existsSync(path));
}
