import { appendFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { makeDir } from '../host/make-dir.ts';
import { replaceFile } from '../host/write-file.ts';
import type { MonitorRun } from '../runner/monitor-run.ts';
import { type FailedStep, type StepResult, verdicts } from '../runner/step-result.ts';
import { formatDuration } from '../text/duration.ts';
import { messageOf, oneLine, plural } from '../text/printable.ts';
import { formatSecond } from '../text/time.ts';
import { codeBlock, plainText } from './markdown.ts';
import type { ReportOutcome, RunReporter } from './run-reporter.ts';
import { describeAnswer, describeInterruption, describeSide, problemsOutsideSteps } from './run-text.ts';

/** GitHub drops a summary of more than 1 MiB as a whole. */
export const maxSummaryBytes = 900_000;
/** If less is left, nothing of use fits. */
const minSummaryBytes = 2000;
const reservedForNote = 200;

const maxTextLength = 2000;
const maxNameLength = 100;
const barWidth = 32;

interface SummaryOptions {
  /** The outcomes of the reports so far. */
  readonly earlier: readonly ReportOutcome[];
  /** @default maxSummaryBytes */
  readonly maxBytes?: number;
}

/**
 * Renders a run as GitHub's Markdown, for the summary of a CI job: whose side a failure is on, what to do, the steps, and
 * what is wrong on our own side. Text that does not fit is cut between two lines, and the end says so.
 *
 * ````md
 * ## ✗ IAM failed at CreateGroup: service (IAM's side)
 *
 * CreateGroup failed: ServiceFailure (HTTP 500): The request processing has failed.
 *
 * **What to do:** AWS answered with an error of its own. Check the AWS Health Dashboard.
 *
 * live · 2026-11-22 10:00:00 UTC · region us-east-1 · namespace prod · 2.02 s · version 0.1.0
 *
 * | | step | result | time | attempts | propagation | request id |
 * |---|---|---|--:|--:|--:|---|
 * | ✓ | CreateUser | passed | 84 ms | 1 | | 6b7f9f3e-0001 |
 * | ✗ | CreateGroup | failed: service (IAM's side) | 313 ms | 3 | | 6b7f9f3e-0002 |
 * | - | AddUserToGroup | blocked: CreateGroup failed | | | | |
 *
 * ```text
 * CreateUser   ████████▋                          84 ms
 * CreateGroup  ██████████████░░░░░░░░░░░░░░░░░░  313 ms
 *              █ calls  ░ waiting for a retry or for propagation
 * ```
 *
 * ### On our side
 *
 * - left behind: user testuser-prod-m3x8k2-7f3a (DeleteUser: AccessDenied)
 * ````
 */
export function renderSummary(run: MonitorRun, { earlier, maxBytes = maxSummaryBytes }: SummaryOptions): string {
  const failed = run.steps.find((step) => step.state === 'failed');
  const parts = [
    `## ${headline(run, failed)}\n\n`,
    ...(failed === undefined ? [] : explanation(failed)),
    `${facts(run)}\n\n`,
    ...table(run.steps),
    chart(run.steps),
    ...ourSide(run, failed, earlier),
  ];
  return fit(parts, maxBytes);
}

function headline(run: MonitorRun, failed: FailedStep | undefined): string {
  const outcome = describeOutcome(run, failed);
  return run.mode === 'offline' ? `Rehearsal, offline over the mock: ${outcome}` : outcome;
}

function describeOutcome(run: MonitorRun, failed: FailedStep | undefined): string {
  const service = run.mode === 'offline' ? 'the mock' : 'IAM';
  const passed = run.steps.filter(({ state }) => state === 'passed').length;
  const inTime = `in ${formatDuration(run.durationMs)}`;
  switch (run.state) {
    case 'passed':
      return passed === run.steps.length
        ? `✓ ${service}: all ${plural(passed, 'step')} passed ${inTime}`
        : `✓ ${service}: ${passed} of ${plural(run.steps.length, 'step')} passed ${inTime}, and the others did not run`;
    case 'failed': {
      if (failed === undefined) return '✗ The monitor failed outside of its steps (our side)';
      const { verdict } = failed.error;
      const side = verdicts[verdict];
      return side === 'theirs'
        ? `✗ ${service} failed at ${plainText(failed.name, maxNameLength)}: ${verdict} (${describeSide(verdict)})`
        : `✗ The monitor could not look: ${verdict} at ${plainText(failed.name, maxNameLength)} (${describeSide(verdict)})`;
    }
    case 'interrupted':
      return `! Not finished: ${plainText(describeInterruption(run) ?? '', maxTextLength)}`;
    default:
      return run.state satisfies never;
  }
}

function explanation({ error, evidence }: FailedStep): string[] {
  const details = [error.code, ...describeAnswer(evidence)].map((each) => plainText(each, maxNameLength));
  const isOurs = verdicts[error.verdict] === 'ours';
  return [
    `${plainText(error.message, maxTextLength)}\n\n`,
    ...(isOurs ? ['This is on our side, so it says nothing about IAM.\n\n'] : []),
    `**What to do:** ${plainText(error.advice, maxTextLength)}\n\n`,
    `${details.join(' · ')}\n\n`,
  ];
}

function facts({ mode, startedAt, region, namespace, instance, durationMs, version }: MonitorRun): string {
  const when = `${formatSecond(Date.parse(startedAt))} UTC`;
  const places = Object.entries({ region, namespace, instance });
  return [
    mode,
    when,
    ...places.flatMap(([name, place]) => (place === undefined ? [] : `${name} ${plainText(place, maxNameLength)}`)),
    formatDuration(durationMs),
    `version ${plainText(version, maxNameLength)}`,
  ].join(' · ');
}

const signs = { passed: '✓', failed: '✗', blocked: '-', interrupted: '!' } as const satisfies Record<
  StepResult['state'],
  string
>;

function table(steps: readonly StepResult[]): string[] {
  if (steps.length === 0) return ['No step ran.\n\n'];
  return [
    '| | step | result | time | attempts | propagation | request id |\n|---|---|---|--:|--:|--:|---|\n',
    ...steps.map(
      (step) => `| ${[signs[step.state], plainText(step.name, maxNameLength), ...cells(step)].join(' | ')} |\n`,
    ),
    '\n',
  ];
}

function cells(step: StepResult): string[] {
  if (step.state === 'blocked') return [`blocked: ${plainText(step.reason, maxTextLength)}`, '', '', '', ''];
  const { attempts, propagationMs, requestId } = step.evidence;
  return [
    describeResult(step),
    formatDuration(step.durationMs),
    attempts === undefined ? '' : String(attempts),
    propagationMs ? formatDuration(propagationMs) : '',
    requestId === undefined ? '' : plainText(requestId, maxNameLength),
  ];
}

function describeResult(step: Exclude<StepResult, { readonly state: 'blocked' }>): string {
  switch (step.state) {
    case 'passed':
      return 'passed';
    case 'failed':
      return `failed: ${step.error.verdict} (${describeSide(step.error.verdict)})`;
    case 'interrupted':
      return `interrupted: ${plainText(step.reason, maxTextLength)}`;
    default:
      return step satisfies never;
  }
}

/** Bars of the steps' times, in text, because that reads well in light and dark and needs no picture. */
function chart(steps: readonly StepResult[]): string {
  const ran = steps.flatMap((step) => (step.state === 'blocked' ? [] : [step]));
  const longestMs = Math.max(...ran.map(({ durationMs }) => durationMs));
  if (ran.length === 0 || longestMs <= 0) return '';
  // Only a name of our own kind: a fence or a line break in it would end the block.
  const names = ran.map(({ name }) => oneLine(name, 30).replaceAll('`', "'"));
  const nameWidth = Math.max(...names.map(({ length }) => length));
  let isWaiting = false;
  const lines = ran.map(({ durationMs, evidence }, index) => {
    const waitingMs = Math.min(durationMs, (evidence.retryDelayMs ?? 0) + (evidence.propagationMs ?? 0));
    const width = Math.max(1, Math.round((durationMs / longestMs) * barWidth));
    const waiting = Math.min(width, Math.round((waitingMs / longestMs) * barWidth));
    isWaiting ||= waiting > 0;
    const bar = `${'█'.repeat(width - waiting)}${'░'.repeat(waiting)}`.padEnd(barWidth);
    return `${names[index]?.padEnd(nameWidth)}  ${bar}  ${formatDuration(durationMs).padStart(7)}\n`;
  });
  const legend = isWaiting ? `${''.padEnd(nameWidth)}  █ calls  ░ waiting for a retry or for propagation\n` : '';
  return `\`\`\`text\n${lines.join('')}${legend}\`\`\`\n\n`;
}

/** What says nothing about IAM but something about this monitor or its account. */
function ourSide(run: MonitorRun, failed: FailedStep | undefined, earlier: readonly ReportOutcome[]): string[] {
  const isOurs = failed !== undefined && verdicts[failed.error.verdict] === 'ours';
  const items = [
    ...(isOurs ? [item(`${failed.name} failed: ${failed.error.verdict}, ${failed.error.code}`)] : []),
    ...problemsOutsideSteps(run).map(({ kind, message }) => item(`${kind}: ${message}`)),
    ...run.leftovers.map(({ entity, reason, command }) => {
      const remedy =
        command === undefined ? '' : `\n${indented(`Remove it with:\n\n${codeBlock(command, maxTextLength)}`)}`;
      return `${item(`left behind: ${entity} (${reason})`)}${remedy}`;
    }),
    ...earlier.filter(({ ok }) => !ok).map(({ text }) => item(text)),
    ...run.warnings.map(item),
  ];
  return items.length === 0 ? [] : ['### On our side\n\n', ...items];
}

function item(text: string): string {
  return `- ${plainText(text, maxTextLength)}\n`;
}

function indented(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '  ');
}

