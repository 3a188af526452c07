import type { StepResult } from '../runner/step-result.ts';
import type { RunRecord } from './run-record.ts';

/** What stands in place of what is left out. */
const shown = { arn: '<ARN>', name: '<name>', account: '<account>', id: '<id>' } as const;

/**
 * What is no text about entities: what the product itself writes, what figures are computed from, and the names that the
 * user gave to this monitor. Every other text is searched, also that of a field that is added later.
 */
const kept: ReadonlySet<string> = new Set(
  'monitor version mode frontEnd instance namespace region endpoint startedAt name state verdict kind wait'.split(' '),
);

/**
 * Copies a run for readers who must not learn about the account: without its number and the test user, and without ARNs,
 * account numbers, IAM's ids and names of entities in its messages, advice, reasons, commands and warnings. Everything that
 * figures and states are computed from stays the same.
 */
export function hideAccount(run: RunRecord): RunRecord {
  const { account, testUser, ...others } = run;
  // Most runs. Searching them all would take longer than the rest of a report.
  if (!hasTexts(run)) return others;
  const names = new Set(testUser === undefined ? [] : [testUser]);
  const accounts = new Set(account === undefined ? [] : [account]);
  visitTexts(others, (text) => {
    for (const arn of text.match(arnPattern) ?? []) collect(arn, names, accounts);
    return text;
  });
  // `user testuser-prod-mf3k2x1c-9a8b7c`, perhaps with a remark.
  for (const { entity } of run.leftovers) names.add(entity.split(' ', 2).at(-1) ?? '');
  // Our own name stands in every output, and in many messages as the command.
  names.delete(run.monitor);
  const knownNames = patternOf(names, String.raw`(?:(?<![\w-])|(?<=%[\dA-Fa-f]{2}))`, String.raw`(?![\w-])`);
  const knownAccounts = patternOf(accounts, String.raw`(?<!\d)`, String.raw`(?!\d)`);
  return visitTexts(others, (text) =>
    text
      .replaceAll(arnPattern, (arn) => (awsManagedPolicy.test(arn) ? arn : shown.arn))
      .replaceAll(testEntityPattern, shown.name)
      .replaceAll(namedEntityPattern, `$1${shown.name}`)
      .replaceAll(knownNames, shown.name)
      .replaceAll(knownAccounts, shown.account)
      .replaceAll(accountPattern, shown.account)
      .replaceAll(idPattern, shown.id),
  );
}

/** Whether a run says more than that it passed. */
function hasTexts({ state, steps, problems, leftovers, warnings }: RunRecord): boolean {
  return (
    state !== 'passed' || !steps.every(isPlain) || [problems, leftovers, warnings].some(({ length }) => length > 0)
  );
}

function isPlain(step: StepResult): boolean {
  return step.state === 'passed' && step.evidence.resolution === undefined && step.evidence.tries === undefined;
}

/** An ARN, also percent-encoded, without what ends a sentence. The names of entities can have `+=,.@-`. */
const arnPattern = /(?:(?<![A-Za-z])|(?<=%[\dA-F]{2}))arn(?::|%3A)[^\s"'`<>()[\]{};|\\]*[^\s"'`<>()[\]{};|\\.,:]/gi;
/** It belongs to no account. */
const awsManagedPolicy = /^arn:aws[\w-]*:iam::aws:policy\/[\w+=,.@/-]+$/;
/** A test user or group of any run, even if the name was cut off. */
const testEntityPattern = /test(?:user|group)-[\w+=,.@-]*[\w+=@-]/gi;
/** `The user with name bob cannot be found.` */
const namedEntityPattern = /((?:user|group|role|policy|profile) with name )[\w+=,.@-]*[\w+=@-]/gi;
/** 12 digits that stand alone. The last part of a UUID does not, nor do the digits of a fraction. */
const accountPattern = /(?:(?<![\w.-])|(?<=%[\dA-F]{2}))\d{12}(?![\w-]|\.\d)/gi;
/** An access key or another unique id. The number of the account can be computed from most of them. */
const idPattern = /\bA(?:BIA|CCA|GPA|IDA|IPA|KIA|NPA|NVA|PKA|ROA|SCA|SIA)[A-Z2-7]{12,}\b/g;

/** Adds the account and the names of entities that an ARN holds. */
function collect(arn: string, names: Set<string>, accounts: Set<string>): void {
  const [, , , , account = '', ...resource] = decode(arn).split(':');
  if (/^\d{12}$/.test(account)) accounts.add(account);
  if (account === 'aws') return;
  const [kind, ...path] = resource.join('/').split('/');
  // Both the role and the session have a name.
  for (const name of kind === 'assumed-role' ? path : path.slice(-1)) {
    if (/^[\w+=,.@-]{2,}$/.test(name)) names.add(name);
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Finds any of these texts between two boundaries, the longest first. Finds nothing if there are none. */
function patternOf(texts: ReadonlySet<string>, before: string, after: string): RegExp {
  const sources = [...texts].filter((text) => text !== '').toSorted((a, b) => b.length - a.length);
  const any = sources.length === 0 ? '(?!)' : sources.map((text) => RegExp.escape(text)).join('|');
  return new RegExp(`${before}(?:${any})${after}`, 'g');
}

/** Copies a value of JSON, with every text in it replaced, except what is {@link kept}. */
function visitTexts<Value>(value: Value, visit: (text: string) => string): Value {
  if (typeof value === 'string') return visit(value) as Value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item: unknown) => visitTexts(item, visit)) as Value;
  const copy: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) copy[key] = kept.has(key) ? item : visitTexts(item, visit);
  return copy as Value;
}
