// Whose network address a request came from, where proxies stand in front. Nobody can say another address than his own.
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { env } from './env';

/** Longer chains of proxies than this are somebody's game. */
const MAX_HOPS = 20;

let known: { text: string; trusted: BlockList } | undefined;

/**
 * The address of the caller: that of the connection, or, where the connection comes from a trusted proxy (GATEHOUSE_TRUSTED_PROXIES), the
 * right-most address of X-Forwarded-For that is no trusted proxy. What stands left of it the caller may have written himself (PB-19).
 */
export function callerAddress({
  socket,
  headers,
}: Pick<IncomingMessage, 'headers'> & { socket: { remoteAddress?: string } }): string {
  const text = env().GATEHOUSE_TRUSTED_PROXIES ?? '';
  if (known?.text !== text) known = { text, trusted: trustedBy(text) };
  return addressBehind(socket.remoteAddress, headers['x-forwarded-for'], known.trusted);
}

/** The rule of `callerAddress`, without a request. `forwarded`: the header's value, several of them joined in their order. */
export function addressBehind(
  remote: string | undefined,
  forwarded: string | string[] | undefined,
  trusted: BlockList,
): string {
  let address = plain(remote ?? '') ?? 'unknown';
  const hops = (Array.isArray(forwarded) ? forwarded.join(',') : (forwarded ?? ''))
    .split(',')
    .slice(-MAX_HOPS);
  while (isTrusted(address, trusted)) {
    const hop = plain(hops.pop() ?? '');
    // A proxy that tells no address is as far as anybody can see.
    if (hop === null) return address;
    address = hop;
  }
  return address;
}

/** Addresses and networks (CIDR), separated by commas. They were checked by lib/env. */
export function trustedBy(text: string): BlockList {
  const list = new BlockList();
  for (const entry of text.split(',').map((part) => part.trim())) {
    const [address = '', bits] = entry.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (isIP(address) === 0) continue;
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

function isTrusted(address: string, trusted: BlockList): boolean {
  const version = isIP(address);
  return version !== 0 && trusted.check(address, version === 6 ? 'ipv6' : 'ipv4');
}

/** An address without brackets, port or the prefix of an IPv4 address in IPv6; null where it is none. */
function plain(text: string): string | null {
  const [, bracketed, bare] = /^(?:\[([^\]]+)\](?::\d{1,5})?|(.*))$/.exec(text.trim()) ?? [];
  const address = bracketed ?? bare ?? '';
  const withoutPort = /^[\d.]+:\d{1,5}$/.test(address) ? address.slice(0, address.indexOf(':')) : address;
  const unmapped = withoutPort.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
  return isIP(unmapped) === 0 ? null : unmapped;
}
