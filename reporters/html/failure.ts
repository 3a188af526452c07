import { formatUtc } from '../../text/time.ts';
import type { Overview } from '../../history/overview.ts';
import type { Failure, RunTable } from '../../history/run-table.ts';
import type { RunRecord } from '../../history/run-record.ts';
import { verdicts, type Verdict } from '../../runner/step-result.ts';
import { formatDuration } from '../../text/duration.ts';
import { clip } from '../../text/redact.ts';
import { plural } from '../../text/printable.ts';
import { describeSide, problemsOutsideSteps } from '../run-text.ts';
import { currentFailures } from '../state-text.ts';
import { html, type Html } from './html.ts';

const maxMessageLength = 2000;
const maxRequestIds = 10;

type Operations = Readonly<Record<string, string>>;

/**
 * The failure of the last run, or else the newest one behind the present state.
 *
 * @param operations the service's name of each step's call, where it differs from the step's
 */
export function renderFailure(overview: Overview, operations: Operations): Html | undefined {
  const { lastRun } = overview;
  if (lastRun?.state === 'failed') {
    const failure = failureOf(lastRun);
    const problems = problemsOutsideSteps(lastRun);
    return html`<section aria-labelledby="failure">
      <h2 id="failure">The last run failed</h2>
      ${failure && renderOne(failure, overview, operations)}${problems.map(
        ({ kind, message }) =>
          html`<div class="failure ours">
            <p><b>The monitor has a problem (${kind}).</b> This is on our side.</p>
            <blockquote><code>${clip(message, maxMessageLength)}</code></blockquote>
          </div>`,
      )}
    </section> `;
  }
  const last = currentFailures(overview)
    .toSorted((a, b) => a.endMs - b.endMs)
    .at(-1);
  if (last === undefined) return undefined;
  return html`<section aria-labelledby="failure">
    <h2 id="failure">The newest failure</h2>
    ${renderOne(last, overview, operations)}
  </section> `;
}

/** The failed step of a run. */
function failureOf(run: RunRecord): Failure | undefined {
  const result = run.steps.find((step) => step.state === 'failed');
  if (result === undefined) return undefined;
  const startMs = Date.parse(result.startedAt);
  return { runMs: Date.parse(run.startedAt), startMs, endMs: startMs + result.durationMs, result, run };
}

function renderOne(failure: Failure, { table }: Overview, operations: Operations): Html {
  const { result, runMs } = failure;
  const { error, name } = result;
  const side = verdicts[error.verdict];
  const operation = operationOf(name, operations);
  return html`<div class="failure ${side}">
    <p>
      <b>${name} failed on ${describeSide(error.verdict)}</b> in the run of ${formatUtc(runMs)}.
      <span class="verdict">Verdict: ${error.verdict}, ${meanings[error.verdict]}.</span>
    </p>
    <blockquote><code>${clip(error.message, maxMessageLength)}</code></blockquote>
    <h3>What to do</h3>
    <p>${clip(error.advice, maxMessageLength)}</p>
    <h3>${side === 'theirs' ? 'To paste into an AWS support case' : 'The facts, to pass on'}</h3>
    <pre tabindex="0" role="group" aria-label="Facts of the failure">${supportText(failure, operation, table)}</pre>
    <h3>These calls in CloudTrail</h3>
    <p>CloudTrail needs up to 15 minutes to show an event. It has none of a request that never reached AWS.</p>
    <pre tabindex="0" role="group" aria-label="Commands for CloudTrail">${cloudTrailCommands(failure, operation)}</pre>
  </div> `;
}

const meanings: Readonly<Record<Verdict, string>> = {
  service: 'IAM answered with an error of its own',
  throttled: 'IAM refused the request because of too many',
  timeout: 'IAM did not answer in time',
  network: 'the network did not get us to IAM',
  propagation: 'a change did not become visible in time',
  credentials: 'the key of the monitor is wrong or has expired',
  permission: 'the monitor may not make this call',
  quota: 'a quota of the account is used up',
  configuration: 'a setting is wrong',
  monitor: 'a fault of the monitor',
};

