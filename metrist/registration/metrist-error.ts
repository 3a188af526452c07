/** Metrist could not be asked, refused, or did not do what it had said. The message says what was attempted, why it failed, what to do. */
export class MetristError extends Error {
  readonly code = 'MetristError';
  /** Of the answer. Absent when there was none, or when the answer was fine and what became of it was not. */
  readonly status: number | undefined;

  constructor(message: string, { status, cause }: { readonly status?: number; readonly cause?: unknown } = {}) {
    super(message, { cause });
    this.status = status;
  }

  /** Whether the same request can succeed a moment later. */
  get isTransient(): boolean {
    return this.status === undefined || this.status === 429 || this.status >= 500;
  }

  /** Whether the request may have been carried out: no answer came back, or one of a gateway that got none. */
  get isAnswerLost(): boolean {
    return this.status === undefined || this.status === 502 || this.status === 504;
  }
}
