import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  assertOwn,
  groupPath,
  maxNamespaceLength,
  makeNames,
  nameCharacters,
  ownNamePattern,
  testPolicyArn,
  userPath,
} from './names.ts';
import { namespaces } from './testing/arbitraries.ts';

const now = new Date('2026-11-22T12:00:00Z');

/** Everything that a Date can hold, with the times of a board whose clock has no battery. */
const clocks = fc.oneof(
  fc.date({ noInvalidDate: false }),
  fc.date({ min: new Date(0), max: new Date('1973-01-01') }),
  fc.constantFrom(...[0, 1, -1, 36 ** 7 - 1, 36 ** 8, 36 ** 9 - 1, 36 ** 9, 2 ** 31 * 1000].map((ms) => new Date(ms))),
);

describe('makeNames', () => {
  test('gives the user and the group of a run the same ending', () => {
    expect(makeNames('prod', now, () => 0.5)).toEqual({
      user: 'testuser-prod-miacq000-i00000'.replace('miacq000', now.getTime().toString(36)),
      group: 'testgroup-prod-miacq000-i00000'.replace('miacq000', now.getTime().toString(36)),
    });
  });

  test("stays within IAM's limits and matches its own pattern, for every namespace and every clock", () => {
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(namespaces, clocks, random, (namespace, time, chance) => {
        const { user, group } = makeNames(namespace, time, () => chance);
        expect(user).toMatch(ownNamePattern('testuser', namespace));
        expect(group).toMatch(ownNamePattern('testgroup', namespace));
        expect(user.length).toBeLessThanOrEqual(64);
        expect(group.length).toBeLessThanOrEqual(128);
        expect(user).toMatch(nameCharacters);
        expect(group).toMatch(nameCharacters);
      }),
    );
  });

  test.for([
    ['1970-01-01T00:00:00.000Z', '00000000'],
    ['1970-01-01T00:01:00.000Z', '00001aao'],
    ['1972-06-01T00:00:00.000Z', '0z0adc00'],
    ['1901-12-13T20:45:52.000Z', '00000000'],
    ['+275760-09-13T00:00:00.000Z', 'zzzzzzzzz'],
    ['not a date', '00000000'],
  ] as const)('with a clock at %s writes the time as %s', ([clock, time]) => {
    expect(makeNames('prod', new Date(clock), () => 0).user).toBe(`testuser-prod-${time}-000000`);
  });

  test('differs for runs of the same millisecond', () => {
    const users = Array.from({ length: 1000 }, () => makeNames('prod', now, Math.random).user);
    expect(new Set(users).size).toBeGreaterThan(995);
  });

  test('pads the random part and never overflows it', () => {
    expect(makeNames('prod', now, () => 0).user).toMatch(/-000000$/);
    expect(makeNames('prod', now, () => 1 - Number.EPSILON).user).toMatch(/-zzzzzz$/);
  });

  test('leaves room for a namespace of 38 characters', () => {
    expect(maxNamespaceLength).toBe(38);
    expect(makeNames('n'.repeat(38), new Date('2060-01-01'), () => 0).user).toHaveLength(64);
  });
});

describe('testPolicyArn', () => {
  test.for([
    ['aws', 'us-east-1'],
    ['aws-cn', 'cn-north-1'],
    ['aws-us-gov', 'us-gov-west-1'],
  ] as const)('has the partition %s and the account of the user', ([partition, region]) => {
    expect(testPolicyArn(`arn:${partition}:iam::123456789012:user/AwsIamMonitorTestUsers/u`, 'prod', region)).toBe(
      `arn:${partition}:iam::123456789012:policy/AwsIamMonitorTestPolicies/prod-${region}-awsiam-testpolicy`,
    );
  });

  test('accepts the ARN of a group as well', () => {
    expect(testPolicyArn('arn:aws:iam::210987654321:group/AwsIamMonitorTestGroups/g', 'dev', 'eu-west-1')).toBe(
      'arn:aws:iam::210987654321:policy/AwsIamMonitorTestPolicies/dev-eu-west-1-awsiam-testpolicy',
    );
  });
});