/**
 * What AWS support asks for, as plain text:
 *
 * ```text
 * Service:      AWS Identity and Access Management (IAM)
 * Operation:    CreateGroup
 * Account:      123456789012
 * Region:       us-east-1
 * Started:      2026-11-22T10:00:01.000Z
 * Ended:        2026-11-22T10:00:01.312Z
 * Error:        ServiceFailure, HTTP 500
 * Request id:   6b7f9f3e-0000-4000-8000-000000000002
 * Attempts:     3, with 180 ms of waiting between them
 * Same failure: 30 times, first at 2026-11-22T09:02:01.000Z
 * Request ids:  …
 * ```
 */
function supportText({ startMs, endMs, result, run }: Failure, operation: string, table: RunTable): string {
  const { error, evidence, name } = result;
  const isSame = (other: Failure): boolean =>
    other.result.name === name &&
    other.result.error.verdict === error.verdict &&
    other.result.error.code === error.code;
  const group = table.failureGroups.find(
    ({ step, verdict, code }) => step === name && verdict === error.verdict && code === error.code,
  );
  const earlier = table.failures
    .filter((other) => isSame(other) && other.startMs < startMs && other.result.evidence.requestId !== undefined)
    .slice(-maxRequestIds);
  const { attempts, httpStatus, requestId, retryDelayMs = 0, resolution } = evidence;
  const lines: readonly (readonly [name: string, value: string | undefined])[] = [
    ['Service', 'AWS Identity and Access Management (IAM)'],
    ['Operation', operation],
    ['Account', run.account ?? 'unknown'],
    ['Region', run.region ?? 'unknown'],
    ['Started', new Date(startMs).toISOString()],
    ['Ended', new Date(endMs).toISOString()],
    ['Error', httpStatus === undefined ? `${error.code}, no HTTP answer` : `${error.code}, HTTP ${httpStatus}`],
    ['Request id', requestId ?? 'none: no answer came'],
    [
      'Attempts',
      attempts === undefined
        ? undefined
        : `${attempts}${retryDelayMs > 0 ? `, with ${formatDuration(retryDelayMs)} of waiting between them` : ''}`,
    ],
    ['Note', resolution],
    [
      'Same failure',
      group === undefined || group.count < 2
        ? undefined
        : `${plural(group.count, 'time')}, first at ${new Date(group.first.startMs).toISOString()}`,
    ],
    ...earlier.map(
      (other, index) =>
        [
          index === 0 ? 'Earlier ones' : '',
          `${new Date(other.startMs).toISOString()}  ${other.result.evidence.requestId ?? ''}`,
        ] as const,
    ),
  ];
  return lines
    .flatMap(([label, value]) =>
      value === undefined
        ? []
        : `${(label === '' ? '' : `${label}:`).padEnd(14)}${clip(value, 300).replaceAll(/\s+/gu, ' ')}`,
    )
    .join('\n');
}

function operationOf(step: string, operations: Operations): string {
  const operation = operations[step] ?? step;
  return /^\w+$/.test(operation) ? operation : 'unknown';
}

/** The calls of the run on its test user, and the calls of the failed operation, whose event may name no user. */
function cloudTrailCommands({ run, runMs, startMs, endMs }: Failure, operation: string): string {
  const lookUp = (attribute: string, value: string, fromMs: number): string =>
    [
      `aws cloudtrail lookup-events --region ${homeRegionOf(run.region ?? '')}`,
      `  --lookup-attributes AttributeKey=${attribute},AttributeValue=${value}`,
      `  --start-time ${wholeSecond(fromMs - 2000)} --end-time ${wholeSecond(endMs + 3000)}`,
    ].join(' \\\n');
  return [
    // Only a name that no shell can misread stands in a command.
    ...(/^[\w+=,.@-]+$/.test(run.testUser ?? '') ? [lookUp('ResourceName', run.testUser ?? '', runMs)] : []),
    lookUp('EventName', operation, startMs),
  ].join('\n\n');
}

/** The region where CloudTrail has the events of IAM, which depends on the partition. */
function homeRegionOf(region: string): string {
  if (region.startsWith('us-gov-')) return 'us-gov-west-1';
  if (region.startsWith('cn-')) return 'cn-north-1';
  if (region.startsWith('us-isob-')) return 'us-isob-east-1';
  if (region.startsWith('us-iso-')) return 'us-iso-east-1';
  return 'us-east-1';
}

function wholeSecond(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
