import { expect, test } from 'vitest';
import { fakeClock } from '../runner/testing/fake-clock.ts';
import { StatusLine, type StatusOutput } from './status-line.ts';

function setUp(output: Omit<StatusOutput, 'write'>, options: { readonly quietMs?: number } = {}) {
  const clock = fakeClock();
  const written: string[] = [];
  const stream = { ...output, write: (text: string) => written.push(text) };
  return { clock, written, line: new StatusLine(stream, { clock, ...options }) };
}

test('on a terminal the status is one line that is repainted and removed again', () => {
  const { line, clock, written } = setUp({ isTTY: true, columns: 24 });
  line.show('boiling (2 s)');
  line.show('boiling (2 s)');
  clock.advance(1000);
  line.show('boiling the water', '(3 s)');
  line.clear();
  line.clear();
  expect(written).toEqual(['\r\u001B[K  … boiling (2 s)', '\r\u001B[K  … boiling… (3 s)', '\r\u001B[K']);
});

test.for([
  [60, '  … removing user… (12 s, at most 48 s more)'],
  [44, '  … removing… (12 s, at most 48 s more)'],
] as const)('on a terminal of %d columns the time is never cut, and there is room for ^C', ([columns, line]) => {
  const { line: status, written } = setUp({ isTTY: true, columns });
  status.show('removing user testuser-prod (may still appear)', '(12 s, at most 48 s more)');
  expect(written).toEqual([`\r\u001B[K${line}`]);
});

test('on a terminal that is too narrow for text and time it leaves out the time', () => {
  const { line, written } = setUp({ isTTY: true, columns: 30 });
  line.show('removing user testuser-prod', '(12 s, at most 48 s more)');
  expect(written).toEqual(['\r\u001B[K  … removing user testuser…']);
});

test('elsewhere the status is a line at once and then a line every ten seconds', () => {
  const { line, clock, written } = setUp({});
  for (let seconds = 2; seconds < 24; seconds++) {
    line.show(`boiling (${seconds} s)`);
    clock.advance(1000);
  }
  line.clear();
  expect(written).toEqual(['  … boiling (2 s)\n', '  … boiling (12 s)\n', '  … boiling (22 s)\n']);
});

test('elsewhere the first line can wait', () => {
  const { line, clock, written } = setUp({}, { quietMs: 10_000 });
  line.show('a');
  clock.advance(10_000);
  line.show('b');
  expect(written).toEqual(['  … b\n']);
});

test('no text can rewrite the terminal', () => {
  const { line, written } = setUp({});
  line.show('a\u001B[2J\nb');
  expect(written).toEqual(['  … a␛[2J\n']);
});

test('no surrogate pair is cut in half', () => {
  for (let columns = 4; columns < 40; columns++) {
    for (const text of ['😀'.repeat(20), `a${'😀'.repeat(20)}`, 'ab 😀😀😀 a😀😀😀😀😀😀']) {
      const { line, written } = setUp({ isTTY: true, columns });
      line.show(text, '(3 s)');
      expect(written.join('').isWellFormed() && !written.join('').includes('�'), `${columns}: ${text}`).toBe(true);
    }
  }
});
