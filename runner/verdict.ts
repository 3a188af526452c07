/**
 * Whose fault a failure is.
 *
 * Theirs, the watched service or the way to it:
 * `service` (5xx or an answer that is not the service's) · `throttled` · `timeout` · `network` · `propagation`.
 * Ours, the monitor or the account it runs in:
 * `credentials` · `permission` · `quota` · `configuration` · `monitor` (a bug).
 */
export const verdicts = {
  service: 'theirs',
  throttled: 'theirs',
  timeout: 'theirs',
  network: 'theirs',
  propagation: 'theirs',
  credentials: 'ours',
  permission: 'ours',
  quota: 'ours',
  configuration: 'ours',
  monitor: 'ours',
} as const;

export type Verdict = keyof typeof verdicts;
export type Side = (typeof verdicts)[Verdict];

/** Which side a verdict blames: `theirs` is a `<failure>` in JUnit, `ours` an `<error>`. */
export function sideOf(verdict: Verdict): Side {
  return verdicts[verdict];
}
