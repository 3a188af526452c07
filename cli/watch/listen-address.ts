import net from 'node:net';
import { InvalidArgumentError } from 'commander';
import { isLoopback } from '../../host/proxy-settings.ts';

/** Where a watch listens. */
export interface ListenAddress {
  /** An IP address, without brackets. */
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Whether only this machine can reach it. */
  readonly isLoopback: boolean;
}

const defaultHost = '127.0.0.1';

/**
 * Parses `--listen`: `127.0.0.1:9464`, `[::1]:9464`, `localhost:9464`, or a port alone, which means loopback. To listen
 * beyond loopback, an address has to say so plainly: `0.0.0.0:9464`, `[::]:9464`, or an IP address of this host.
 *
 * @throws {InvalidArgumentError} that says what to write instead
 */
export function parseListenAddress(text: string): ListenAddress {
  if (/^\d+$/.test(text)) return addressOf(defaultHost, text);
  if (text.includes('://')) refuse('Write the address without a scheme and a path, such as 127.0.0.1:9464.');
  const alone = text.replace(/^\[(.*)\]$/, '$1');
  if (net.isIP(alone) !== 0) refuse(`Add the port: ${net.isIPv6(alone) ? `[${alone}]` : alone}:9464.`);
  const [, bracketed, plain = '', port] = /^(?:\[(.*)\]|(.*?)):([^:]*)$/.exec(text) ?? [];
  if (port === undefined) refuse('Expected an address and a port, such as 127.0.0.1:9464.');
  if (bracketed !== undefined) {
    if (!net.isIPv6(bracketed)) refuse('Only an IPv6 address stands in brackets, such as [::1]:9464.');
    return addressOf(bracketed, port);
  }
  if (plain === '') {
    refuse('Write 127.0.0.1:9464 to serve this machine alone, or 0.0.0.0:9464 to serve every network that it is in.');
  }
  if (plain.includes(':')) refuse('Write an IPv6 address in brackets, such as [::1]:9464.');
  if (plain.toLowerCase() === 'localhost') return addressOf(defaultHost, port);
  if (!net.isIPv4(plain)) {
    refuse(
      'Write an IP address in place of the host name: 127.0.0.1:9464, an address of this host, or 0.0.0.0:9464 for every network that it is in.',
    );
  }
  return addressOf(plain, port);
}

function addressOf(host: string, portText: string): ListenAddress {
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : Number.NaN;
  if (!(port <= 65_535)) refuse('Expected a port from 1 to 65535, such as 127.0.0.1:9464, or 0 for any free port.');
  // A URL has one form for each address: `[0:0::1]` becomes `[::1]`.
  const { hostname } = new URL(`http://${hostInUrl(host)}`);
  return { host, port, isLoopback: isLoopback(hostname) };
}

/** `[::1]` for `::1`. A URL has no zone, such as that of `fe80::1%eth0`. */
export function hostInUrl(host: string): string {
  return net.isIPv6(host) ? `[${host.replace(/%.*$/, '')}]` : host;
}

function refuse(what: string): never {
  throw new InvalidArgumentError(what);
}
