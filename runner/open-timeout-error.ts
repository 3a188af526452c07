/** Opening the session took too long. What that says about whom is the monitor's to explain. */
export class OpenTimeoutError extends Error {
  override readonly name = 'OpenTimeout';

  constructor(timeoutMs: number, cause: unknown) {
    super(`the session was not open within ${timeoutMs / 1000} s`, { cause });
  }
}