const times = fc.date({ min: new Date('2020-01-01'), max: new Date('2100-01-01'), noInvalidDate: true });
const chances = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

/** The original monitor's name for a user. It has no random part. */
const originalUser = (namespace: string, time: Date): string => `testuser-${namespace}-${time.getTime().toString(36)}`;

describe('ownNamePattern', () => {
  test.for([
    ['testuser-dev-mf3k2x1c-9a8b7c', true],
    ['testuser-dev-mf3k2x1c', true],
    ['testuser-dev-10mf3k2x1', true],
    ['testuser-dev-eu-mf3k2x1c-9a8b7c', false],
    ['testuser-dev-eu-mf3k2x1c', false],
    ['testuser-dev1-mf3k2x1c-9a8b7c', false],
    ['testuser-de-mf3k2x1c-9a8b7c', false],
    ['Testuser-dev-mf3k2x1c', false],
    ['testuser-dev-MF3K2X1C', false],
    ['testuser-dev-mf3k2x1c-9a8b7c-old', false],
    ['testuser-dev-mf3k2x1c-9a8b7', false],
    ['my-testuser-dev-mf3k2x1c', false],
    ['testuser-dev-mf3k2x1c\n', false],
    ['testuser-dev-', false],
    ['testuser-dev', false],
    ['testgroup-dev-mf3k2x1c', false],
    ['', false],
  ] as const)('as the pattern for users of dev, matches %j: %j', ([name, own]) => {
    expect(ownNamePattern('testuser', 'dev').test(name)).toBe(own);
  });

  test('matches the names of its own namespace, new and original', () => {
    fc.assert(
      fc.property(namespaces, times, chances, (namespace, time, chance) => {
        const { user, group } = makeNames(namespace, time, () => chance);
        expect(user).toMatch(ownNamePattern('testuser', namespace));
        expect(group).toMatch(ownNamePattern('testgroup', namespace));
        expect(originalUser(namespace, time)).toMatch(ownNamePattern('testuser', namespace));
      }),
    );
  });

  test('matches no name of another namespace, not even if one name begins with the other', () => {
    const pair = fc.oneof(
      fc.tuple(namespaces, namespaces),
      fc
        .tuple(
          namespaces,
          fc.string({ unit: fc.constantFrom(...Array.from('abz019-_.+')), minLength: 1, maxLength: 12 }),
        )
        .map(([namespace, tail]) => [namespace, namespace + tail] as const),
    );
    fc.assert(
      fc.property(pair, times, chances, ([one, other], time, chance) => {
        fc.pre(one !== other);
        for (const [mine, theirs] of [
          [one, other],
          [other, one],
        ] as const) {
          const pattern = ownNamePattern('testuser', mine);
          expect(makeNames(theirs, time, () => chance).user).not.toMatch(pattern);
          expect(originalUser(theirs, time)).not.toMatch(pattern);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('assertOwn', () => {
  const pattern = ownNamePattern('testuser', 'dev');
  const name = 'testuser-dev-mf3k2x1c-9a8b7c';

  test('accepts an entity of this namespace with the right path', () => {
    expect(() => assertOwn({ path: userPath, name }, userPath, pattern)).not.toThrow();
  });

  test.for([
    [{ path: '/', name }],
    [{ path: groupPath, name }],
    [{ path: `${userPath}deeper/`, name }],
    [{ path: userPath.toLowerCase(), name }],
    [{ path: '', name }],
    [{ path: userPath, name: 'alice' }],
    [{ path: userPath, name: 'testuser-dev-eu-mf3k2x1c-9a8b7c' }],
    [{ path: userPath, name: '' }],
  ] as const)('refuses %o', ([entity]) => {
    expect(() => assertOwn(entity, userPath, pattern)).toThrow(
      `refused to touch ${entity.path}${entity.name}: it is not a test entity of this namespace`,
    );
  });
});
