# Gatehouse as an image: built whole, run by a user without rights, on a root file system that may be read-only. glibc, because the
# private PostgreSQL needs it; with DATABASE_URL nothing is written but temporary files.
FROM node:20-bookworm-slim AS build
WORKDIR /gatehouse
COPY package.json package-lock.json ./
# No package needs its install script, so none gets to run one.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN node scripts/gatehouse.mjs build && npm prune --omit=dev --ignore-scripts --no-audit --no-fund && rm -rf .next/cache

FROM node:20-bookworm-slim
ENV NODE_ENV=production NEXT_TELEMETRY_DISABLED=1 GATEHOUSE_DATA=/data
WORKDIR /gatehouse
COPY --from=build /gatehouse ./
RUN mkdir /data && chown node:node /data
USER node
# The private database and keys.json; not used where DATABASE_URL is set.
VOLUME ["/data", "/tmp"]
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/readyz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Not through npm: it would not pass signals on, and would look for what has been prepared already.
CMD ["node", ".next/gatehouse/server.mjs"]
