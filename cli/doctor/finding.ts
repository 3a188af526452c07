/** The groups, in the order in which they are checked. `--only` takes these names. */
export const groupNames = [
  'settings',
  'host',
  'network',
  'credentials',
  'permissions',
  'policy',
  'quotas',
  'metrist',
  'registration',
  'orchestrator',
  'telemetry',
] as const;

export type GroupName = (typeof groupNames)[number];

/** One thing that was looked at, or that could not be. */
export interface Finding {
  readonly state: 'ok' | 'warning' | 'failure' | 'skipped';
  /** What was found, in one line. Of something skipped: what was not checked, and why. */
  readonly what: string;
  /** What to do about it. */
  readonly fix?: string;
  /** The command that the fix speaks of, or several, one a line. */
  readonly command?: string;
  /** The statement to add to the policy of the monitor's principal, as IAM takes it. */
  readonly statement?: object;
  /** Why something was skipped, if that is a failure of another group. It is shown if `--only` left that group out. */
  readonly cause?: Finding;
}

export function ok(what: string): Finding {
  return { state: 'ok', what };
}

export function warning(what: string, fix?: string): Finding {
  return { state: 'warning', what, ...(fix !== undefined && { fix }) };
}

export function failure(what: string, fix: string, statement?: object): Finding {
  return { state: 'failure', what, fix, ...(statement !== undefined && { statement }) };
}

/**
 * @param what what was not checked: `the permissions of the principal`
 * @param why a clause: `the settings are wrong`
 */
export function skipped(what: string, why: string, fix?: string): Finding {
  return { state: 'skipped', what: `${what}: not checked, because ${why}`, ...(fix !== undefined && { fix }) };
}

/** Of a check that needs something that is missing. @param what as for {@link skipped} */
export function blocked(what: string, { missing, finding }: Missing): Finding {
  const cause = finding.state === 'failure' ? finding : finding.cause;
  return { ...skipped(what, missing), ...(cause !== undefined && { cause }) };
}

/**
 * The failure that a message of the form `reason; what to do` describes.
 *
 * @param advice for a message without advice
 */
export function failureOf(message: string, advice: string): Finding {
  const [reason = '', ...rest] = message.split('; ');
  const fix = rest.join('; ') || advice;
  return failure(reason, `${fix.charAt(0).toUpperCase()}${fix.slice(1)}.`);
}

/** Why nothing was sent, for {@link skipped}. */
export const offlineWhy = '--offline was given';

/**
 * Something that several checks need. If it is missing, the group that it belongs to yields `finding`, and all others skip
 * what depends on it and say `missing`.
 */
export type Needed<Value> = { readonly value: Value } | Missing;

interface Missing {
  /** Why it is missing, for {@link skipped}: `the settings are wrong`. */
  readonly missing: string;
  readonly finding: Finding;
}
