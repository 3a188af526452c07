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

  test('counts on one line of a terminal, which is gone at the end', () => {
    const terminal = output(true);
    const progress = createProgress(terminal);
    progress.tick('a removed');
    vi.advanceTimersByTime(100);
    progress.tick('b removed');
    progress.end();
    progress.end();
    expect(terminal.written).toEqual([`${erase}  … 1 · a removed`, `${erase}  … 2 · b removed`, erase]);
  });

  test('does not repaint more often than ten times a second, and loses no count', () => {
    const terminal = output(true);
    const progress = createProgress(terminal);
    for (let index = 0; index < 1000; index++) progress.tick(`${index}`);
    vi.advanceTimersByTime(100);
    progress.tick('last');
    progress.end();
    expect(terminal.written).toEqual([`${erase}  … 1 · 0`, `${erase}  … 1001 · last`, erase]);
  });

  test('shows the seconds where nothing is done for two of them', () => {
    const terminal = output(true);
    const progress = createProgress(terminal);
    vi.advanceTimersByTime(3000);
    progress.end();
    expect(terminal.written).toEqual([`${erase}  … 0 so far (2 s)`, `${erase}  … 0 so far (3 s)`, erase]);
  });

  test.for([[false], [undefined]])('is a line every ten seconds where there is no terminal (isTTY %s)', ([isTTY]) => {
    const file = output(isTTY);
    const progress = createProgress(file);
    progress.tick('a');
    vi.advanceTimersByTime(20_000);
    progress.end();
    vi.advanceTimersByTime(20_000);
    expect(file.written).toEqual(['  … 1 so far (10 s)\n', '  … 1 so far (20 s)\n']);
  });
});
