import { InvalidArgumentError } from 'commander';
import { expect, test } from 'vitest';
import { parseListenAddress } from './listen-address.ts';

test.for([
  ['9464', '127.0.0.1', 9464, true],
  ['127.0.0.1:9464', '127.0.0.1', 9464, true],
  ['127.8.9.10:1', '127.8.9.10', 1, true],
  ['localhost:9464', '127.0.0.1', 9464, true],
  ['LOCALHOST:65535', '127.0.0.1', 65_535, true],
  ['[::1]:9464', '::1', 9464, true],
  ['[0:0:0::1]:9464', '0:0:0::1', 9464, true],
  ['0', '127.0.0.1', 0, true],
  ['[::1]:0', '::1', 0, true],
  ['0.0.0.0:9464', '0.0.0.0', 9464, false],
  ['[::]:9464', '::', 9464, false],
  ['192.0.2.7:80', '192.0.2.7', 80, false],
  ['[2001:db8::7]:80', '2001:db8::7', 80, false],
  ['[fe80::1%eth0]:80', 'fe80::1%eth0', 80, false],
  // Only the kernel knows whether it maps this address to IPv4's loopback.
  ['[::ffff:127.0.0.1]:80', '::ffff:127.0.0.1', 80, false],
] as const)('reads %s', ([text, host, port, isLoopback]) => {
  expect(parseListenAddress(text)).toEqual({ host, port, isLoopback });
});

test.for([
  ['', 'Expected an address and a port'],
  [':9464', 'Write 127.0.0.1:9464 to serve this machine alone, or 0.0.0.0:9464 to serve every network'],
  [':', 'Write 127.0.0.1:9464 to serve this machine alone'],
  ['monitor.example:9464', 'Write an IP address in place of the host name'],
  ['*:9464', 'Write an IP address in place of the host name'],
  ['127.1:9464', 'Write an IP address in place of the host name'],
  ['0x7f.0.0.1:9464', 'Write an IP address in place of the host name'],
  ['user@127.0.0.1:9464', 'Write an IP address in place of the host name'],
  ['localhost', 'Expected an address and a port'],
  ['127.0.0.1', 'Add the port: 127.0.0.1:9464.'],
  ['::1', 'Add the port: [::1]:9464.'],
  ['[::1]', 'Add the port: [::1]:9464.'],
  ['fe80::1::2:9464', 'Write an IPv6 address in brackets'],
  ['[127.0.0.1]:9464', 'Only an IPv6 address stands in brackets'],
  ['[localhost]:9464', 'Only an IPv6 address stands in brackets'],
  ['http://127.0.0.1:9464', 'Write the address without a scheme and a path'],
  ['127.0.0.1:', 'Expected a port from 1 to 65535'],
  ['127.0.0.1:65536', 'Expected a port from 1 to 65535'],
  ['127.0.0.1:-1', 'Expected a port from 1 to 65535'],
  ['127.0.0.1:1e3', 'Expected a port from 1 to 65535'],
  ['127.0.0.1:9464/metrics', 'Expected a port from 1 to 65535'],
  ['99999', 'Expected a port from 1 to 65535'],
] as const)('refuses %j and says what to write instead', ([text, words]) => {
  const parse = () => parseListenAddress(text);
  expect(parse).toThrow(InvalidArgumentError);
  expect(parse).toThrow(words);
});
