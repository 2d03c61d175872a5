// Preloaded into every client: a connection to anything but this computer fails at once and is named, so that no test needs the network.
import { Socket } from 'node:net';

const plainConnect = Socket.prototype.connect;
Socket.prototype.connect = function (...given) {
  const [options] = Array.isArray(given[0]) ? given[0] : given;
  const host = typeof options === 'object' ? (options.host ?? 'localhost') : 'localhost';
  if (options?.path || /^(?:localhost|127\.\d+\.\d+\.\d+|::1|\[::1\])$/.test(host))
    return plainConnect.apply(this, given);
  console.error(`LEFT LOOPBACK: ${host}`);
  process.nextTick(() => this.destroy(new Error(`${host} is not on this computer`)));
  return this;
};
