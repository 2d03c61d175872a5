// Next renders the portal only: server.ts owns the port, /mcp and /oauth, and sets the Content-Security-Policy with its nonce.
import type { NextConfig } from 'next';

const securityHeaders = [
  { key: 'X-Content-Type-Options', value: 'nosniff' },
  // Links and tokens of this portal are nobody else's business.
  { key: 'Referrer-Policy', value: 'same-origin' },
  { key: 'X-Frame-Options', value: 'DENY' },
  { key: 'Permissions-Policy', value: 'camera=(), microphone=(), geolocation=(), payment=(), usb=()' },
];

const config: NextConfig = {
  reactStrictMode: true,
  poweredByHeader: false,
  productionBrowserSourceMaps: false,
  // CONTRACT: /mcp never redirects; Next's own answer to `/mcp/` would be a 308.
  skipTrailingSlashRedirect: true,
  devIndicators: false,
  // `npm run check` checks types of everything, tests included; a start of the product waits for neither.
  typescript: { ignoreBuildErrors: true },
  // Native or process-wide modules: one copy each, loaded by Node and not bundled.
  serverExternalPackages: [
    '@node-rs/argon2',
    '@prisma/adapter-pg',
    '@prisma/client',
    'pg',
    'pino',
    'prom-client',
    'rate-limiter-flexible',
    'undici',
  ],
  turbopack: { root: import.meta.dirname },
  headers: () => Promise.resolve([{ source: '/:path*', headers: securityHeaders }]),
};

export default config;
