import { describe, expect, test } from 'vitest';
import { formatFrame } from '../frame.ts';
import { formatFromMonitor, parseFromMonitor } from '../messages.ts';
import { checkAnswer, OrchestratorReader, parseChunk } from './orchestrator-rules.ts';

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
    expect(reader.pending).toHaveLength(0);
  });

  test('may have a length of any number of digits', () => {
    expect(setUp().read('7 Step OK', '0000000007 Step OK')).toEqual(['Step OK', 'Step OK']);
  });
});

describe('other output', () => {
  test.for(['\n', 'Hello\n', ' ', '- '])('%j is thrown away with the messages behind it', (noise) => {
    const { problems, reader, read } = setUp();
    expect(read(ok + noise + ok, ok)).toEqual(['Step OK', 'Step OK']);
    expect(read(noise)).toEqual([]);
    expect(problems).toEqual([
      expect.stringContaining(JSON.stringify(noise + ok)) as unknown,
      expect.stringContaining('write only messages to stdout, with their length in bytes of UTF-8 and no line break'),
    ]);
    expect(reader.pending).toHaveLength(0);
  });

  test.for(['2024-01-01 hello', '12:30', '-5 hello', '-5', `${'9'.repeat(40)} x`])(
    '%j blocks everything behind it forever',
    (noise) => {
      const { problems, reader, read } = setUp();
      expect(read(ok + noise + ok, ok)).toEqual(['Step OK']);
      expect(problems).toHaveLength(1);
      expect(problems[0]).toContain('waits for the rest forever');
      expect(reader.pending).toHaveLength(0);
    },
  );

  test('a number and a space are taken for the beginning of a message, which swallows what follows', () => {
    const { problems, reader, read } = setUp();
    expect(read('3 tests passed')).toEqual(['tes']);
    expect(read('19 items ', ok)).toEqual([`items ${ok}`]);
    expect(read('500 items ', ok)).toEqual([]);
    expect(String(reader.pending)).toBe(`500 items ${ok}`);
    expect(problems).toEqual([expect.stringContaining('"ts passed"') as unknown]);
  });

  test('the end of a message whose length is counted in characters is thrown away', () => {
    const { problems, read } = setUp();
    expect(read(`00012 Step Error é${ok}`)).toEqual(['Step Error \uFFFD']);
    expect(problems).toEqual([expect.stringContaining('length in bytes of UTF-8') as unknown]);
  });
});

describe('parseChunk', () => {
  const kindOf = (text: string): string => parseChunk(Buffer.from(text)).kind;

  test.for(['00011 Started 1.1', '11 Started 1.1', '5 Ready', '0 ', '00003 €'])('%j is a whole message', (text) => {
    const body = Buffer.from(text.slice(text.indexOf(' ') + 1));
    expect(parseChunk(Buffer.from(text))).toEqual({ kind: 'message', body, rest: Buffer.alloc(0) });
  });

  test.for(['0', '00011', '00011 ', '00011 Started 1.', '500 items'])('%j is the beginning of a message', (text) => {
    expect(kindOf(text)).toBe('part');
  });

  test.for(['\n', 'Starting…\n', ' 00011 Started 1.1', 'x00011 Started 1.1', '-', '', '\n00011 Started 1.1'])(
    '%j is not a message',
    (text) => expect(kindOf(text)).toBe('noise'),
  );

  test.for(['2026-11-22 hello\n', '12:30', '-5 hello', `${'9'.repeat(17)} x`, '9'.repeat(40)])(
    '%j can never become a message',
    (text) => {
      expect(kindOf(text)).toBe('broken');
    },
  );

  test.for([
    ['00011 Started 1.1', '\n'],
    ['00011 Started 1.1', '00005 Ready'],
    ['3 tes', 'ts passed'],
  ] as const)('%j is a message, and %j the rest', ([message, rest]) => {
    expect(parseChunk(Buffer.from(message + rest))).toMatchObject({ kind: 'message', rest: Buffer.from(rest) });
  });
});

function check(text: string) {
  const message = parseFromMonitor(Buffer.from(text));
  if (message.kind !== 'stepTime' && message.kind !== 'stepOk' && message.kind !== 'stepError') {
    throw new Error(`${text} is no answer`);
  }
  return checkAnswer(message, text, 'CreateUser');
}

test.for([
  'Step OK',
  'Step OK attempts=33',
  'Step OK region=us-east-1',
  'Step Time 12.5',
  'Step Time code=58 12',
  'Step Error',
  'Step Error it failed\nfor a reason',
  'Step Error code=58 it failed',
  formatFromMonitor({ kind: 'stepError', text: 'a=b was wrong', metadata: { code: 'a\uFFFDb', ms: 42 } }),
])('the answer %j arrives as it is', (text) => {
  expect(check(text)).toEqual({ problems: [] });
});

test.for([
  ['Step OK well done', '"well done"', 'cannot be read as metadata'],
  ['Step Time ms 12', '"ms"', 'cannot be read as metadata'],
  ['Step Error code=ENOENT it failed', '"code=ENOENT"', 'takes that for metadata and cuts it off'],
] as const)('a part of the answer %j is lost', ([text, quoted, effect]) => {
  const result = check(text);
  expect(result).toEqual({ problems: [expect.stringContaining(quoted) as unknown] });
  expect(result.problems[0]).toContain(effect);
});

test.for([
  ['Step OK commit=c0ffeec0ffee', 'its metadata is not text'],
  ['Step Error commit=c0ffeec0ffee it failed', 'its metadata is not text'],
  ['Step Error it failed\0', 'Metrist cannot store a NUL'],
] as const)('the answer %j does not arrive', ([text, lost]) => {
  expect(check(text)).toEqual({ problems: [expect.any(String) as unknown], lost });
});
