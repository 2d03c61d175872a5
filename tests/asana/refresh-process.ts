// A process that asks for a connection's token when told to: `{callers}` callers at once. Answers with what each of them got.
import { freshAccessToken, RefreshFailure } from '../../lib/asana/refresh';
import { setEnv } from '../../lib/env';

interface Order {
  variables: Record<string, string>;
  connection: { organizationId: string; id: string };
  callers: number;
  force?: number;
}

async function carryOut({ variables, connection, callers, force }: Order): Promise<void> {
  setEnv(variables);
  const results = await Promise.all(
    Array.from({ length: callers }, () =>
      freshAccessToken(connection, { force }).then(
        ({ accessToken, generation }) => ({ accessToken, generation }),
        (error: unknown) => ({ failure: error instanceof RefreshFailure ? error.kind : String(error) }),
      ),
    ),
  );
  process.send?.(results);
}

process.on('message', (order: Order) => void carryOut(order));
process.send?.('ready');
