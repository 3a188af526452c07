import { type IpcNetConnectOpts, Socket, type TcpNetConnectOpts } from 'node:net';

/**
 * Makes every attempt of this thread to open a connection fail, even to this machine, so that an offline run is offline. The
 * socket emits the error like a failed connection. vitest's threads use message ports, which still work.
 * @returns a function that allows connections again
 */
export function forbidNetwork(): () => void {
  const original = Object.getOwnPropertyDescriptor(Socket.prototype, 'connect');
  Socket.prototype.connect = refuse;
  return () => {
    if (original) Object.defineProperty(Socket.prototype, 'connect', original);
  };
}

function refuse(this: Socket, ...args: unknown[]): Socket {
  const message = `Offline mode opens no connection, but something tried to reach ${describeTarget(args)}`;
  process.nextTick(() => this.destroy(Object.assign(new Error(message), { code: 'ERR_OFFLINE' })));
  return this;
}

/** Node calls it with the arguments of `net.connect`, or with one array that has the options first. */
function describeTarget(args: readonly unknown[]): string {
  const [first, second] = (Array.isArray(args[0]) ? args[0] : args) as readonly unknown[];
  if (typeof first === 'number') return `${typeof second === 'string' ? second : 'localhost'}:${first}`;
  if (typeof first !== 'object' || first === null) return String(first);
  const { path, host = 'localhost', port = '?' } = first as Partial<IpcNetConnectOpts & TcpNetConnectOpts>;
  return path ?? `${host}:${port}`;
}
