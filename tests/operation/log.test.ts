// Whatever is logged, however carelessly: no bearer, no secret, no sealed text and no header of a request stands in a line.
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeAll, describe, expect, test } from 'vitest';
import { setEnv } from '@/lib/env';
import { createLogger } from '@/lib/log';
import { parseKeyRing, seal } from '@/lib/vault/seal';

const KEY = randomBytes(32).toString('base64');
const SEALED = seal(parseKeyRing(`k1:${KEY}`), 'place', 'secret', randomBytes(12));
const CANARIES = {
  bearer: `gth_${'a1B2c3D4'.repeat(5)}`,
  access: `gho_${'a1B2c3D4'.repeat(5)}`,
  sealed: SEALED,
  key: KEY,
  asana: '2/1200000000000101/1234567812345678:0123456789abcdef0123456789abcdef',
  password: 'correct-horse',
};

beforeAll(() => setEnv({ GATEHOUSE_LOG: 'debug' }));

/** The lines that `work` logs. */
function linesOf(work: (log: ReturnType<typeof createLogger>) => void): string {
  let text = '';
  work(createLogger({ write: (line: string) => void (text += line) }));
  return text;
}

/** Which of the canaries stand in a text. */
const found = (text: string) =>
  Object.entries(CANARIES).flatMap(([name, canary]) => (text.includes(canary) ? [name] : []));

describe('TV-02: a log line', () => {
  test('keeps what it says, and none of what is secret in a message, a field, a list or an error', () => {
    const url = `postgresql://gatehouse:${CANARIES.password}@db.example.com/gatehouse`;
    const error = Object.assign(new Error(`refused: Bearer ${CANARIES.bearer} ${SEALED} k1:${KEY} ${url}`), {
      request: { headers: { authorization: `Bearer ${CANARIES.bearer}` } },
      cause: new Error(`from ${CANARIES.asana}`),
    });
    const text = linesOf((log) => {
      log.info(`calls with ${CANARIES.bearer}, ${SEALED}, ${CANARIES.asana} and ${url}`);
      log.warn(
        { organizationId: 'o1', detail: CANARIES.access, list: [SEALED, { deep: CANARIES.asana }] },
        'fields',
      );
      log.error({ err: error }, 'request failed');
      log.error({ password: CANARIES.password, nested: { access_token: CANARIES.asana } }, 'named fields');
      log.debug(
        { keys: `k1:${KEY}`, sealed: SEALED, deep: { authorization: CANARIES.bearer } },
        'more of them',
      );
    });
    expect(text.split('\n').filter(Boolean)).toHaveLength(5);
    expect(found(text)).toEqual([]);
    for (const kept of [
      '"organizationId":"o1"',
      'calls with gth_[redacted]',
      '[sealed]',
      'refused: Bearer [redacted]',
    ])
      expect(text).toContain(kept);
  });

  test('of a request that failed holds no header, even where somebody logs the request itself', async () => {
    const request = await new Promise<IncomingMessage>((resolve, reject) => {
      const server = createServer((incoming, response) => {
        response.end();
        server.close();
        resolve(incoming);
      });
      server.listen(0, '127.0.0.1', () => {
        const { port } = server.address() as AddressInfo;
        fetch(`http://127.0.0.1:${port}/mcp`, {
          headers: { authorization: `Bearer ${CANARIES.bearer}`, 'x-own': 'own-header' },
        }).catch(reject);
      });
    });
    const text = linesOf((log) => {
      log.error({ request }, 'request failed');
      log.error({ req: request, headers: request.headers, rawHeaders: request.rawHeaders }, 'request failed');
      log.error({ err: Object.assign(new Error('failed'), { request }) }, 'request failed');
      log.error({ answer: { status: 500, headers: { 'set-cookie': 'own-header' } } }, 'request failed');
    });
    expect(found(text)).toEqual([]);
    expect(text).not.toContain('own-header');
    expect(text).toContain('[IncomingMessage]');
    expect(text).toContain('"status":500');
  });
});
