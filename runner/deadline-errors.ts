/** Opening the session took too long. Its cause says what was being waited for, if the monitor knows. */
export class OpenTimeoutError extends Error {
  override readonly name = 'OpenTimeout';

  constructor(timeoutMs: number, cause: unknown) {
    super(`the session was not open within ${timeoutMs / 1000} s`, { cause });
  }
}

/** A step was not done by its deadline. */
export class StepTimeoutError extends Error {
  override readonly name = 'StepTimeout';

  constructor(timeoutMs: number, waitingFor: string) {
    super(`gave up after ${timeoutMs / 1000} s of waiting for ${waitingFor}`);
  }
}
