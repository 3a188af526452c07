import { describe, expect, test } from 'vitest';
import { parseMetristAccess, parseMetristConfig, readInstance } from './config.ts';
import { describeValue } from '../host/setting-text.ts';

const complete = { METRIST_API_TOKEN: 'k3v0secret', METRIST_INSTANCE_ID: 'us-east-1' };

describe('parseMetristConfig', () => {
  test('gives no configuration and no problem without a token', () => {
    expect(parseMetristConfig({})).toEqual({ problems: [] });
    expect(parseMetristConfig({ METRIST_API_TOKEN: ' ', METRIST_INSTANCE_ID: 'us-east-1' })).toEqual({
      instance: 'us-east-1',
      problems: [],
    });
  });

  test('posts to app.metrist.io over https by default', () => {
    const baseUrl = 'https://app.metrist.io';
    const config = { token: 'k3v0secret', instance: 'us-east-1', baseUrl, requireDelivery: false };
    expect(parseMetristConfig({ ...complete, METRIST_API_HOST: '' })).toEqual({
      config,
      instance: 'us-east-1',
      problems: [],
    });
  });

  test.for([
    ['metrist.example', 'https://metrist.example'],
    ['localhost:4443', 'https://localhost:4443'],
    ['Metrist.Example:443', 'https://metrist.example'],
    ['[2001:db8::1]:8443', 'https://[2001:db8::1]:8443'],
    ['http://localhost:4000', 'http://localhost:4000'],
    ['http://127.0.0.1:4000', 'http://127.0.0.1:4000'],
    ['http://[::1]:4000', 'http://[::1]:4000'],
  ] as const)('reads the host %s as %s', ([host, baseUrl]) => {
    expect(parseMetristConfig({ ...complete, METRIST_API_HOST: host }).config?.baseUrl).toBe(baseUrl);
  });

  test.for([
    'https://app.metrist.io',
    'http://app.metrist.io',
    'http://localhost.evil.example',
    'http://127.0.0.1.evil.example',
    'http://127.0.0.1@evil.example',
    'app.metrist.io/api',
    'app.metrist.io?x',
    'user:password@app.metrist.io',
    'app.metrist.io:99999',
    'app.metrist.io:',
    'two words',
    'ftp://app.metrist.io',
    '-',
  ])('refuses the host %s', (host) => {
    const { config, problems } = parseMetristConfig({ ...complete, METRIST_API_HOST: host });
    expect(config).toBeUndefined();
    expect(problems).toEqual([
      expect.stringContaining(`METRIST_API_HOST is ${describeValue(host)}: expected host or host:port`),
    ]);
  });

  test('requires an instance id with a token', () => {
    const { config, problems } = parseMetristConfig({ METRIST_API_TOKEN: 'k3v0secret' });
    expect(config).toBeUndefined();
    expect(problems).toEqual([expect.stringContaining('METRIST_INSTANCE_ID is not set, but METRIST_API_TOKEN is')]);
  });

  test.for(['a b', 'a/b', 'ä', 'a?b', '..', 'aws:', 'x'.repeat(256)])('refuses the instance id %s', (instance) => {
    expect(parseMetristConfig({ ...complete, METRIST_INSTANCE_ID: instance }).problems).toEqual([
      expect.stringContaining(`METRIST_INSTANCE_ID is ${describeValue(instance)}: expected`),
    ]);
  });

  test.for([
    ['ci-us-east-1', 'ci-us-east-1'],
    ['az:westeurope', 'az:westeurope'],
    ['aws:us-east-1', 'us-east-1'],
    ['x'.repeat(255), 'x'.repeat(255)],
  ] as const)('reads the instance %s as %s, the form in which Metrist stores it', ([instance, stored]) => {
    expect(parseMetristConfig({ ...complete, METRIST_INSTANCE_ID: instance }).config?.instance).toBe(stored);
  });

  test.for(['METRIST_API_TOKEN', 'METRIST_INSTANCE_ID', 'METRIST_API_HOST', 'METRIST_REQUIRE_DELIVERY'])(
    'reports that %s was not resolved, whether or not there is a token',
    (name) => {
      const value = '<<ERROR: secret awsiam not found>>';
      const problem = `${name} could not be resolved by the Orchestrator, which put this in its place: ${value}`;
      expect(parseMetristConfig({ ...complete, [name]: value }).problems).toEqual([problem]);
      expect(parseMetristConfig({ [name]: value }).problems).toContain(problem);
    },
  );

  test.for([
    ['METRIST_API_HOST', 'app.metrist.io/api'],
    ['METRIST_INSTANCE_ID', 'a b'],
    ['METRIST_REQUIRE_DELIVERY', 'perhaps'],
  ] as const)('refuses a wrong %s even without a token', ([name, value]) => {
    expect(parseMetristConfig({ [name]: value })).toEqual({
      problems: [expect.stringContaining(`${name} is ${describeValue(value)}: expected `)],
    });
  });

  test('still gives a configuration if METRIST_REQUIRE_DELIVERY is wrong, so that Metrist learns of the problem', () => {
    const { config, problems } = parseMetristConfig({ ...complete, METRIST_REQUIRE_DELIVERY: 'always' });
    expect(problems).toEqual([
      'METRIST_REQUIRE_DELIVERY is "always": expected 1, true, yes or on, or else 0, false, no or off',
    ]);
    expect(config).toMatchObject({ instance: 'us-east-1', requireDelivery: false });
  });

  test('refuses a token that is too short to be redacted', () => {
    expect(parseMetristConfig({ ...complete, METRIST_API_TOKEN: 'T' }).problems).toEqual([
      'METRIST_API_TOKEN is a text of only 1 character: expected the token alone',
    ]);
    expect(parseMetristConfig({ ...complete, METRIST_API_TOKEN: 'eight0ch' }).problems).toEqual([]);
  });

  test('refuses a host name as the token: if token and host are swapped, messages would show the token as a wrong host', () => {
    const values = { METRIST_API_TOKEN: 'app.metrist.io', METRIST_API_HOST: 'k3v0secretk3v0secret' };
    expect(parseMetristConfig({ ...complete, ...values })).toEqual({
      instance: 'us-east-1',
      problems: ['METRIST_API_TOKEN is the name of a host (swapped with METRIST_API_HOST?): expected the token alone'],
    });
    expect(parseMetristConfig({ ...complete, METRIST_API_TOKEN: 'eyJhbGci.eyJzdWIi.c2lnbmF0' }).problems).toEqual([]);
  });

  test('lists every problem at once and never the token', () => {
    const values = { METRIST_API_TOKEN: 'two s3cret words', METRIST_INSTANCE_ID: 'a b', METRIST_API_HOST: '<<ERROR' };
    const { config, problems } = parseMetristConfig({ ...values, METRIST_REQUIRE_DELIVERY: 'x' });
    expect(config).toBeUndefined();
    expect(problems).toHaveLength(4);
    expect(problems.join('')).not.toContain('s3cret');
  });

  test.for([
    ['', false],
    [' ', false],
    ['0', false],
    ['False', false],
    ['off', false],
    ['No', false],
    ['1', true],
    ['true', true],
    ['yes', true],
    ['ON', true],
  ] as const)('reads METRIST_REQUIRE_DELIVERY="%s" as %s', ([value, requireDelivery]) => {
    const values = { ...complete, METRIST_REQUIRE_DELIVERY: value };
    expect(parseMetristConfig(values).config).toMatchObject({ requireDelivery });
  });

  test('reports required delivery without a token as a problem', () => {
    expect(parseMetristConfig({ METRIST_REQUIRE_DELIVERY: '0' }).problems).toEqual([]);
    expect(parseMetristConfig({ METRIST_REQUIRE_DELIVERY: '1' }).problems).toEqual([
      expect.stringContaining('METRIST_API_TOKEN is not set, but METRIST_REQUIRE_DELIVERY is'),
    ]);
  });
});

