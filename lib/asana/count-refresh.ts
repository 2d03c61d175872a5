// Counts refreshes at Asana by what became of them, for /metrics. Nobody's id becomes a label (SP-23).
import { Counter, register } from 'prom-client';
import { RefreshFailure, type FreshToken } from './refresh-under-lease';

const NAME = 'gatehouse_refreshes_total';
const refreshes =
  (register.getSingleMetric(NAME) as Counter<'result'> | undefined) ??
  new Counter({ name: NAME, help: 'Refreshes of access tokens at Asana by result', labelNames: ['result'] });

/**
 * Passes a refresh on and counts it: `ok`, `superseded` (another process knew more), `refused` (the person has to reconnect),
 * `failed` (it is tried again).
 */
export async function countRefresh(running: Promise<FreshToken | null>): Promise<FreshToken | null> {
  try {
    const token = await running;
    refreshes.inc({ result: token ? 'ok' : 'superseded' });
    return token;
  } catch (error) {
    const refused = error instanceof RefreshFailure && error.kind === 'needs_reconnect';
    refreshes.inc({ result: refused ? 'refused' : 'failed' });
    throw error;
  }
}
