import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Values } from '../../../runner/monitor.ts';
import { describeValue } from '../../../host/setting-text.ts';
import { ConfigError, requireConfig } from '../../../runner/settings.ts';
import { parseConfig, parseStepTimeout, type Config } from './config.ts';
import { maxNamespaceLength, makeNames } from '../names.ts';
import { accessKeyId, secretAccessKey, testValues } from '../testing/values.ts';
import { configJsonKey, variables } from './variables.ts';

const parse = (values: Values): Config => requireConfig(parseConfig(values));

/** The error that lists every problem. Fails if there is none. */
function configError(values: Values): ConfigError {
  const { config, problems, hints } = parseConfig(values);
  expect(config).toBeUndefined();
  expect(problems).not.toEqual([]);
  return new ConfigError(problems, hints);
}

const problemsOf = (overrides: Values): readonly string[] => parseConfig(testValues(overrides)).problems;

describe('parseConfig', () => {
  test('shows a short value and the length of a long one', () => {
    const problems = problemsOf({ METRIST_NAMESPACE: 'n'.repeat(200_000), METRIST_AWS_REGION: 'here' });
    expect(problems).toEqual([
      expect.stringContaining('METRIST_AWS_REGION is "here"'),
      expect.stringContaining(
        'METRIST_NAMESPACE is a text of 200000 characters (not shown: it may hold a secret): expected',
      ),
    ]);
  });

  test('reads the four variables of the specification and has defaults for the rest', () => {
    const values = testValues();
    expect(parse(values)).toEqual({
      credentials: { accessKeyId, secretAccessKey },
      region: 'us-east-1',
      namespace: 'prod',
      stepTimeoutMs: 900_000,
      requestTimeoutMs: 30_000,
      propagationTimeoutMs: 60_000,
      cleanupEnabled: true,
      maxTestEntities: 50,
      proxyEnvironment: {},
    });
  });

  test('gives an object that nobody can change', () => {
    expect(Object.isFrozen(parse(testValues()))).toBe(true);
  });

  test.for([
    ['region', 'region', 'eu-central-1', 'eu-central-1'],
    ['namespace', 'namespace', 'dev+1', 'dev+1'],
    ['policyArn', 'policyArn', 'arn:aws:iam::aws:policy/ReadOnlyAccess', 'arn:aws:iam::aws:policy/ReadOnlyAccess'],
    ['stepTimeoutSecs', 'stepTimeoutMs', '90', 90_000],
    ['requestTimeoutSecs', 'requestTimeoutMs', '2.5', 2500],
    ['propagationTimeoutSecs', 'propagationTimeoutMs', '0.5', 500],
  ] as const)('reads %s in each of its forms', ([variable, key, text, value]) => {
    const { orchestrator, name, property } = variables[variable];
    for (const form of [orchestrator, name, configJsonKey(property)]) {
      const others = testValues({ METRIST_AWS_REGION: undefined, METRIST_NAMESPACE: undefined });
      const needed = { [configJsonKey('AWSRegion')]: 'us-west-2', [configJsonKey('Namespace')]: 'other' };
      expect(parse({ ...others, ...needed, [form]: text })[key], form).toBe(value);
    }
  });

  test.for([
    ['METRIST_AWSIAM_A_W_S_', 'ACCESS_KEY_ID', 'SECRET_ACCESS_KEY', 'SESSION_TOKEN', ''],
    ['METRIST_AWS_', 'ACCESS_KEY_ID', 'SECRET_ACCESS_KEY', 'SESSION_TOKEN', ''],
    ['AWS', 'AccessKeyId', 'SecretAccessKey', 'SessionToken', ' in the Config JSON'],
  ] as const)('reads credentials in the form %s…', ([prefix, id, secret, token, suffix]) => {
    const values = {
      METRIST_AWS_REGION: 'us-east-1',
      METRIST_NAMESPACE: 'prod',
      [prefix + id + suffix]: 'the id',
      [prefix + secret + suffix]: 'the secret',
      [prefix + token + suffix]: 'the token',
    };
    expect(parse(values).credentials).toEqual({
      accessKeyId: 'the id',
      secretAccessKey: 'the secret',
      sessionToken: 'the token',
    });
  });

  test('prefers the Orchestrator’s form, then the specification’s, then the Config JSON, then the names of AWS', () => {
    const ours = ['METRIST_AWSIAM_A_W_S_REGION', 'METRIST_AWS_REGION', configJsonKey('AWSRegion')];
    const forms = [...ours, 'AWS_REGION', 'AWS_DEFAULT_REGION'];
    const regions = ['us-east-1', 'us-east-2', 'us-west-1', 'us-west-2', 'eu-west-1'];
    for (const [rank, region] of regions.entries()) {
      const given = Object.fromEntries(forms.slice(rank).map((form, index) => [form, regions[rank + index]]));
      expect(parse({ METRIST_NAMESPACE: 'prod', ...given }).region).toBe(region);
    }
  });

  test.for(['', ' ', '\t'])('treats a variable with %j as not set', (empty) => {
    expect(problemsOf({ METRIST_AWS_REGION: empty })).toEqual([
      'METRIST_AWS_REGION is not set: expected an AWS region such as us-east-1',
    ]);
    expect(parse(testValues({ METRIST_AWSIAM_NAMESPACE: empty })).namespace).toBe('prod');
  });

  test.for(Object.entries(variables))(
    'reports what the Orchestrator could not resolve for %s',
    ([, { orchestrator, name, property }]) => {
      for (const form of [orchestrator, name, configJsonKey(property)]) {
        const broken = '<<ERROR: no such secret>>';
        // The strongest name wins, so the names of a working configuration have to be removed.
        const values = { ...testValues(), [name]: undefined, [form]: broken };
        expect(parseConfig(values).problems).toEqual([
          `${form} could not be resolved by the Orchestrator, which put this in its place: ${broken}`,
        ]);
      }
    },
  );

  test('reports every problem at once', () => {
    const error = configError({
      METRIST_AWS_ACCESS_KEY_ID: accessKeyId,
      METRIST_AWS_REGION: 'Virginia',
      METRIST_POLICY_ARN: 'ReadOnlyAccess',
      METRIST_STEP_TIMEOUT_SECS: 'soon',
      METRIST_AWSIAM_REQUEST_TIMEOUT_SECS: '0',
      METRIST_PROPAGATION_TIMEOUT_SECS: '<<ERROR',
    });
    expect(error.message).toMatchInlineSnapshot(`
      "7 problems with the settings:
      - METRIST_AWS_REGION is "Virginia": expected an AWS region such as us-east-1
      - METRIST_NAMESPACE is not set: expected the first part of the test policy's name, at most 38 of the characters A-Z a-z 0-9 _ + = , . @ -
      - METRIST_POLICY_ARN is "ReadOnlyAccess": expected the ARN of a managed policy
      - METRIST_AWS_SECRET_ACCESS_KEY is not set, but METRIST_AWS_ACCESS_KEY_ID is: set both keys, or neither to use the AWS SDK's default credential chain
      - METRIST_STEP_TIMEOUT_SECS is "soon": expected a number of seconds from 0.001 to 900, such as 30 or 2.5
      - METRIST_AWSIAM_REQUEST_TIMEOUT_SECS is "0": expected a number of seconds from 0.001 to 300, such as 30 or 2.5
      - METRIST_PROPAGATION_TIMEOUT_SECS could not be resolved by the Orchestrator, which put this in its place: <<ERROR"
    `);
    expect(error.code).toBe('ConfigError');
  });

  test('refuses a reference that only the Orchestrator could have resolved', () => {
    expect(problemsOf({ METRIST_AWS_SECRET_ACCESS_KEY: '@secret@:/prod/keys#secret' })).toEqual([
      expect.stringMatching(/^METRIST_AWS_SECRET_ACCESS_KEY begins with @secret@:/),
    ]);
  });

  test('counts only problems: a hint is not in the list', () => {
    const { message } = configError({ METRIST_AWS_REGION: 'us-east-1' });
    expect(message.split('\n')).toEqual([
      '1 problem with the settings:',
      expect.stringMatching(/^- METRIST_NAMESPACE is not set/),
      expect.stringMatching(/^METRIST_AWS_ACCESS_KEY_ID and .* are not set either/),
    ]);
  });

  test.for(['AWS_USE_FIPS_ENDPOINT', 'AWS_USE_DUALSTACK_ENDPOINT', 'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS'])(
    'refuses a value of %s that the SDK would ignore without a word',
    (name) => {
      expect(problemsOf({ [name]: 'TRUE' })).toEqual([`${name} is "TRUE": expected true or false`]);
      expect(parse(testValues({ [name]: 'true' }))).toBeDefined();
      expect(parse(testValues({ [name]: '' }))).toBeDefined();
    },
  );

  test('leaves credentials to the SDK if neither key is set', () => {
    const values = testValues({ METRIST_AWS_ACCESS_KEY_ID: undefined, METRIST_AWS_SECRET_ACCESS_KEY: '' });
    expect(parse(values)).not.toHaveProperty('credentials');
  });

  test('mentions missing keys as a hint, not as a problem, if something else is wrong', () => {
    expect(parseConfig({ METRIST_NAMESPACE: 'prod' }).problems).toHaveLength(1);
    const error = configError({ METRIST_NAMESPACE: 'prod' });
    expect(error.message).toContain('are not set either');
  });

  test.for([
    [
      { METRIST_AWS_ACCESS_KEY_ID: undefined },
      'METRIST_AWS_ACCESS_KEY_ID is not set, but METRIST_AWS_SECRET_ACCESS_KEY is',
    ],
    [
      { METRIST_AWS_SECRET_ACCESS_KEY: undefined },
      'METRIST_AWS_SECRET_ACCESS_KEY is not set, but METRIST_AWS_ACCESS_KEY_ID is',
    ],
    [
      {
        METRIST_AWS_ACCESS_KEY_ID: undefined,
        METRIST_AWS_SECRET_ACCESS_KEY: undefined,
        METRIST_AWS_SESSION_TOKEN: 'tokentoken',
      },
      'METRIST_AWS_SESSION_TOKEN is set without METRIST_AWS_ACCESS_KEY_ID and METRIST_AWS_SECRET_ACCESS_KEY',
    ],
  ] as const)('requires both keys or neither: %o', ([overrides, problem]) => {
    const problems = problemsOf(overrides);
    expect(problems).toEqual([expect.stringContaining(problem)]);
    expect(problems.join()).not.toMatch(/tokentoken|AKIA|wJalr/);
  });

  test.for([
    'us-east-1',
    'ap-southeast-4',
    'us-gov-west-1',
    'cn-northwest-1',
    'us-iso-east-1',
    'us-isob-east-1',
    'eusc-de-east-1',
  ])('accepts the region %s', (region) => {
    expect(parse(testValues({ METRIST_AWS_REGION: region })).region).toBe(region);
  });

  test.for(['us-east', 'US-EAST-1', 'us_east_1', 'us-east-1a', 'global', 'aws-global', 'us-east-1.evil.example/'])(
    'refuses the region %s',
    (region) => {
      expect(problemsOf({ METRIST_AWS_REGION: region })).toHaveLength(1);
    },
  );

  test.for(['a', 'A-z_0+=,.@-', 'n'.repeat(maxNamespaceLength)])('accepts the namespace %s', (namespace) => {
    expect(parse(testValues({ METRIST_NAMESPACE: namespace })).namespace).toBe(namespace);
  });

  test.for(['n'.repeat(maxNamespaceLength + 1), 'a b', 'a/b', 'a*', 'ä', 'a:b', 'a\nb', '😀'])(
    'refuses the namespace %j',
    (namespace) => {
      expect(problemsOf({ METRIST_NAMESPACE: namespace })).toEqual([
        expect.stringContaining(
          `METRIST_NAMESPACE is ${describeValue(namespace)}: expected the first part of the test policy's name, at most 38`,
        ),
      ]);
    },
  );

  test.for([
    'arn:aws:iam::aws:policy/ReadOnlyAccess',
    'arn:aws:iam::aws:policy/job-function/ViewOnlyAccess',
    'arn:aws:iam::123456789012:policy/AwsIamMonitorTestPolicies/prod-us-east-1-awsiam-testpolicy',
    'arn:aws-cn:iam::123456789012:policy/p',
    'arn:aws-us-gov:iam::123456789012:policy/p',
  ])('accepts the policy %s', (arn) => {
    const config = parse(testValues({ METRIST_POLICY_ARN: arn, METRIST_PERMISSIONS_BOUNDARY_ARN: arn }));
    expect(config).toMatchObject({ policyArn: arn, permissionsBoundaryArn: arn });
  });

  test.for([
    'ReadOnlyAccess',
    'arn:aws:iam::123456789012:role/p',
    'arn:aws:iam::12345:policy/p',
    'arn:aws:iam::123456789012:policy/',
    'arn:gcp:iam::123456789012:policy/p',
    'arn:aws:s3:::bucket/policy/p',
  ])('refuses the policy %s', (arn) => {
    const values = { METRIST_POLICY_ARN: arn, METRIST_PERMISSIONS_BOUNDARY_ARN: arn };
    expect(problemsOf(values)).toEqual(
      Object.keys(values).map((name) => `${name} is ${describeValue(arn)}: expected the ARN of a managed policy`),
    );
  });

  test.for([
    ['METRIST_STEP_TIMEOUT_SECS', 900],
    ['METRIST_REQUEST_TIMEOUT_SECS', 300],
    ['METRIST_PROPAGATION_TIMEOUT_SECS', 600],
  ] as const)('accepts %s up to %d', ([name, most]) => {
    expect(() => parseConfig(testValues({ [name]: String(most) }))).not.toThrow();
    for (const value of [String(most + 1), '0', '0.0001', '-1', '+1', 'NaN', 'Infinity', '10s', '1,5', '1e1', '0x10']) {
      expect(problemsOf({ [name]: value })).toEqual([
        `${name} is "${value}": expected a number of seconds from 0.001 to ${most}, such as 30 or 2.5`,
      ]);
    }
  });

  test.for([
    [' 30 ', 30_000],
    ['1.005', 1005],
    ['0.001', 1],
    ['0.0015', 2],
  ] as const)('reads %j seconds as %d whole milliseconds, which timers need', ([text, stepTimeoutMs]) => {
    expect(parse(testValues({ METRIST_STEP_TIMEOUT_SECS: text }))).toMatchObject({ stepTimeoutMs });
  });

  test.for([
    ['0', false],
    ['FALSE', false],
    ['no', false],
    ['off', false],
    ['1', true],
    ['on', true],
    ['', true],
    [undefined, true],
  ] as const)('reads METRIST_CLEANUP_ENABLED=%j as %j', ([value, enabled]) => {
    expect(parse(testValues({ METRIST_CLEANUP_ENABLED: value })).cleanupEnabled).toBe(enabled);
  });

  test.for([variables.cleanupEnabled.name, variables.cleanupEnabled.orchestrator, configJsonKey('CleanupEnabled')])(
    'refuses a word for %s that means neither on nor off',
    (name) => {
      for (const value of ['disabled', 'none', '2', 'offf']) {
        expect(problemsOf({ [name]: value })).toEqual([
          `${name} is "${value}": expected 1, true, yes or on, or else 0, false, no or off`,
        ]);
      }
    },
  );

  test('accepts a whole number for METRIST_MAX_TEST_ENTITIES', () => {
    expect(parse(testValues({ METRIST_MAX_TEST_ENTITIES: ' 5000' })).maxTestEntities).toBe(5000);
  });

  test.for(['0', '000', '-1', '1.5', '5e1', '0x10', '1 000', '9'.repeat(20), 'many'])(
    'refuses %j for METRIST_MAX_TEST_ENTITIES',
    (value) => {
      expect(problemsOf({ METRIST_MAX_TEST_ENTITIES: value })).toEqual([
        `METRIST_MAX_TEST_ENTITIES is ${describeValue(value)}: expected a whole number above 0`,
      ]);
    },
  );

  test.for(['http://127.0.0.1:4566', 'https://iam.example.com/path'])('accepts the endpoint %s', (endpoint) => {
    expect(parse(testValues({ AWS_ENDPOINT_URL_IAM: endpoint })).endpoint).toBe(endpoint);
  });

  test.for(['127.0.0.1:4566', 'iam.example.com', 'ftp://iam.example.com', 'https://'])(
    'refuses the endpoint %s',
    (endpoint) => {
      expect(problemsOf({ AWS_ENDPOINT_URL_IAM: endpoint })).toEqual([expect.stringContaining('expected a URL')]);
    },
  );

  test('refuses an endpoint with user and password, and does not show them', () => {
    expect(problemsOf({ AWS_ENDPOINT_URL_IAM: 'https://user:hunter2@iam.example.com/' })).toEqual([
      expect.stringContaining('AWS_ENDPOINT_URL_IAM is a text of 37 characters (not shown'),
    ]);
  });

  test('refuses a proxy that cannot be used, and does not show its password', () => {
    expect(
      problemsOf({ HTTPS_PROXY: 'http://svc:Pa55/word@proxy:8080', http_proxy: 'http://bob:a6%6qPw@p:1' }),
    ).toEqual([
      expect.stringMatching(/^HTTPS_PROXY is not the address of a proxy (?!.*Pa55)/),
      expect.stringMatching(/^http_proxy is not the address of a proxy (?!.*6qPw)/),
    ]);
  });

  const key = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
  const readVariables = Object.values(variables).filter(({ property }) => !/Key|Token/.test(property));
  test.for([...readVariables.map(({ name }) => name), 'HTTPS_PROXY'])(
    'never shows a key that was put into %s',
    (name) => {
      for (const value of [key, `${key.slice(0, 19)}0`, `user:${key}@host`, key.slice(0, 16)]) {
        try {
          parseConfig(testValues({ [name]: value }));
        } catch (error) {
          expect((error as Error).message).not.toContain(value.slice(0, 12));
          expect((error as Error).message).not.toContain(value.slice(-12));
        }
      }
    },
  );

  const names = Object.values(variables).flatMap(({ orchestrator, name, property }) => [
    orchestrator,
    name,
    configJsonKey(property),
  ]);
  const plausible = fc.constantFrom(
    'us-east-1',
    'prod',
    'dev.eu',
    '30',
    '<<ERROR>>',
    '',
    ' ',
    'arn:aws:iam::aws:policy/P',
  );
  const anyValues = fc.dictionary(
    fc.constantFrom(...names, 'AWS_REGION', 'AWS_DEFAULT_REGION', 'PATH'),
    fc.oneof(plausible, fc.string(), fc.string({ unit: 'binary' }), fc.constant(undefined)),
  );

  test('gives names within IAM’s limits or lists problems, and never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          anyValues,
          anyValues.map((values) => testValues(values)),
        ),
        (values) => {
          const { config, problems } = parseConfig(values);
          expect(config === undefined).toBe(problems.length > 0);
          if (config === undefined) return;
          const { user, group } = makeNames(config.namespace, new Date('2060-01-01'), () => 0.999_999);
          expect(user).toMatch(/^[\w+=,.@-]{1,64}$/);
          expect(group).toMatch(/^[\w+=,.@-]{1,128}$/);
          expect(config.stepTimeoutMs).toBeGreaterThan(0);
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('shows no secret in a message, whatever else is wrong', () => {
    const secretNames = [variables.secretAccessKey, variables.sessionToken, variables.accessKeyId].flatMap(
      ({ orchestrator, name, property }) => [orchestrator, name, configJsonKey(property)],
    );
    const secrets = fc.dictionary(fc.constantFrom(...secretNames), fc.constant('hunter2-hunter2'), { minKeys: 1 });
    fc.assert(
      fc.property(secrets, fc.constantFrom('Virginia', undefined), (given, region) => {
        const error = configError({ METRIST_AWS_REGION: region, ...given });
        expect(error.message).not.toContain('hunter2');
      }),
    );
  });
});

describe('parseStepTimeout', () => {
  test('needs no other setting', () => {
    expect(parseStepTimeout({})).toEqual({ stepTimeoutMs: 900_000, problems: [] });
    expect(parseStepTimeout({ METRIST_STEP_TIMEOUT_SECS: '90' })).toEqual({ stepTimeoutMs: 90_000, problems: [] });
  });

  test.for(['soon', '901', '<<ERROR: secret x not found>>'])('says what is wrong with %j', (value) => {
    expect(parseStepTimeout({ METRIST_STEP_TIMEOUT_SECS: value }).problems).toEqual([
      expect.stringMatching(/^METRIST_STEP_TIMEOUT_SECS /),
    ]);
  });
});