/** Joins whole parts until the limit, and says so if the rest is left out. */
function fit(parts: readonly string[], maxBytes: number): string {
  if (parts.reduce((sum, part) => sum + Buffer.byteLength(part), 0) <= maxBytes) return parts.join('');
  let text = '';
  let left = maxBytes - reservedForNote;
  for (const part of parts) {
    left -= Buffer.byteLength(part);
    if (left < 0) break;
    text += part;
  }
  return `${text}\n*Cut here, because the summary would be too large. The history has all of it.*\n`;
}

interface SummaryReporterOptions {
  /** `results/summary.md`, which each run replaces. Absent if nobody asked for it. */
  readonly file?: { readonly path: string; readonly shownAs: string };
  /** `GITHUB_STEP_SUMMARY`: the file that a GitHub job shows, to which other programs append too. */
  readonly jobSummary?: string;
}

/** Writes each run as Markdown: to the summary of the GitHub job that it runs in, and to a file on request. */
export class SummaryReporter implements RunReporter {
  readonly what: string;
  readonly isOnDisk = true;
  readonly #options: SummaryReporterOptions;

  constructor(options: SummaryReporterOptions) {
    this.#options = options;
    this.what = `summary ${options.file?.shownAs ?? 'of the GitHub job'}`;
  }

