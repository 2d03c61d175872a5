// A small page that needs neither scripts nor the portal: for answers whose status matters. Everything in it is escaped.

interface Page {
  status: number;
  title: string;
  explanation: string;
  fix: string;
  link: { href: string; label: string };
}

const escape = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const style = `
:root{color-scheme:light dark;--ink:#1b1e25;--soft:#565c69;--back:#f7f7f8;--card:#fff;--line:#dcdee3;--accent:#005d93;--on:#fff}
@media (prefers-color-scheme:dark){:root{--ink:#eceef2;--soft:#a5acba;--back:#101217;--card:#181b22;--line:#2c313c;--accent:#6abbeb;--on:#101217}}
*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;padding:24px;background:var(--back);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
main{max-width:34rem;width:100%;background:var(--card);border:1px solid var(--line);border-radius:8px;padding:32px}
h1{font-size:1.25rem;margin:0 0 12px}p{margin:0 0 12px}.fix{color:var(--soft)}
a{display:inline-block;margin-top:8px;padding:9px 16px;border-radius:8px;background:var(--accent);color:var(--on);text-decoration:none;font-weight:500}
a:focus-visible{outline:2px solid var(--accent);outline-offset:3px}`;

/** An HTML answer with its own strict policy: no scripts, no frames. */
export function plainPage({ status, title, explanation, fix, link }: Page): Response {
  const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escape(title)} \u00b7 Gatehouse</title><style>${style}</style></head><body><main><h1>${escape(title)}</h1><p>${escape(explanation)}</p>
<p class="fix">${escape(fix)}</p><a href="${escape(link.href)}">${escape(link.label)}</a></main></body></html>`;
  return new Response(html, {
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'content-security-policy':
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    },
  });
}
