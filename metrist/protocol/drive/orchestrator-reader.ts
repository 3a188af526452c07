import { quote } from '../../../text/printable.ts';

const empty = Buffer.alloc(0);

/**
 * Reads a monitor's stdout after the handshake as the Orchestrator does, with all that it does to bytes that are no
 * frame. {@link FrameBuffer} is how one should read.
 */
export class OrchestratorReader {
  #pending: Buffer = empty;
  /** The message before. */
  #last: Buffer = empty;
  #strayBytes = 0;
  #isStuck = false;
  readonly #onProblem: (text: string) => void;

  constructor(onProblem: (text: string) => void) {
    this.#onProblem = onProblem;
  }

  /** Bytes that were no part of a message. */
  get strayBytes(): number {
    return this.#strayBytes;
  }

  /** What is no complete message yet. */
  get pending(): Uint8Array {
    return this.#pending;
  }

  /** @returns the bodies of the messages that are complete now */
  append(chunk: Uint8Array): Buffer[] {
    if (this.#isStuck) {
      this.#strayBytes += chunk.length;
      return [];
    }
    let rest: Buffer = Buffer.concat([this.#pending, chunk]);
    const bodies: Buffer[] = [];
    for (;;) {
      const [head, digits = '', space] = /^(-?\d+)( ?)/.exec(rest.toString('latin1', 0, 32)) ?? [];
      if (head === undefined) {
        this.#pending = empty;
        if (rest.length > 0) this.#discard(rest);
        return bodies;
      }
      this.#pending = rest;
      if (space === '' && head.length === rest.length) return bodies;
      if (space === '' || digits.startsWith('-')) {
        this.#stick(rest);
        return bodies;
      }
      const end = head.length + Number(digits);
      if (rest.length < end) return bodies;
      this.#last = rest.subarray(head.length, end);
      bodies.push(this.#last);
      rest = rest.subarray(end);
    }
  }

  #discard(rest: Buffer): void {
    this.#strayBytes += rest.length;
    const isLineBreak = /^\r?\n$/.test(rest.toString('latin1'));
    const wrote = `the monitor wrote ${quote(rest)} to stdout`;
    // A length in characters announces too little as soon as one of them is more than a byte.
    const isPerhapsMiscounted = this.#last.some((byte) => byte > 0x7f);
    const advice = isLineBreak
      ? 'write no line break behind a message'
      : `write everything but messages to stderr${isPerhapsMiscounted ? ', and count their length in bytes of UTF-8, not in characters' : ''}`;
    this.#onProblem(
      `${wrote}, which is no message: the Orchestrator throws it away with all that comes along; ${advice}`,
    );
  }

  #stick(rest: Buffer): void {
    this.#isStuck = true;
    this.#pending = empty;
    this.#strayBytes += rest.length;
    this.#onProblem(
      `the monitor wrote ${quote(rest)} to stdout, which the Orchestrator takes for a message that has not come whole: it ` +
        'waits for the rest for ever and reads nothing more; write everything but messages to stderr',
    );
  }
}
