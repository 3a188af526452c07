import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { groupPath, makeNames, userPath, assertOwn, ownNamePattern } from '../names.ts';
import { namespaces } from '../testing/arbitraries.ts';

const times = fc.date({ min: new Date('2020-01-01'), max: new Date('2100-01-01'), noInvalidDate: true });
const chances = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

/** What the original monitor called its users: no random part. */
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
  ] as const)('of the users in dev takes %j: %j', ([name, own]) => {
    expect(ownNamePattern('testuser', 'dev').test(name)).toBe(own);
  });

  test('takes the names of its own namespace, new and original', () => {
    fc.assert(
      fc.property(namespaces, times, chances, (namespace, time, chance) => {
        const { user, group } = makeNames(namespace, time, () => chance);
        expect(user).toMatch(ownNamePattern('testuser', namespace));
        expect(group).toMatch(ownNamePattern('testgroup', namespace));
        expect(originalUser(namespace, time)).toMatch(ownNamePattern('testuser', namespace));
      }),
    );
  });

  test('takes no name of another namespace, not even of one that it begins with', () => {
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

  test('lets an entity of this namespace under the path pass', () => {
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
