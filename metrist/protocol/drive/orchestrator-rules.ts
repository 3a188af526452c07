import { isUtf8 } from 'node:buffer';
import { quote } from '../../../text/printable.ts';
import { maxLengthDigits } from '../frame.ts';
import type { FromMonitor } from '../messages.ts';
import { isBase16 } from '../metadata.ts';

/**
 * How long the Orchestrator waits. The values are from `protocol_handler.ex` of Metrist-Software/orchestrator, except
 * `killAfterMs`, which is erlexec's default.
 */
export const orchestratorLimits = {
  /** For output during the handshake. */
  handshakeSilenceMs: 60_000,
  /** Without output from the monitor and without a message to it. */
  inactivityMs: 15 * 60_000,
  /** From `Exit` after the last step to the end of the process. */
  finishMs: 5 * 60_000,
  /** From `Exit` after a failed step to SIGTERM. */
  terminateAfterMs: 5,
  /** From SIGTERM to SIGKILL. */
  killAfterMs: 5_000,
};

export type DriveLimits = Readonly<typeof orchestratorLimits>;

/**
 * What the Orchestrator finds at the start of a monitor's output. `part`: the beginning of a message. `noise`: it does not
 * begin like a message. `broken`: it begins like a message and can never become one.
 */
type Chunk =
  | { readonly kind: 'message'; readonly body: Buffer; readonly rest: Buffer }
  | { readonly kind: 'part' | 'noise' | 'broken' };

/** Reads output as the Orchestrator does. {@link FrameBuffer} is the correct way to read frames. */
export function parseChunk(chunk: Buffer): Chunk {
  const [head = '', digits, space] = /^-?(\d+)?( )?/.exec(chunk.toString('latin1', 0, 32)) ?? [];
  if (digits === undefined) return { kind: 'noise' };
  if (head.startsWith('-') || digits.length > maxLengthDigits) return { kind: 'broken' };
  if (space === undefined) return { kind: head.length === chunk.length ? 'part' : 'broken' };
  const end = head.length + Number(digits);
  if (chunk.length < end) return { kind: 'part' };
  return { kind: 'message', body: chunk.subarray(head.length, end), rest: chunk.subarray(end) };
}

/**
 * Reads a monitor's stdout after the handshake as the Orchestrator does, including what it does with bytes that are not a
 * message.
 */
export class OrchestratorReader {
  #pending: Buffer = Buffer.alloc(0);
  #isStuck = false;
  readonly #onProblem: (text: string) => void;

  constructor(onProblem: (text: string) => void) {
    this.#onProblem = onProblem;
  }

  /** The beginning of a message whose rest has not been read. */
  get pending(): Uint8Array {
    return this.#pending;
  }

  /** @returns the bodies of the messages that are now complete */
  append(chunk: Uint8Array): Buffer[] {
    const bodies: Buffer[] = [];
    if (this.#isStuck) return bodies;
    this.#pending = Buffer.concat([this.#pending, chunk]);
    while (this.#pending.length > 0) {
      const parsed = parseChunk(this.#pending);
      if (parsed.kind === 'part') break;
      if (parsed.kind === 'message') {
        bodies.push(parsed.body);
        this.#pending = parsed.rest;
        continue;
      }
      this.#isStuck = parsed.kind === 'broken';
      const effect = this.#isStuck
        ? 'which the Orchestrator takes for an incomplete message: it waits for the rest forever and reads nothing more; ' +
          'write only messages to stdout'
        : 'which is not a message: the Orchestrator throws it away with everything that arrives with it; write only ' +
          'messages to stdout, with their length in bytes of UTF-8 and no line break after them';
      this.#onProblem(`the monitor wrote ${quote(this.#pending)} to stdout, ${effect}`);
      this.#pending = Buffer.alloc(0);
    }
    return bodies;
  }
}

export type StepAnswer = Extract<FromMonitor, { kind: 'stepTime' | 'stepOk' | 'stepError' }>;

/**
 * Finds where the Orchestrator, or Metrist behind it, would change or lose an answer.
 *
 * @returns a sentence for each problem. `lost`: why the answer would never reach Metrist; absent if it would reach it
 */
export function checkAnswer(
  answer: StepAnswer,
  text: string,
  step: string,
): { readonly problems: readonly string[]; readonly lost?: string } {
  const problems: string[] = [];
  let lost: string | undefined;
  const answered = `the monitor answered ${step} with`;
  if (text.includes('\0')) {
    lost = 'Metrist cannot store a NUL';
    problems.push(`${answered} a NUL in its text, which Metrist cannot store; replace it`);
  }
  const word = findMetadataWord(answer, text);
  const values = word?.split(',').map((pair) => pair.split('=')[1] ?? '') ?? [];
  if (word !== undefined && Object.keys(answer.metadata).length === 0) {
    problems.push(
      `${answered} ${quote(word)}, which cannot be read as metadata: the Orchestrator drops it; write key=value,key=value without spaces`,
    );
  } else if (!values.every((value) => !isBase16(value) || isUtf8(Buffer.from(value, 'hex')))) {
    lost ??= 'its metadata is not text';
    problems.push(
      `${answered} metadata ${quote(word ?? '')}, which is not text after decoding from base16: the Orchestrator fails to send it, and nothing is reported for ${step}; write every value as the base16 of its UTF-8 bytes`,
    );
  } else if (answer.kind === 'stepError' && !values.every(isBase16)) {
    problems.push(
      `${answered} an error that begins with ${quote(word ?? '')}: the Orchestrator takes that for metadata and cuts it off; keep "=" out of the first word, or write every value as base16`,
    );
  }
  return { problems, ...(lost !== undefined && { lost }) };
}

/** The text that stands where the Orchestrator expects metadata. */
function findMetadataWord({ kind, metadata }: StepAnswer, text: string): string | undefined {
  const words = text.split(/\s+/).filter((word) => word !== '');
  switch (kind) {
    case 'stepTime':
      return words.length > 3 ? words[2] : undefined;
    case 'stepOk':
      return words.length > 2 ? words.slice(2).join(' ') : undefined;
    case 'stepError':
      return Object.keys(metadata).length > 0 ? words[2] : undefined;
    default:
      return kind satisfies never;
  }
}
