/** A frame that announces more is not read: the longest real message, a Config, has a few kilobytes. */
const defaultMaxBodyBytes = 8 * 1024 * 1024;

/** More digits than any length has. */
const maxHeaderBytes = 16;

const space = 0x20;
const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;

/** The bytes are not framed. Where the next frame begins cannot be known, so nothing after this can be read. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/**
 * Takes bytes as they come, in chunks of any size, and gives the bodies of the frames in them.
 *
 * A frame is the length of its body in bytes as decimal digits, one space, and the body; nothing follows it. The
 * Orchestrator writes five digits for lengths below 100,000 and as many as needed above.
 */
export class FrameBuffer {
  readonly #maxBodyBytes: number;
  #bytes = Buffer.alloc(0);
  #start = 0;
  #end = 0;

  /** @param options.maxBodyBytes 8 MiB unless said otherwise */
  constructor({ maxBodyBytes = defaultMaxBodyBytes }: { readonly maxBodyBytes?: number } = {}) {
    this.#maxBodyBytes = maxBodyBytes;
  }

  /** Bytes that belong to no complete frame yet. */
  get pendingBytes(): number {
    return this.#end - this.#start;
  }

  append(chunk: Uint8Array): void {
    this.#makeRoom(chunk.length);
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /**
   * The body of the next frame, a copy; `undefined` while it is not complete.
   *
   * @throws {FrameError} where no frame begins, or one that is too long; and every time from then on
   */
  next(): Buffer | undefined {
    const header = this.#readHeader();
    if (header === undefined) return undefined;
    const bodyStart = this.#start + header.bytes;
    const bodyEnd = bodyStart + header.bodyBytes;
    if (bodyEnd > this.#end) return undefined;
    const body = Buffer.from(this.#bytes.subarray(bodyStart, bodyEnd));
    this.#start = bodyEnd;
    return body;
  }

  #readHeader(): { readonly bytes: number; readonly bodyBytes: number } | undefined {
    const head = this.#bytes.subarray(this.#start, Math.min(this.#end, this.#start + maxHeaderBytes + 1));
    const digits = head.findIndex((byte) => !isDigit(byte));
    if (digits === -1) {
      if (head.length > maxHeaderBytes) throw new FrameError(`a length of more than ${maxHeaderBytes} digits`);
      return undefined;
    }
    if (digits === 0) throw new FrameError(`a frame begins with byte ${hex(head[0])} in place of its length`);
    if (head[digits] !== space) throw new FrameError(`a length is followed by byte ${hex(head[digits])} and no space`);
    const bodyBytes = Number(head.toString('latin1', 0, digits));
    if (bodyBytes > this.#maxBodyBytes) {
      throw new FrameError(`a frame of ${bodyBytes} bytes: at most ${this.#maxBodyBytes} are read`);
    }
    return { bytes: digits + 1, bodyBytes };
  }

  /** Doubles what it has, so that a long message that comes byte by byte is not copied at each of them. */
  #makeRoom(length: number): void {
    if (this.#end + length <= this.#bytes.length) return;
    const pending = this.#bytes.subarray(this.#start, this.#end);
    const needed = pending.length + length;
    const bytes = needed > this.#bytes.length / 2 ? Buffer.alloc(Math.max(256, needed * 2)) : this.#bytes;
    bytes.set(pending);
    this.#bytes = bytes;
    this.#start = 0;
    this.#end = pending.length;
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
