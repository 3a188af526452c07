import type { Readable, Writable } from 'node:stream';

interface OutputProcess {
  on(signal: 'SIGXFSZ', listener: () => void): unknown;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/**
 * Keeps a process going whose output cannot be written: the reader of its pipe is gone, the terminal is closed, the disk is
 * full. What cannot be printed is not printed; without this the first write that fails would end the process.
 *
 * A reader that is gone knows that. Everything else is said once, on stderr.
 */
export function surviveOutputErrors(process: OutputProcess): void {
  const { stdout, stderr } = process;
  // A file that would grow beyond `ulimit -f`: with a listener the write fails, without one the process ends.
  process.on('SIGXFSZ', () => {});
  let isTold = false;
  stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (isTold || code === 'EPIPE' || code === 'EIO') return;
    isTold = true;
    stderr.write(`stdout could not be written, so some of the output is missing: ${message}\n`);
  });
  stderr.on('error', () => {});
  // A worker thread ends when its output has been read to the end, also where it cannot be passed on any more.
  for (const stream of [stdout, stderr]) stream.on('unpipe', (source: Readable) => source.resume());
}
