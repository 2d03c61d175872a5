// A sealed secret opens with its key, in its place, unchanged; in no other way. Each refusal has a twin that opens.
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { open, parseKeyRing, seal, SealError, type KeyRing } from '@/lib/vault/seal';

const ORGANIZATION = '0b8a7f0e-5a0c-4c2e-9f43-0d8f4d3f1a01';
const OTHER_ORGANIZATION = '0b8a7f0e-5a0c-4c2e-9f43-0d8f4d3f1a02';
const ROW = '7c9e6679-7425-40de-944b-e07fc1f90ae7';
const PLACE = `${ORGANIZATION}:connections:access_token:${ROW}`;
const SECRET = '2/1200000000000101/1234567812345678:0123456789abcdef0123456789abcdef';

const key = (id: string) => `${id}:${randomBytes(32).toString('base64')}`;
const ring = parseKeyRing(key('k1'));
const sealed = seal(ring, PLACE, SECRET, randomBytes(12));

/** The typed reason of the refusal; `opened` when there was none. */
function reasonOf(keys: KeyRing, place: string, text: string): string {
  try {
    open(keys, place, text);
    return 'opened';
  } catch (error) {
    if (error instanceof SealError) return error.reason;
    throw error;
  }
}

describe('a sealed secret', () => {
  test('opens to exactly what was sealed, any bytes included', () => {
    expect(open(ring, PLACE, sealed).toString()).toBe(SECRET);
    const bytes = Buffer.from([0, 255, 0, 128, 10]);
    expect(open(ring, PLACE, seal(ring, PLACE, bytes, randomBytes(12)))).toEqual(bytes);
    expect(open(ring, PLACE, seal(ring, PLACE, '', randomBytes(12)))).toHaveLength(0);
  });

  test('shows nothing of the secret, and names the key it needs', () => {
    expect(sealed).toMatch(/^v1\.k1\.[A-Za-z0-9_-]+$/);
    expect(Buffer.from(sealed.split('.')[2]!, 'base64url').includes(SECRET.slice(0, 8))).toBe(false);
  });

  test('never looks the same twice with fresh nonces, and a nonce of another length is refused', () => {
    const many = Array.from({ length: 200 }, () => seal(ring, PLACE, SECRET, randomBytes(12)));
    expect(new Set(many).size).toBe(200);
    expect(() => seal(ring, PLACE, SECRET, randomBytes(11))).toThrow('12 bytes');
    expect(() => seal(ring, PLACE, SECRET, randomBytes(16))).toThrow('12 bytes');
  });
});

describe('TV-03, TV-04: a sealed secret copied elsewhere does not open', () => {
  test.each([
    ['another organization', `${OTHER_ORGANIZATION}:connections:access_token:${ROW}`],
    ['another table', `${ORGANIZATION}:revocations:access_token:${ROW}`],
    ['another column', `${ORGANIZATION}:connections:refresh_token:${ROW}`],
    ['another row', `${ORGANIZATION}:connections:access_token:7c9e6679-7425-40de-944b-e07fc1f90ae8`],
    ['a longer place', `${PLACE}0`],
    ['a shorter place', PLACE.slice(0, -1)],
    ['no place', ''],
  ])('%s', (_, place) => {
    expect(reasonOf(ring, place, sealed)).toBe('refused');
    expect(reasonOf(ring, place, seal(ring, place, SECRET, randomBytes(12)))).toBe('opened');
  });

  test('a key id and a place that join to the same text are told apart', () => {
    const bytes = randomBytes(32);
    const short: KeyRing = [{ id: 'a', bytes }];
    const long: KeyRing = [{ id: 'a1', bytes }];
    const text = seal(short, '1:x', SECRET, randomBytes(12));
    expect(reasonOf(long, 'x', text.replace('v1.a.', 'v1.a1.'))).toBe('refused');
    expect(reasonOf(short, '1:x', text)).toBe('opened');
  });
});

