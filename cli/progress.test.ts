import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createProgress } from './progress.ts';

function output(isTTY: boolean | undefined) {
  const written: string[] = [];
  return { written, ...(isTTY !== undefined && { isTTY }), write: (text: string) => written.push(text) };
}

const erase = '\r\u001B[K';

describe('progress', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
  });

  test('counts on one line of a terminal, and removes it at the end', () => {
    const terminal = output(true);
    const progress = createProgress(terminal, 'looking');
    progress.tick('a removed');
    vi.advanceTimersByTime(100);
    progress.tick('b removed');
    progress.end();
    progress.end();
    expect(terminal.written).toEqual([`${erase}  … 1 · a removed`, `${erase}  … 2 · b removed`, erase]);
  });

  test('does not repaint more often than ten times a second, and loses no count', () => {
    const terminal = output(true);
    const progress = createProgress(terminal, 'looking');
    for (let index = 0; index < 1000; index++) progress.tick(`${index}`);
    vi.advanceTimersByTime(100);
    progress.tick('last');
    progress.end();
    expect(terminal.written).toEqual([`${erase}  … 1 · 0`, `${erase}  … 1001 · last`, erase]);
  });

  test('says on a terminal that it is working if nothing happened for two seconds', () => {
    const terminal = output(true);
    const progress = createProgress(terminal, 'looking');
    vi.advanceTimersByTime(4000);
    progress.end();
    expect(terminal.written).toEqual([`${erase}  … looking (2 s)`, `${erase}  … looking (4 s)`, erase]);
  });

  test.for([[false], [undefined]])(
    'writes a line now and then if the output is not a terminal (isTTY %s)',
    ([isTTY]) => {
      const file = output(isTTY);
      const progress = createProgress(file, 'looking');
      vi.advanceTimersByTime(2000);
      for (let index = 0; index < 200; index++) {
        progress.tick('a removed');
        vi.advanceTimersByTime(100);
      }
      progress.end();
      vi.advanceTimersByTime(60_000);
      expect(file.written).toEqual(['  … looking (2 s)\n', '  … 100 · a removed\n', '  … 200 · a removed\n']);
    },
  );

  test('writes nothing about work of less than two seconds', () => {
    const file = output(false);
    const progress = createProgress(file, 'looking');
    progress.tick('a');
    vi.advanceTimersByTime(1999);
    progress.end();
    vi.advanceTimersByTime(60_000);
    expect(file.written).toEqual([]);
  });
});
