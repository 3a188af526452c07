import net from 'node:net';

/**
 * For every test: a connection to anywhere but this machine fails at once, and the SDK's endpoint is a port where nobody
 * listens until the test names its own. A test in which an endpoint was forgotten must fail and not try to reach AWS.
 */
const connect = Reflect.get(net.Socket.prototype, 'connect');

net.Socket.prototype.connect = function loopbackOnly(this: net.Socket, ...args: unknown[]): net.Socket {
  const [first] = (Array.isArray(args[0]) ? args[0] : args) as readonly {
    readonly host?: string;
    readonly path?: string;
  }[];
  const { host = 'localhost', path } = first ?? {};
  if (path === undefined && !/^(localhost|127\.[\d.]+|::1)$/.test(host)) {
    const refused = new Error(`a test tried to reach ${host}: tests may reach this machine alone`);
    process.nextTick(() => this.destroy(refused));
    return this;
  }
  return Reflect.apply(connect, this, args) as net.Socket;
};

process.env['AWS_ENDPOINT_URL'] = nowhere();
process.env['AWS_EC2_METADATA_DISABLED'] = 'true';

/** Loopback, and the discard port: refused on every machine that tests run on. */
export function nowhere(): string {
  return 'http://127.0.0.1:9';
}
