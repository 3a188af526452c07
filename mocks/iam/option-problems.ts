/** An option's value as far as it could be read, and everything that is wrong with it, as sentences. */
export interface ReadOption<Value> {
  readonly value: Value;
  readonly problems: readonly string[];
}

/** Throws one error that lists everything that is wrong, one problem a line. */
export function refuseProblems(problems: readonly string[]): void {
  if (problems.length === 0) return;
  const message = `The mock's options are wrong:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`;
  throw Object.assign(new Error(message), { code: 'ConfigError' });
}
