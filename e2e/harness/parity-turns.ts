import os from 'node:os';

/** So many at a time: a run is busy for most of its time, and its limits are seconds. */
let free = os.availableParallelism() * 3;
const waiting: (() => void)[] = [];

/** Runs something when it is its turn. */
export async function inTurn<Result>(run: () => Promise<Result>): Promise<Result> {
  if (free > 0) free -= 1;
  else {
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.push(resolve);
    await promise;
  }
  try {
    return await run();
  } finally {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  }
}
