import * as fc from 'fast-check';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { FrameBuffer, FrameError, formatFrame } from './frame.ts';

/** The bodies that the buffer returns after each chunk. */
function readAll(chunks: readonly (string | Uint8Array)[], buffer = new FrameBuffer()): string[] {
  const bodies: string[] = [];
  for (const chunk of chunks) {
    buffer.append(Buffer.from(chunk));
    for (let body = buffer.next(); body !== undefined; body = buffer.next()) bodies.push(body.toString());
  }
  return bodies;
}

function bufferOf(text: string): FrameBuffer {
  const buffer = new FrameBuffer();
  buffer.append(Buffer.from(text));
  return buffer;
}

/** The bytes in chunks that end at the given places. */
function split(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

const body = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', '\0', '\uD800', '😀', '00003 ab', '\n', 'Ready', 'é'.repeat(300)),
);

describe('formatFrame', () => {
  test.each([
    ['Started 1.1', '00011 Started 1.1'],
    ['', '00000 '],
    ['é', '00002 é'],
    ['😀', '00004 😀'],
    ['a\nb\n', '00004 a\nb\n'],
    ['\0', '00001 \0'],
    ['x'.repeat(99_999), `99999 ${'x'.repeat(99_999)}`],
    ['x'.repeat(100_000), `100000 ${'x'.repeat(100_000)}`],
    ['é'.repeat(50_000), `100000 ${'é'.repeat(50_000)}`],
  ])('counts the bytes of %j', (text, frame) => {
    expect(formatFrame(text).equals(Buffer.from(frame))).toBe(true);
  });

  test('sends a lone surrogate as U+FFFD, and counts that', () => {
    expect(formatFrame('a\uD800').toString()).toBe('00004 a\uFFFD');
  });
});

describe('FrameBuffer', () => {
  test('returns nothing while it is empty', () => {
    const buffer = new FrameBuffer();
    expect(buffer.next()).toBeUndefined();
    buffer.append(new Uint8Array());
    expect(buffer.next()).toBeUndefined();
    expect(buffer.pendingBytes).toBe(0);
  });

  test('returns every frame of one chunk, in order', () => {
    const buffer = bufferOf('00011 Version 1.100009 Config {}00019 Run Step CreateUser');
    expect(buffer.next()?.toString()).toBe('Version 1.1');
    expect(buffer.next()?.toString()).toBe('Config {}');
    expect(buffer.next()?.toString()).toBe('Run Step CreateUser');
    expect(buffer.next()).toBeUndefined();
  });

  test('reads frames that arrive one byte per chunk', () => {
    const frames = Buffer.concat(['Ready', '', 'Log Info 😀 é', 'Exit 1'].map((text) => formatFrame(text)));
    const bytes = [...frames].map((byte) => Uint8Array.of(byte));
    expect(readAll(bytes)).toEqual(['Ready', '', 'Log Info 😀 é', 'Exit 1']);
  });

  test('reads two frames split at every position, even in the middle of a character', () => {
    const frames = Buffer.concat([formatFrame('Config {"a":"é😀"}'), formatFrame('Exit 0')]);
    for (let place = 0; place <= frames.length; place += 1) {
      expect(readAll(split(frames, [place])), `split at ${place}`).toEqual(['Config {"a":"é😀"}', 'Exit 0']);
    }
  });

  test('reads the same frames however the bytes are split', () => {
    fc.assert(
      fc.property(fc.array(body), fc.array(fc.nat()), (texts, places) => {
        const buffer = new FrameBuffer();
        const frames = Buffer.concat(texts.map((text) => formatFrame(text)));
        expect(readAll(split(frames, places), buffer)).toEqual(texts.map((text) => text.toWellFormed()));
        expect(buffer.pendingBytes).toBe(0);
      }),
    );
  });

  test('returns each frame as soon as its last byte is there, and counts the bytes after it', () => {
    const buffer = bufferOf('0000');
    expect([buffer.next(), buffer.pendingBytes]).toEqual([undefined, 4]);
    buffer.append(Buffer.from('5 Read'));
    expect([buffer.next(), buffer.pendingBytes]).toEqual([undefined, 10]);
    buffer.append(Buffer.from('y0000'));
    expect(buffer.pendingBytes).toBe(15);
    expect(buffer.next()?.toString()).toBe('Ready');
    expect(buffer.pendingBytes).toBe(4);
  });

  test.each([
    ['5 Ready', 'one digit'],
    ['05 Ready', 'two digits'],
    ['000005 Ready', 'six digits'],
    ['0000000000000005 Ready', 'sixteen digits'],
  ])('reads %j: its length has %s', (frame) => {
    expect(readAll([frame, frame])).toEqual(['Ready', 'Ready']);
    expect(readAll(Array.from(frame))).toEqual(['Ready']);
  });

  test.each([100_000, 123_456])('reads a body of %i bytes, whose length has six digits', (length) => {
    const long = `${'é'.repeat(length / 2 - 1)}\n.`;
    const frame = formatFrame(long);
    expect(frame.toString('latin1', 0, 7)).toBe(`${length} `);
    const [first, second, ...more] = readAll(split(Buffer.concat([frame, formatFrame('Ready')]), [65_536]));
    expect(first === long).toBe(true);
    expect([second, ...more]).toEqual(['Ready']);
  });

  test('returns bodies that are not text unchanged', () => {
    const buffer = new FrameBuffer();
    buffer.append(Uint8Array.of(0x32, 0x20, 0xff, 0x00));
    expect(buffer.next()).toEqual(Buffer.from([0xff, 0x00]));
  });

  test('does not depend on the memory of a chunk that its owner reuses', () => {
    const buffer = new FrameBuffer();
    const chunk = Buffer.from('00005 Re');
    buffer.append(chunk);
    chunk.fill(0);
    buffer.append(Buffer.from('ady'));
    expect(buffer.next()?.toString()).toBe('Ready');
  });

  test('joins the chunks of a frame when it is complete, not at each chunk', () => {
    const concat = vi.spyOn(Buffer, 'concat');
    onTestFinished(() => concat.mockRestore());
    const chunks = `01000 ${'x'.repeat(1000)}`.split('');
    expect(readAll(chunks)).toEqual(['x'.repeat(1000)]);
    expect(concat.mock.calls.length).toBeLessThan(10);
  });

  test('returns a copy, which later chunks do not change', () => {
    const buffer = bufferOf('00005 Ready');
    const first = buffer.next();
    for (let count = 0; count < 100; count += 1) {
      buffer.append(Buffer.from('00006 Exit 0'));
      buffer.next();
    }
    expect(first?.toString()).toBe('Ready');
  });

  test('is not affected when a returned body is changed', () => {
    const buffer = bufferOf('00005 Ready00006 Exit 0');
    buffer.next()?.fill(0);
    expect(buffer.next()?.toString()).toBe('Exit 0');
  });
});

