/** Far above the longest real message, a Config of a few kilobytes. */
const maxBodyBytes = 8 * 1024 * 1024;

/** More digits than any real length has. */
const maxLengthDigits = 16;

const space = 0x20;
const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;

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
  #bytes: Buffer = Buffer.alloc(0);

  /** Bytes that are not part of a complete frame yet. */
  get pendingBytes(): number {
    return this.#bytes.length;
  }

  append(chunk: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
  }

  /**
   * A copy of the body of the next frame; `undefined` until it is complete.
   *
   * @throws {FrameError} if the bytes are not a frame, or the frame is too long; and on every later call
   */
  next(): Buffer | undefined {
    const header = this.#readHeader();
    if (header === undefined) return undefined;
    const end = header.bytes + header.bodyBytes;
    if (end > this.#bytes.length) return undefined;
    const body = Buffer.from(this.#bytes.subarray(header.bytes, end));
    this.#bytes = this.#bytes.subarray(end);
    return body;
  }

  #readHeader(): { readonly bytes: number; readonly bodyBytes: number } | undefined {
    const head = this.#bytes.subarray(0, maxLengthDigits + 1);
    const digits = head.findIndex((byte) => !isDigit(byte));
    if (digits === -1) {
      if (head.length > maxLengthDigits) throw new FrameError(`a length of more than ${maxLengthDigits} digits`);
      return undefined;
    }
    if (digits === 0) throw new FrameError(`a frame begins with byte ${hex(head[0])} instead of its length`);
    if (head[digits] !== space) {
      throw new FrameError(`a length is followed by byte ${hex(head[digits])} instead of a space`);
    }
    const bodyBytes = Number(head.toString('latin1', 0, digits));
    if (bodyBytes > maxBodyBytes) {
      throw new FrameError(`a frame of ${bodyBytes} bytes: at most ${maxBodyBytes} are read`);
    }
    return { bytes: digits + 1, bodyBytes };
  }
}

/** One frame: `00011 Started 1.1`. The length is that of the UTF-8 bytes. */
export function formatFrame(text: string): Buffer {
  const body = Buffer.from(text);
  return Buffer.concat([Buffer.from(`${String(body.length).padStart(5, '0')} `), body]);
}

function hex(byte = 0): string {
  return `0x${byte.toString(16).padStart(2, '0')}`;
}
