import { clip, redact } from '../../../text/redact.ts';
import { toWireText } from '../../result-text.ts';
import { formatFrame } from '../frame.ts';
import { formatFromMonitor, type FromMonitor, type LogLevel } from '../messages.ts';

export interface SpeakerOptions {
  /**
   * Takes whole frames and nothing else: stdout.
   *
   * @param onLost to be called where nobody read the frame
   */
  readonly output: (frame: Uint8Array, onLost: () => void) => void;
  /** Takes messages that the Orchestrator cannot get: not yet, or no longer. */
  readonly errorOutput: { write(text: string): unknown };
}

/** A log message is for a line in somebody's log. */
const maxLogLength = 4000;

/** All that a monitor says to the Orchestrator goes through here, and comes out framed and free of secrets. */
export class Speaker {
  readonly #options: SpeakerOptions;
  #canLog = false;

  constructor(options: SpeakerOptions) {
    this.#options = options;
  }

  /** From the `Config` on: a log message before that ends the handshake, and with it the run. */
  allowLogs(): void {
    this.#canLog = true;
  }

  say(message: FromMonitor, onLost = (): void => {}): void {
    this.#options.output(formatFrame(formatFromMonitor(redact.value(message))), onLost);
  }

  log(level: LogLevel, text: string): void {
    const safe = toWireText(clip(text, maxLogLength));
    const writeInstead = (): void => void this.#options.errorOutput.write(`${level.toLowerCase()}: ${safe}\n`);
    if (this.#canLog) this.say({ kind: 'log', level, text: safe }, writeInstead);
    else writeInstead();
  }
}
