// UF-08: a server that can't prove that it is Asana is sent nothing, and every way in which it fails to is known as such.
import { createServer as createPlain } from 'node:http';
import { createServer, request } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { setEnv } from '@/lib/env';
import { openOutbound, outboundError } from '@/lib/http';
import { makeCertificate, type Certificate } from '../support/certificate';

const open: Server[] = [];
let received = 0;

afterEach(async () => {
  for (const server of open.splice(0)) await new Promise((resolve) => server.close(resolve));
  received = 0;
});

async function listen(server: Server): Promise<string> {
  open.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const answering = (certificate: Certificate) =>
  createServer(certificate, (_, response) => {
    received += 1;
    response.end();
  });

/** What becomes of one POST to a server as Gatehouse makes it. */
async function sent(server: Server): Promise<unknown> {
  const origin = await listen(server);
  setEnv({
    ASANA_MCP_URL: `${origin}/v2/mcp`,
    ASANA_OAUTH_URL: origin,
    ASANA_RESOURCE: `${origin}/v2`,
    GATEHOUSE_ALLOW_INSECURE_UPSTREAM: '1',
  });
  const headers = { authorization: 'Bearer secret' };
  return openOutbound(`${origin}/v2/mcp`, { method: 'POST', headers, body: '{}', timeoutMs: 5_000 }).catch(
    (error: unknown) => error,
  );
}

describe('UF-08: nothing is sent', () => {
  const authority = makeCertificate('an authority');
  test.each([
    ['that signed its certificate itself', () => answering(makeCertificate('127.0.0.1'))],
    ['whose authority nobody knows', () => answering(makeCertificate('127.0.0.1', { by: authority }))],
    ['that speaks no TLS', () => createPlain(() => (received += 1))],
  ])('to a server %s', async (_, server) => {
    expect(await sent(server())).toMatchObject({ reason: 'unreachable', sent: false });
    expect(received).toBe(0);
  });

  // The trust store is the process's own, so these two are met with one that knows the authority; the error is Node's all the same.
  test.each([
    ['whose certificate has run out', { host: 'localhost', days: -1 }, 'CERT_HAS_EXPIRED'],
    ['with another’s certificate', { host: 'elsewhere.example', days: 1 }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ])('to a server %s', async (_, { host, days }, code) => {
    const origin = await listen(answering(makeCertificate(host, { days, by: authority })));
    const error = await new Promise((resolve, reject) => {
      request(origin, { servername: 'localhost', ca: authority.cert }, () => reject(new Error('it passed')))
        .on('error', resolve)
        .end();
    });
    expect(error).toMatchObject({ code });
    expect(outboundError(error)).toMatchObject({ reason: 'unreachable', sent: false });
    expect(received).toBe(0);
  });
});
