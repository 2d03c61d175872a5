// A small page that needs neither scripts nor the portal: for answers whose status matters. Everything in it is escaped.
import { createHash } from 'node:crypto';
import { themeScript } from './theme-script';

interface Page {
  status: number;
  title: string;
  explanation: string;
  fix: string;
  link: { href: string; label: string };
  /** Of the policy that server.ts has already set for what Next answers; that one and this page's are both in force. */
  nonce?: string | null;
}

const escape = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

// The colours of app/globals.css, as pairs (light, dark).
const style = `
:root{color-scheme:light dark;--ink:light-dark(#171c21,#eff0f2);--soft:light-dark(#454d55,#bbc1c7);--back:light-dark(#f9fafb,#0d1013);--card:light-dark(#fff,#151a1e);--line:light-dark(#e2e5e7,#2a3036);--accent:light-dark(#005d93,#6abbeb);--on:light-dark(#fcfcfc,#00121f)}
:root[data-theme=light]{color-scheme:light}:root[data-theme=dark]{color-scheme:dark}
*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:start center;padding:14vh 16px 40px;background:var(--back);color:var(--ink);font:14px/1.55 system-ui,sans-serif}
main{max-width:30rem;width:100%;background:var(--card);border:1px solid var(--line);border-radius:7px;padding:24px}
.name{display:flex;gap:10px;align-items:center;font-weight:600;margin:0 0 20px}.name svg{width:28px;height:28px}
h1{font-size:1.25rem;line-height:1.4;margin:0 0 8px}p{margin:0 0 8px}.fix{color:var(--soft)}
a{display:inline-block;margin-top:12px;padding:6px 12px;border-radius:7px;background:var(--accent);color:var(--on);text-decoration:none;font-weight:500}
a:focus-visible{outline:2px solid var(--accent);outline-offset:2px}`;

const logo =
  '<svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="7" fill="var(--accent)"/>' +
  '<path fill="var(--on)" d="M7 25V9h3.5v2.5h3V9h5v2.5h3V9H25v16h-5v-5a4 4 0 0 0-8 0v5z"/></svg>';

const scriptHash = createHash('sha256').update(themeScript).digest('base64');

/** An HTML answer with its own strict policy: no script but the one that applies the chosen theme, no frames. */
export function plainPage({ status, title, explanation, fix, link, nonce }: Page): Response {
  const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex"><link rel="icon" href="/icon.svg" type="image/svg+xml"><title>${escape(title)} \u00b7 Gatehouse</title>
<script${nonce ? ` nonce="${escape(nonce)}"` : ''}>${themeScript}</script><style>${style}</style></head><body><main><p class="name">${logo}Gatehouse</p><h1>${escape(title)}</h1><p>${escape(explanation)}</p>
<p class="fix">${escape(fix)}</p><a href="${escape(link.href)}">${escape(link.label)}</a></main></body></html>`;
  return new Response(html, {
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'content-security-policy': `default-src 'none'; script-src 'sha256-${scriptHash}'; style-src 'unsafe-inline'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'`,
    },
  });
}
