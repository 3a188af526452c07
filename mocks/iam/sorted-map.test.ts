import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { SortedMap } from './sorted-map.ts';

test('behaves like a Map whose keys are sorted', () => {
  const change = fc.record({
    key: fc.constantFrom('a', 'b', 'ab', 'c', 'Z', '0'),
    value: fc.nat(),
    isDelete: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(change), fc.constantFrom(undefined, 'a', 'aa', 'z', ''), (changes, after) => {
      const model = new Map<string, number>();
      const map = new SortedMap<number>();
      for (const { key, value, isDelete } of changes) {
        if (isDelete) expect(map.delete(key)).toBe(model.delete(key));
        else {
          map.set(key, value);
          model.set(key, value);
        }
      }
      const expected = [...model].toSorted(([left], [right]) => (left < right ? -1 : 1));
      expect(map.size).toBe(model.size);
      expect(map.values()).toEqual(expected.map(([, value]) => value));
      expect([...map.entriesAfter(after)]).toEqual(expected.filter(([key]) => after === undefined || key > after));
      for (const key of ['a', 'b', 'zz']) {
        expect(map.get(key)).toBe(model.get(key));
        expect(map.has(key)).toBe(model.has(key));
      }
    }),
  );
});
