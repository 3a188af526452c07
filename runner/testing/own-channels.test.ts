import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import { listenForInterruption } from '../interruption.ts';
import { listenForProgress } from '../progress.ts';

test('a run of another thread neither interrupts the runs of a test file nor shows its progress there', async () => {
  const heard: unknown[] = [];
  const progress = listenForProgress((each) => heard.push(each));
  const interruption = listenForInterruption();
  onTestFinished(() => {
    progress[Symbol.dispose]();
    interruption[Symbol.dispose]();
  });
  const post = `
    const { BroadcastChannel } = require('node:worker_threads');
    for (const name of ['progress', 'interruption']) {
      const channel = new BroadcastChannel(name);
      channel.postMessage('SIGTERM');
      channel.close();
    }`;
  await once(new Worker(post, { eval: true }), 'exit');
  await turn();
  expect(heard).toEqual([]);
  expect(interruption.signal.aborted).toBe(false);
});
