// Playwright's globalSetup: one PostgreSQL for the browser tests, whose address they find in the environment.
import { startTestPostgres } from './database';

export const POSTGRES_URL = 'GATEHOUSE_TEST_POSTGRES_URL';

export default async function setup(): Promise<() => Promise<void>> {
  const postgres = await startTestPostgres({ durable: false });
  process.env[POSTGRES_URL] = postgres.url;
  return postgres.stop;
}
