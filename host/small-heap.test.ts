import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { SmallHeap } from './small-heap.ts';

const mib = 1024 * 1024;

/** Makes garbage, trims the heap, and returns whether the garbage is gone. */
async function isCollected(heap: SmallHeap): Promise<boolean> {
  const garbage = new WeakRef({ of: 'this test' });
  // A WeakRef keeps its target until the end of the current job.
  await setImmediate();
  heap.trim();
  return garbage.deref() === undefined;
}

test('collects the heap when it is larger than the limit', async () => {
  expect(await isCollected(new SmallHeap(mib))).toBe(true);
});

test('leaves a smaller heap alone', async () => {
  expect(await isCollected(new SmallHeap(1_000_000 * mib))).toBe(false);
});
