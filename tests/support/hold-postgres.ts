// A process that uses the embedded PostgreSQL of a data folder until it is told to stop, or killed.
import { startEmbeddedPostgres } from '../../lib/database/embedded-postgres';

async function hold(dataFolder: string): Promise<void> {
  const postgres = await startEmbeddedPostgres(dataFolder);
  process.on('message', () => void postgres.stop().then(() => process.disconnect()));
  process.send?.({ url: postgres.url, reused: postgres.reused });
}

void hold(process.argv[2] ?? '').catch((error: Error) => process.send?.({ failure: error.message }));
