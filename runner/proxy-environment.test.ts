import { expect, test } from 'vitest';
import { proxyEnvironment } from './proxy-environment.ts';

test.for([
  ['a proxy as it is', { HTTPS_PROXY: 'http://proxy:3128' }, { HTTPS_PROXY: 'http://proxy:3128' }],
  ['the form without a scheme as http', { https_proxy: 'proxy:3128' }, { https_proxy: 'http://proxy:3128' }],
  ['an empty variable as none', { HTTPS_PROXY: ' ', HTTP_PROXY: '' }, {}],
  ['what is to be reached directly', { NO_PROXY: 'localhost' }, { NO_PROXY: 'localhost' }],
  ['the lower-case form of it first', { NO_PROXY: 'a', no_proxy: 'b' }, { NO_PROXY: 'b' }],
  ['nothing else', { HOME: '/root', METRIST_API_TOKEN: 't' }, {}],
] as const)('takes %s', ([, values, expected]) => {
  expect(proxyEnvironment(values)).toEqual(expected);
});
