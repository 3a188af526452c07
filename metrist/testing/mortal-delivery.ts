import { channel } from 'node:diagnostics_channel';
import fs from 'node:fs';
import fsPromises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import type { MetristResult } from '../delivery/results.ts';

/**
 * A process that delivers once and kills itself with SIGKILL at the given point: before or after one of its operations on
 * the disk, in the middle of writing a file, or at an event of one of its requests. It names each point on stdout, one a
 * line, so that what came before its death is known, and ends with `done` when there was no such point.
 */
export interface MortalDelivery {
  readonly dir: string;
  readonly baseUrl: string;
  readonly token: string;
  readonly nowMs: number;
  readonly results: readonly MetristResult[];
  /** From 1. */
  readonly dieAt: number;
}

const { dir, baseUrl, token, nowMs, results, dieAt } = JSON.parse(process.argv[2] ?? '') as MortalDelivery;

let points = 0;
function point(name: string): void {
  fs.writeSync(1, `${name}\n`);
  if (++points === dieAt) process.kill(process.pid, 'SIGKILL');
}

const operations = ['mkdir', 'readdir', 'readFile', 'rename', 'rm', 'rmdir', 'writeFile'] as const;
const disk = fsPromises as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
for (const name of operations) {
  const original = disk[name];
  if (original === undefined) throw new Error(`there is no fs.promises.${name}`);
  disk[name] = async (...args) => {
    const label = `${name} ${args.filter((arg) => typeof arg === 'string' && arg.startsWith(dir)).join(' to ')}`;
    point(`before ${label}`);
    if (name === 'writeFile') {
      const [file = '', content = ''] = args.map(String);
      fs.writeFileSync(file, content.slice(0, content.length / 2));
      point(`in the middle of ${label}`);
    }
    const result = await original(...args);
    point(`after ${label}`);
    return result;
  };
}
syncBuiltinESMExports();

for (const event of [
  'request:create',
  'client:sendHeaders',
  'request:bodySent',
  'request:headers',
  'request:trailers',
]) {
  channel(`undici:${event}`).subscribe(() => point(`undici:${event}`));
}

const { createMetristApi } = await import('../delivery/api.ts');
const { deliver } = await import('../delivery/deliver.ts');
const { Outbox } = await import('../delivery/outbox.ts');
const now = (): Date => new Date(nowMs);
await deliver(results, {
  api: createMetristApi({ baseUrl, token, userAgent: 'awsiam/0.1.0' }),
  outbox: new Outbox({ dir, now }),
  now,
  signal: new AbortController().signal,
});
fs.writeSync(1, 'done\n');