describe('readInstance', () => {
  test('reads the instance in the form that Metrist stores, or says what is wrong with it', () => {
    expect(readInstance({})).toEqual({ isSet: false });
    expect(readInstance({ METRIST_INSTANCE_ID: ' aws:us-east-1' })).toEqual({ isSet: true, value: 'us-east-1' });
    expect(readInstance({ METRIST_INSTANCE_ID: 'a b' })).toEqual({
      isSet: true,
      problem: expect.stringContaining('METRIST_INSTANCE_ID is "a b"') as unknown,
    });
  });
});

describe('parseMetristAccess', () => {
  test('needs only a token', () => {
    expect(parseMetristAccess({ METRIST_API_TOKEN: ' k3v0secret ', METRIST_INSTANCE_ID: 'not valid' })).toEqual({
      access: { token: 'k3v0secret', baseUrl: 'https://app.metrist.io' },
      problems: [],
    });
  });

  test.for([{}, { METRIST_API_TOKEN: ' ' }, { METRIST_INSTANCE_ID: 'us-east-1' }])(
    'reports that the token is missing in %o',
    (values) => {
      expect(parseMetristAccess(values)).toEqual({
        problems: ["METRIST_API_TOKEN is not set: expected your Metrist account's API token"],
      });
    },
  );

  test.for([
    [{ METRIST_API_TOKEN: 'two words' }, 'METRIST_API_TOKEN'],
    [{ METRIST_API_TOKEN: '<<ERROR: no such secret>>' }, 'METRIST_API_TOKEN'],
    [{ METRIST_API_TOKEN: 'k3v0secret', METRIST_API_HOST: 'http://metrist.example' }, 'METRIST_API_HOST'],
  ] as const)('refuses %o', ([values, variable]) => {
    const { access, problems } = parseMetristAccess(values);
    expect(access).toBeUndefined();
    expect(problems).toEqual([expect.stringContaining(variable)]);
  });

  test('reports a missing token together with the other problems', () => {
    expect(parseMetristAccess({ METRIST_API_HOST: 'x y' }).problems).toEqual([
      expect.stringContaining('METRIST_API_TOKEN is not set'),
      expect.stringContaining('METRIST_API_HOST is "x y"'),
    ]);
  });
});