describe('FrameBuffer, for bytes that are not a frame,', () => {
  test.each([
    ['\n', 'a frame begins with byte 0x0a instead of its length'],
    ['hello', 'a frame begins with byte 0x68 instead of its length'],
    [' 00005 Ready', 'a frame begins with byte 0x20 instead of its length'],
    ['-5 ', 'a frame begins with byte 0x2d instead of its length'],
    ['+5 Ready', 'a frame begins with byte 0x2b instead of its length'],
    ['\u{FEFF}00005 Ready', 'a frame begins with byte 0xef instead of its length'],
    ['\0', 'a frame begins with byte 0x00 instead of its length'],
    ['12:30 started', 'a length is followed by byte 0x3a instead of a space'],
    ['2026-11-22 ', 'a length is followed by byte 0x2d instead of a space'],
    ['5\tReady', 'a length is followed by byte 0x09 instead of a space'],
    ['00005\nReady', 'a length is followed by byte 0x0a instead of a space'],
    ['1e3 ', 'a length is followed by byte 0x65 instead of a space'],
    ['00000000000000005 Ready', 'a length of more than 16 digits'],
    ['9'.repeat(400), 'a length of more than 16 digits'],
  ])('throws at %j, and on every later call', (garbage, message) => {
    const buffer = bufferOf(garbage);
    expect(() => buffer.next()).toThrow(new FrameError(message));
    expect(() => buffer.next()).toThrow(new FrameError(message));
    buffer.append(formatFrame('Ready'));
    expect(() => buffer.next()).toThrow(new FrameError(message));
    expect(() => buffer.next()).toThrow(FrameError);
  });

  test('still returns the frames before them', () => {
    const buffer = bufferOf('00005 Ready00006 Exit 0\n');
    expect(buffer.next()?.toString()).toBe('Ready');
    expect(buffer.next()?.toString()).toBe('Exit 0');
    expect(() => buffer.next()).toThrow(FrameError);
    expect(buffer.pendingBytes).toBe(1);
  });

  test('waits after sixteen digits', () => {
    const buffer = bufferOf('0'.repeat(16));
    expect(buffer.next()).toBeUndefined();
    buffer.append(Buffer.from('0'));
    expect(() => buffer.next()).toThrow('a length of more than 16 digits');
  });

  test('throws an error with the name FrameError', () => {
    expect(() => bufferOf('x').next()).toThrow(expect.objectContaining({ name: 'FrameError' }));
  });
});

describe('FrameBuffer, for a message that is too long,', () => {
  test('names its length and the limit before its body arrives, and on every later call', () => {
    const buffer = bufferOf('00005 Ready8388609 ');
    const tooLong = new FrameError('a frame of 8388609 bytes: at most 8388608 are read');
    expect(buffer.next()?.toString()).toBe('Ready');
    expect(() => buffer.next()).toThrow(tooLong);
    buffer.append(Buffer.from('x'));
    expect(() => buffer.next()).toThrow(tooLong);
    expect(() => bufferOf('9999999999999999 x').next()).toThrow('at most 8388608 are read');
  });

  test('takes up to 8 MiB', () => {
    expect(bufferOf('8388608 x').next()).toBeUndefined();
  });
});
