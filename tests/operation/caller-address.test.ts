// Behind a proxy the caller's own address counts; and nobody can say another one than his, by whatever header.
import { describe, expect, test } from 'vitest';
import { addressBehind, callerAddress, trustedBy } from '@/lib/caller-address';
import { readEnv, setEnv } from '@/lib/env';

const trusted = trustedBy('10.0.0.1, 10.1.0.0/16, fd00::/8');
const nobody = trustedBy('');

describe('the caller’s address', () => {
  test.each([
    ['of a direct caller is his connection’s', '203.0.113.9', undefined, '203.0.113.9'],
    ['of a direct caller is no other one that he claims', '203.0.113.9', '198.51.100.1', '203.0.113.9'],
    ['behind a proxy is what the proxy saw', '10.0.0.1', '203.0.113.9', '203.0.113.9'],
    [
      'behind a proxy is not what the caller wrote to the left of it',
      '10.0.0.1',
      '1.1.1.1, 203.0.113.9',
      '203.0.113.9',
    ],
    [
      'is not a trusted proxy’s that the caller wrote himself',
      '10.0.0.1',
      '1.1.1.1, 10.0.0.1, 203.0.113.9',
      '203.0.113.9',
    ],
    [
      'behind two proxies is what the first of them saw',
      '10.0.0.1',
      '1.1.1.1, 203.0.113.9, 10.1.2.3',
      '203.0.113.9',
    ],
    ['of a proxy that tells none is the proxy’s', '10.0.0.1', undefined, '10.0.0.1'],
    ['of nonsense is the proxy’s that passed it on', '10.0.0.1', '203.0.113.9, unknown', '10.0.0.1'],
    ['behind nothing but proxies is the outermost one’s', '10.0.0.1', '10.1.0.5, 10.1.0.6', '10.1.0.5'],
    ['is read with a port', '10.0.0.1', '203.0.113.9:4711', '203.0.113.9'],
    ['is read in brackets', '10.0.0.1', '[2001:db8::7]:4711', '2001:db8::7'],
    ['is the same in IPv6’s spelling of IPv4', '::ffff:10.0.0.1', '::ffff:203.0.113.9', '203.0.113.9'],
    ['behind a proxy with an IPv6 address is what it saw', 'fd00::1', '2001:db8::7', '2001:db8::7'],
  ])('%s', (_, remote, forwarded, expected) => {
    expect(addressBehind(remote, forwarded, trusted)).toBe(expected);
  });

  test('is the connection’s where no proxy is trusted, which is the default', () => {
    expect(addressBehind('127.0.0.1', '203.0.113.9', nobody)).toBe('127.0.0.1');
    expect(addressBehind(undefined, '203.0.113.9', nobody)).toBe('unknown');
  });

  test('of several X-Forwarded-For headers is read from the last', () => {
    expect(addressBehind('10.0.0.1', ['1.1.1.1', '203.0.113.9'], trusted)).toBe('203.0.113.9');
  });

  test('costs no more for a header of thousands of proxies, and is then some proxy’s', () => {
    const hops = Array.from({ length: 5_000 }, () => '10.1.0.1').join(', ');
    expect(addressBehind('10.0.0.1', `203.0.113.9, ${hops}`, trusted)).toBe('10.1.0.1');
  });

  test('follows GATEHOUSE_TRUSTED_PROXIES', () => {
    const request = { socket: { remoteAddress: '10.0.0.1' }, headers: { 'x-forwarded-for': '203.0.113.9' } };
    setEnv({ GATEHOUSE_TRUSTED_PROXIES: '' });
    expect(callerAddress(request)).toBe('10.0.0.1');
    setEnv({ GATEHOUSE_TRUSTED_PROXIES: '10.0.0.0/8' });
    expect(callerAddress(request)).toBe('203.0.113.9');
  });
});

test('GATEHOUSE_TRUSTED_PROXIES that is no list of addresses and networks stops the start', () => {
  for (const bad of [
    'nginx',
    '10.0.0.0/33',
    '0.0.0.0/0',
    '::/0',
    '10.0.0.1,',
    '10.0.0.1/',
    '*',
    'fd00::/129',
    '10.0.0.1 10.0.0.2',
  ])
    expect(() => readEnv({ GATEHOUSE_TRUSTED_PROXIES: bad }), bad).toThrow(
      'GATEHOUSE_TRUSTED_PROXIES must be addresses or networks',
    );
  for (const good of ['10.0.0.1', '10.0.0.0/8, fd00::/8', '::1'])
    expect(readEnv({ GATEHOUSE_TRUSTED_PROXIES: good }).GATEHOUSE_TRUSTED_PROXIES).toBe(good);
});