describe('TV-06: a damaged sealed secret gives a typed error, never a crash and never a wrong secret', () => {
  const body = Buffer.from(sealed.split('.')[2]!, 'base64url');
  const withBody = (bytes: Buffer) => `v1.k1.${bytes.toString('base64url')}`;

  test('every bit of every byte flipped: nonce, ciphertext and tag', () => {
    for (let at = 0; at < body.length; at += 1)
      for (let bit = 0; bit < 8; bit += 1) {
        const flipped = Buffer.from(body);
        flipped[at]! ^= 1 << bit;
        expect(reasonOf(ring, PLACE, withBody(flipped)), `byte ${at}, bit ${bit}`).toBe('refused');
      }
    expect(reasonOf(ring, PLACE, withBody(body))).toBe('opened');
  });

  test('cut to every shorter length, and lengthened', () => {
    for (let length = 0; length < body.length; length += 1)
      expect(['malformed', 'refused'], `${length} bytes`).toContain(
        reasonOf(ring, PLACE, withBody(body.subarray(0, length))),
      );
    for (let length = 0; length < sealed.length; length += 1)
      expect(reasonOf(ring, PLACE, sealed.slice(0, length)), `${length} characters`).not.toBe('opened');
    expect(reasonOf(ring, PLACE, withBody(Buffer.concat([body, Buffer.from([0])])))).toBe('refused');
  });

  test.each([
    ['empty', ''],
    ['the plain secret', SECRET],
    ['an unknown version', sealed.replace('v1.', 'v2.')],
    ['no version', sealed.slice(3)],
    ['a fourth part', `${sealed}.x`],
    ['a space behind', `${sealed} `],
    ['padding behind', `${sealed}=`],
    ['a line break', `${sealed}\n`],
    ['the other base64 alphabet', withBody(body).replace(/[A-Za-z0-9_-]$/, '+')],
  ])('%s', (_, text) => {
    expect(reasonOf(ring, PLACE, text)).toBe('malformed');
  });

  test('the unused bits of the last character count: one secret has one spelling', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const plain = Array.from({ length: 3 }, (_, n) => seal(ring, PLACE, 'x'.repeat(n + 1), randomBytes(12)));
    for (const text of plain) {
      const last = alphabet.indexOf(text.at(-1)!);
      const spelling = text.slice(0, -1) + alphabet[last ^ 1]!;
      expect(reasonOf(ring, PLACE, text)).toBe('opened');
      expect(reasonOf(ring, PLACE, spelling)).not.toBe('opened');
    }
  });
});

describe('the key ring', () => {
  test('an older key still opens what it sealed, and new secrets take the first key', () => {
    const [old, current] = [key('old'), key('new')];
    const before = seal(parseKeyRing(old), PLACE, SECRET, randomBytes(12));
    const both = parseKeyRing(`${current},${old}`);
    expect(open(both, PLACE, before).toString()).toBe(SECRET);
    expect(seal(both, PLACE, SECRET, randomBytes(12))).toMatch(/^v1\.new\./);
  });

  test('a key that is gone is named, so that it can be put back', () => {
    const other = parseKeyRing(key('other'));
    expect(() => open(other, PLACE, sealed)).toThrow('"k1"');
    expect(reasonOf(other, PLACE, sealed)).toBe('unknown_key');
  });

  test('another key below the same id opens nothing', () => {
    expect(reasonOf(parseKeyRing(key('k1')), PLACE, sealed)).toBe('refused');
  });

  test.each([
    ['nothing', ''],
    ['no id', randomBytes(32).toString('base64')],
    ['a short key', `k1:${randomBytes(16).toString('base64')}`],
    ['a long key', `k1:${randomBytes(33).toString('base64')}`],
    ['not base64', `k1:${'!'.repeat(43)}=`],
    ['an id with a dot, which would split a sealed text', `k.1:${randomBytes(32).toString('base64')}`],
    ['an empty part', `${key('k1')},`],
  ])('refuses %s', (_, text) => {
    expect(() => parseKeyRing(text)).toThrow('GATEHOUSE_KEYS must be');
  });

  test.each([
    ['all zero', Buffer.alloc(32)],
    ['one byte repeated', Buffer.alloc(32, 0x41)],
    ['a few bytes repeated', Buffer.alloc(32, 'secret!')],
  ])('TV-09: refuses a key that is %s', (_, bytes) => {
    expect(() => parseKeyRing(`k1:${bytes.toString('base64')}`)).toThrow('not random');
  });

  test('refuses a key id given twice, and takes two ids', () => {
    expect(() => parseKeyRing(`${key('k1')},${key('k1')}`)).toThrow('twice');
    expect(parseKeyRing(`${key('k1')}, ${key('k2')}`).map(({ id }) => id)).toEqual(['k1', 'k2']);
  });
});
