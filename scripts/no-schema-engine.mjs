#!/usr/bin/env node
// Stands where Prisma looks for its schema engine: `prisma generate` needs the file to exist, not to run, and would
// otherwise download one. What would run it (migrate, db push) must fail aloud: it would do nothing and say "done".
console.error(
  'Gatehouse has no Prisma schema engine: migrations are written by hand as prisma/migrations/<number>_<name>/migration.sql and applied at start.',
);
process.exit(1);
