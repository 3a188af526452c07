import { mkdir, mkdtemp, rm, utimes } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { withLock } from './lock.ts';

let lock: string;

beforeEach(async () => {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-lock-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  lock = path.join(dir, 'lock');
});

it('lets one after the other do its work', async () => {
  const events: string[] = [];
  const work = (name: string) => async (): Promise<void> => {
    events.push(`${name} begins`);
    await delay(20);
    events.push(`${name} ends`);
  };
  await Promise.all([withLock(lock, work('one')), withLock(lock, work('other'))]);
  expect(events.map((event) => event.split(' ')[1])).toEqual(['begins', 'ends', 'begins', 'ends']);
});

it('gives the lock back when the work fails', async () => {
  await expect(withLock(lock, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  expect(await withLock(lock, () => Promise.resolve('done'))).toBe('done');
});

it('breaks the lock of a process that was killed', async () => {
  await mkdir(lock);
  const longAgo = new Date(Date.now() - 60_000);
  await utimes(lock, longAgo, longAgo);
  expect(await withLock(lock, () => Promise.resolve('done'))).toBe('done');
});
