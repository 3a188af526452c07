import type { Readable } from 'node:stream';

/**
 * Keeps the process alive if its output cannot be written, because the reader of its pipe is gone, the terminal is closed or
 * the disk is full. By default the first failed write would end the process.
 *
 * Says so once on stderr, unless the reader is gone.
 */
export function surviveOutputErrors(process: Pick<NodeJS.Process, 'on' | 'stdout' | 'stderr'>): void {
  const { stdout, stderr } = process;
  // The signal comes if a file would exceed `ulimit -f`. With a listener only the write fails; without one the process ends.
  process.on('SIGXFSZ', () => {});
  let isReported = false;
  stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (isReported || code === 'EPIPE' || code === 'EIO') return;
    isReported = true;
    stderr.write(`stdout could not be written, so some of the output is missing: ${message}\n`);
  });
  stderr.on('error', () => {});
  // A worker thread ends only when its output has been read to the end, so read on even if nothing can be written.
  for (const stream of [stdout, stderr]) stream.on('unpipe', (source: Readable) => source.resume());
}
