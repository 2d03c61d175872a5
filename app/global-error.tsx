// The last resort, when even the document could not be made: plain HTML, no styles to load.
'use client';

export default function GlobalError({ error }: { error: Error & { digest?: string } }) {
  return (
    <html lang="en">
      <body>
        <title>Gatehouse</title>
        <h1>Gatehouse could not show this page</h1>
        <p>Reload it in a moment. If it stays so, tell an admin and give the reference.</p>
        {error.digest && <p>Reference: {error.digest}</p>}
        <p>
          {/* A full load on purpose: the app itself is what failed. */}
          {/* oxlint-disable-next-line nextjs/no-html-link-for-pages */}
          <a href="/">Go to your home</a>
        </p>
      </body>
    </html>
  );
}
