import net from 'node:net';

/**
 * Loaded for every test. A connection to another machine fails at once, and the SDK's default endpoint is a closed port.
 * A test that forgets to set an endpoint must fail, and must not reach AWS.
 */
const connect = Reflect.get(net.Socket.prototype, 'connect');

net.Socket.prototype.connect = function loopbackOnly(this: net.Socket, ...args: unknown[]): net.Socket {
  const [first] = (Array.isArray(args[0]) ? args[0] : args) as readonly {
    readonly host?: string;
    readonly path?: string;
  }[];
  const { host = 'localhost', path } = first ?? {};
  if (path === undefined && !/^(localhost|127\.[\d.]+|::1)$/.test(host)) {
    const refused = new Error(`a test tried to reach ${host}: tests may only reach this machine`);
    process.nextTick(() => this.destroy(refused));
    return this;
  }
  return Reflect.apply(connect, this, args) as net.Socket;
};

process.env['AWS_ENDPOINT_URL'] = nowhere();
process.env['AWS_EC2_METADATA_DISABLED'] = 'true';

/** A closed port: the discard port of this machine. */
export function nowhere(): string {
  return 'http://127.0.0.1:9';
}
