import { type IpcNetConnectOpts, Socket, type TcpNetConnectOpts } from 'node:net';

/**
 * Makes every attempt of this thread to open a connection fail, to this machine too: an offline run that reaches for the
 * network is not offline. The error comes where the connection's own would come, so nobody can take it for silence.
 * vitest's threads talk over message ports and are not concerned.
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

/** `net` hands its normalised arguments on as one array: the options first. */
function describeTarget(args: readonly unknown[]): string {
  const [first, second] = (Array.isArray(args[0]) ? args[0] : args) as readonly unknown[];
  if (typeof first === 'number') return `${typeof second === 'string' ? second : 'localhost'}:${first}`;
  if (typeof first !== 'object' || first === null) return String(first);
  const { path, host = 'localhost', port = '?' } = first as Partial<IpcNetConnectOpts & TcpNetConnectOpts>;
  return path ?? `${host}:${port}`;
}