  async report(run: MonitorRun, earlier: readonly ReportOutcome[]): Promise<ReportOutcome> {
    const { file, jobSummary } = this.#options;
    const done: string[] = [];
    const problems: string[] = [];
    const write = async (what: string, action: () => Promise<void>): Promise<void> => {
      try {
        await action();
        done.push(what);
      } catch (error) {
        problems.push(`${what} could not be written: ${oneLine(messageOf(error), 200)}`);
      }
    };
    if (file !== undefined) {
      await write(`summary ${file.shownAs}`, async () => {
        await makeDir(path.dirname(file.path));
        await replaceFile(file.path, renderSummary(run, { earlier }));
      });
    }
    if (jobSummary !== undefined) {
      await write('summary of the GitHub job', async () => await appendSummary(jobSummary, run, earlier));
    }
    return { ok: problems.length === 0, isRoutine: true, text: [...problems, ...done].join('; ') };
  }
}

async function appendSummary(file: string, run: MonitorRun, earlier: readonly ReportOutcome[]): Promise<void> {
  const usedBytes = await stat(file).then(
    ({ size }) => size,
    () => 0,
  );
  const maxBytes = maxSummaryBytes - usedBytes - 2;
  if (maxBytes < minSummaryBytes)
    throw new Error(`the file already has ${usedBytes} bytes, and GitHub shows at most 1 MiB`);
  // What another program wrote before may end without a line break.
  await appendFile(file, `${usedBytes > 0 ? '\n\n' : ''}${renderSummary(run, { earlier, maxBytes })}`);
}
