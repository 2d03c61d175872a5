// Certificates that nobody trusts, or that have run out: X.509 (RFC 5280) written by hand, because Node makes keys but no certificates.
import { createPrivateKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';

export interface Certificate {
  cert: string;
  key: string;
}

const ECDSA_WITH_SHA256 = Buffer.from('300a06082a8648ce3d040302', 'hex');
const COMMON_NAME = Buffer.from('0603550403', 'hex');
const ALT_NAME = Buffer.from('0603551d11', 'hex');
const BASIC_CONSTRAINTS = Buffer.from('0603551d13', 'hex');

/** One DER value: tag, length, contents. */
function der(tag: number, ...parts: Buffer[]): Buffer {
  const contents = Buffer.concat(parts);
  const { length } = contents;
  const size =
    length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, Math.floor(length / 256), length % 256];
  return Buffer.concat([Buffer.from([tag, ...size]), contents]);
}

const sequence = (...parts: Buffer[]) => der(0x30, ...parts);
const nameOf = (name: string) => sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from(name)))));
const timeOf = (ms: number) => der(0x18, Buffer.from(new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '')));

/** A certificate for `host`, of an authority or signed by itself, good until `days` from now (before it, where negative). */
export function makeCertificate(
  host: string,
  { days = 1, by }: { days?: number; by?: Certificate & { name: string } } = {},
): Certificate & { name: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signer: KeyObject = by ? createPrivateKey(by.key) : privateKey;
  const untilMs = Date.now() + days * 86_400_000;
  const extensions = [
    sequence(ALT_NAME, der(0x04, sequence(der(0x82, Buffer.from(host))))),
    // Only an authority may sign others.
    ...(by ? [] : [sequence(BASIC_CONSTRAINTS, der(0x04, sequence(der(0x01, Buffer.from([0xff])))))]),
  ];
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1 + Math.floor(Math.random() * 120)])),
    ECDSA_WITH_SHA256,
    nameOf(by?.name ?? host),
    sequence(timeOf(untilMs - 10 * 86_400_000), timeOf(untilMs)),
    nameOf(host),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = der(0x03, Buffer.from([0]), sign('sha256', body, signer));
  const signed = sequence(body, ECDSA_WITH_SHA256, signature).toString('base64');
  const lines = signed.match(/.{1,64}/g)!.join('\n');
  return {
    name: host,
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}
