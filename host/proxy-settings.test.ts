import { describe, expect, test } from 'vitest';
import { readProxySettings } from './proxy-settings.ts';

describe('readProxySettings', () => {
  test.for([
    ['a proxy as it is', { HTTPS_PROXY: 'http://proxy:3128' }, { HTTPS_PROXY: 'http://proxy:3128' }],
    ['an address without a scheme as http', { https_proxy: 'proxy:3128' }, { https_proxy: 'http://proxy:3128' }],
    ['a proxy over TLS', { HTTPS_PROXY: 'https://proxy/' }, { HTTPS_PROXY: 'https://proxy/' }],
    ['a scheme in capitals, which Node ignores', { HTTPS_PROXY: 'HTTP://proxy' }, { HTTPS_PROXY: 'http://proxy' }],
    ['user and password', { HTTP_PROXY: 'svc:Pa55%2Fword@proxy:1' }, { HTTP_PROXY: 'http://svc:Pa55%2Fword@proxy:1' }],
    ['an empty variable as none', { HTTPS_PROXY: ' ', HTTP_PROXY: '' }, {}],
    ['NO_PROXY', { NO_PROXY: 'localhost' }, { NO_PROXY: 'localhost' }],
    ['the lower-case no_proxy first', { NO_PROXY: 'a', no_proxy: 'b' }, { NO_PROXY: 'b' }],
    ['nothing else', { HOME: '/root', METRIST_API_TOKEN: 't' }, {}],
  ] as const)('takes %s', ([, values, environment]) => {
    expect(readProxySettings(values)).toEqual({ environment, problems: [] });
  });

  test.for([
    ['a slash in the password', 'http://svc:Pa55/word@proxy:8080'],
    ['a slash after digits, which makes a valid URL', 'http://svc:55/word@proxy:8080'],
    ['a question mark in the password', 'http://svc:55?word@proxy:8080'],
    ['a slash in the password, without a scheme', 'svc:Pa55/word@proxy:8080'],
    ['a percent sign that encodes nothing', 'http://bob:a6%6qPw@proxy:8080'],
    ['a path', 'http://proxy:8080/proxy.pac'],
    ['a scheme that Node ignores', 'socks5://svc:word@proxy:1080'],
    ['no host', 'http://'],
    ['a line break', 'http://proxy\n:8080'],
    ['nonsense', 'ftp//nonsense:x'],
  ] as const)('refuses %s, names the variable and does not show its value', ([, HTTPS_PROXY]) => {
    const { environment, problems } = readProxySettings({ HTTPS_PROXY, http_proxy: HTTPS_PROXY });
    expect(environment).toEqual({});
    expect(problems).toEqual([
      expect.stringMatching(/^HTTPS_PROXY is not the address of a proxy .*: expected host:port/),
      expect.stringMatching(/^http_proxy is not the address of a proxy /),
    ]);
    expect(problems.join()).not.toMatch(/svc|Pa55|55.word|6qPw|:8080|socks5|nonsense/);
  });
});
