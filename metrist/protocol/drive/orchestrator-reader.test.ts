import { describe, expect, test } from 'vitest';
import { formatFrame } from '../frame.ts';
import { OrchestratorReader } from './orchestrator-reader.ts';

function setUp() {
  const problems: string[] = [];
  const reader = new OrchestratorReader((text) => problems.push(text));
  const read = (...chunks: readonly (string | Uint8Array)[]): string[] =>
    chunks.flatMap((chunk) => reader.append(Buffer.from(chunk)).map(String));
  return { problems, reader, read };
}

const ok = formatFrame('Step OK').toString();

describe('messages', () => {
  test('are read one by one, several at once and byte by byte', () => {
    const { problems, reader, read } = setUp();
    const error = formatFrame('Step Error größer 🙂').toString();
    expect(read(ok, ok + error)).toEqual(['Step OK', 'Step OK', 'Step Error größer 🙂']);
    expect(read(...[...Buffer.from(`${error}0 ${ok}`)].map((byte) => Buffer.of(byte)))).toEqual([
      'Step Error größer 🙂',
      '',
      'Step OK',
    ]);
    expect(problems).toEqual([]);
    expect([reader.strayBytes, reader.pending.length]).toEqual([0, 0]);
  });

  test('may have a length of any number of digits', () => {
    expect(setUp().read('7 Step OK', '0000000007 Step OK')).toEqual(['Step OK', 'Step OK']);
  });
});

describe('anything else', () => {
  test.for([
    ['a line break', '\n', 'write no line break behind a message'],
    ['a line of text', 'Hello\n', 'write everything but messages to stderr'],
    ['a space', ' ', 'write everything but messages to stderr'],
    ['a hyphen', '- ', 'write everything but messages to stderr'],
  ] as const)('%s is thrown away with the messages behind it', ([, noise, advice]) => {
    const { problems, reader, read } = setUp();
    expect(read(ok + noise + ok, ok)).toEqual(['Step OK', 'Step OK']);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain('to stdout, which is no message: the Orchestrator throws it away');
    expect(read(noise)).toEqual([]);
    expect(problems[1]).toContain(advice);
    expect(reader.strayBytes).toBe(noise.length * 2 + ok.length);
  });

  test.for(['2024-01-01 hello', '12:30', '-5 hello', '-5', `${'9'.repeat(40)} x`])(
    '%j blocks everything behind it for ever',
    (noise) => {
      const { problems, reader, read } = setUp();
      expect(read(ok + noise + ok, ok)).toEqual(['Step OK']);
      expect(problems).toHaveLength(1);
      expect(problems[0]).toContain('waits for the rest for ever');
      expect(reader.strayBytes).toBe(noise.length + 2 * ok.length);
      expect(reader.pending).toHaveLength(0);
    },
  );

  test('a number and a space is taken for a message, which swallows what follows', () => {
    const { problems, reader, read } = setUp();
    expect(read('3 tests passed')).toEqual(['tes']);
    expect(read('19 items ', ok)).toEqual([`items ${ok}`]);
    expect(read('500 items ', ok)).toEqual([]);
    expect(String(reader.pending)).toBe(`500 items ${ok}`);
    expect(problems).toEqual([expect.stringContaining('"ts passed"') as unknown]);
  });

  test('a length counted in characters is recognised', () => {
    const { problems, read } = setUp();
    expect(read(`00012 Step Error é${ok}`)).toEqual(['Step Error \uFFFD']);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain('count their length in bytes of UTF-8, not in characters');
  });
});
