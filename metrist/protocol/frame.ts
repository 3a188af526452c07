/** Far above the longest real message, a Config of a few kilobytes. */
const maxBodyBytes = 8 * 1024 * 1024;

/** More digits than any real length has. */
export const maxLengthDigits = 16;

/** The bytes are not a frame. Nothing after them can be read, because the start of the next frame is unknown. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/**
 * Takes bytes in chunks of any size, and returns the bodies of the frames in them.
 *
 * A frame is the length of its body in bytes as decimal digits, one space, and the body; nothing follows it. The
 * Orchestrator writes at least five digits.
 */
export class FrameBuffer {
  #chunks: Buffer[] = [];
  #pendingBytes = 0;
  /** Chunks are joined only when this many bytes are there: joining each one would copy a long frame again and again. */
  #neededBytes = 1;

  /** Bytes that are not part of a complete frame yet. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  append(chunk: Uint8Array): void {
    // A copy: the owner of a chunk may use its memory again.
    this.#chunks.push(Buffer.from(chunk));
    this.#pendingBytes += chunk.length;
  }

  /**
   * A copy of the body of the next frame; `undefined` until it is complete.
   *
   * @throws {FrameError} if the bytes are not a frame, or the frame is too long; and on every later call
   */
  next(): Buffer | undefined {
    if (this.#pendingBytes < this.#neededBytes) return undefined;
    const [first = Buffer.alloc(0), ...more] = this.#chunks;
    const bytes = more.length === 0 ? first : Buffer.concat(this.#chunks);
    this.#chunks = [bytes];
    const header = readHeader(bytes);
    const end = header === undefined ? bytes.length + 1 : header.bytes + header.bodyBytes;
    if (header === undefined || end > bytes.length) {
      this.#neededBytes = end;
      return undefined;
    }
    this.#chunks = [bytes.subarray(end)];
    this.#pendingBytes = bytes.length - end;
    this.#neededBytes = 1;
    return Buffer.from(bytes.subarray(header.bytes, end));
  }
}

function readHeader(bytes: Buffer): { readonly bytes: number; readonly bodyBytes: number } | undefined {
  const head = bytes.toString('latin1', 0, maxLengthDigits + 1);
  const [digits = ''] = /^\d*/.exec(head) ?? [];
  if (digits.length > maxLengthDigits) throw new FrameError(`a length of more than ${maxLengthDigits} digits`);
  if (digits === head) return undefined;
  if (digits === '') throw new FrameError(`a frame begins with byte ${hex(bytes[0])} instead of its length`);
  if (head[digits.length] !== ' ') {
    throw new FrameError(`a length is followed by byte ${hex(bytes[digits.length])} instead of a space`);
  }
  const bodyBytes = Number(digits);
  if (bodyBytes > maxBodyBytes) {
    throw new FrameError(`a frame of ${bodyBytes} bytes: at most ${maxBodyBytes} are read`);
  }
  return { bytes: digits.length + 1, bodyBytes };
}

/** One frame: `00011 Started 1.1`. The length is that of the UTF-8 bytes. */
export function formatFrame(text: string): Buffer {
  const body = Buffer.from(text);
  return Buffer.concat([Buffer.from(`${String(body.length).padStart(5, '0')} `), body]);
}

function hex(byte = 0): string {
  return `0x${byte.toString(16).padStart(2, '0')}`;
}
