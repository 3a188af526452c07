import { rm, stat, truncate } from 'node:fs/promises';
import path from 'node:path';
import { makeDir } from '../host/make-dir.ts';
import { removeUnfinished, replaceFile } from '../host/write-file.ts';
import type { MonitorRun, RunProblem } from '../runner/monitor-run.ts';
import type { ReportOutcome, RunReporter } from './run-reporter.ts';
import { type FailedStep, type StepResult, formatStepError, verdicts } from '../runner/step-result.ts';
import {
  evidenceEntries,
  renderTimeline,
  describeInterruption,
  summariseRun,
  problemsOutsideSteps,
} from './run-text.ts';
import { messageOf, oneLine, visibleText } from '../text/printable.ts';
import { clip } from '../text/redact.ts';
import junitReportBuilder, { type TestCase } from 'junit-report-builder';

/** What a JUnit document says besides the run itself. */
interface JunitOptions {
  /** Name of the machine, for `<testsuite hostname>`. */
  readonly hostname?: string;
  /** The file that defines the steps, relative to the repository's root, for `<testcase file>`: `suites/awsiam/steps.ts`. */
  readonly stepsFile?: string;
}

/** Limit for `message` attributes and property values, which dashboards show whole in lists and tooltips. */
const maxAttributeLength = 1000;
/** Limit for the text of one element: an answer of a megabyte must not fill every dashboard. */
const maxTextLength = 64 * 1024;

/**
 * A run as JUnit XML. A failure on the service's side is a `<failure>`, one on ours an `<error>`. Blocked and interrupted
 * steps are `<skipped>` with the reason. A problem outside of the steps is a case of its own, so that a failed run always
 * has a failed case. The suite says if the run was interrupted, because its cases only look skipped. Every body repeats the
 * message, because GitLab reads only bodies. Names and class names are the same in every run.
 *
 * ```xml
 * <testsuite name="awsiam.lifecycle" timestamp="2026-11-22T10:00:00.000Z" time="0.9" tests="8" failures="1" …>
 *   <testcase classname="awsiam.lifecycle" name="CreateGroup" time="0.313" timestamp="2026-11-22T10:00:01.000Z">
 *     <properties><property name="requestId" value="6b7f9f3e-0000-4000-8000-000000000001"/> …</properties>
 *     <failure message="service: CreateGroup failed: …" type="service">service: CreateGroup failed: …</failure>
 *     <system-out>started 2026-11-22T10:00:01.000Z …</system-out>
 *   </testcase> …
 * ```
 *
 * Pure, and never throws on any text. `reporters/testing/golden/` has complete documents.
 */
export function renderJunit(run: MonitorRun, options: JunitOptions = {}): string {
  const builder = junitReportBuilder.newBuilder().name(run.monitor);
  const className = `${run.monitor}.lifecycle`;
  const suite = builder.testSuite().name(className).timestamp(run.startedAt).time(seconds(run.durationMs));
  const { version, mode, instance, state } = run;
  for (const [name, value] of Object.entries({ version, mode, instance, state })) {
    if (value !== undefined) suite.property(name, attribute(value));
  }
  for (const step of run.steps) addStep(suite.testCase().className(className), step, options);
  const names = new Set<string>();
  for (const problem of problemsOutsideSteps(run)) addProblem(suite.testCase().className(className), problem, names);

  onBuild(suite, (element) => {
    // junit-report-builder gives <testsuites> no time of its own.
    element.up().att('time', seconds(run.durationMs));
    if (options.hostname !== undefined) element.att('hostname', attribute(options.hostname));
    const place = instance === undefined ? '' : ` at ${instance}`;
    putText(element, 'system-out', body([`${run.monitor} ${version} ${mode}${place}: ${summariseRun(run)}`]));
    const remarks = describeRemarks(run);
    if (remarks.length > 0) putText(element, 'system-err', body(remarks));
  });
  return `${builder.build()}\n`;
}

function addStep(testCase: TestCase, step: StepResult, { stepsFile }: JunitOptions): void {
  testCase.name(attribute(step.name));
  if (stepsFile !== undefined) testCase.file(attribute(stepsFile));
  if (step.state === 'blocked') {
    testCase.time(0);
    addSkipped(testCase, step.reason);
    return;
  }
  testCase.time(seconds(step.durationMs));
  for (const [name, value] of evidenceEntries(step.evidence)) testCase.property(name, attribute(String(value)));
  if (step.state === 'failed') addFailure(testCase, step);
  if (step.state === 'interrupted') addSkipped(testCase, step.reason);
  onBuild(testCase, (element) => {
    element.att('timestamp', step.startedAt);
    putText(element, 'system-out', body(renderTimeline(step)));
  });
}

function addFailure(testCase: TestCase, step: FailedStep): void {
  const { error } = step;
  const element = verdicts[error.verdict] === 'theirs' ? 'failure' : 'error';
  testCase.property('verdict', error.verdict).property('code', attribute(error.code));
  testCase[element](attribute(formatStepError(error)), error.verdict);
  onBuild(testCase, (caseElement) => putText(caseElement, element, describeFailure(step)));
}

function describeFailure({ error, evidence }: FailedStep): string {
  return body([
    clip(formatStepError(error), maxTextLength / 2),
    '',
    `What to do: ${error.advice}`,
    '',
    `code: ${error.code}`,
    ...evidenceEntries(evidence).map(([name, value]) => `${name}: ${value}`),
    ...(error.stack === undefined ? [] : ['', error.stack]),
  ]);
}

function addSkipped(testCase: TestCase, reason: string): void {
  testCase.skipped();
  onBuild(testCase, (element) => putText(element, 'skipped', body([reason]), { message: attribute(reason) }));
}

/** Adds a case `(run) load`, `(run) load 2`, …: of two cases with the same name, GitLab shows only the first. */
function addProblem(testCase: TestCase, problem: RunProblem, names: Set<string>): void {
  let name = `(run) ${problem.kind}`;
  for (let count = 2; names.has(name); count++) name = `(run) ${problem.kind} ${count}`;
  names.add(name);
  const text = [clip(problem.message, maxTextLength / 2), ...(problem.stack === undefined ? [] : ['', problem.stack])];
  const verdict = problem.kind === 'configuration' ? 'configuration' : 'monitor';
  testCase.name(name).time(0).error(attribute(problem.message), verdict);
  onBuild(testCase, (element) => putText(element, 'error', body(text)));
}

function describeRemarks(run: MonitorRun): string[] {
  const interruption = describeInterruption(run);
  return [
    ...(interruption === undefined ? [] : [`${interruption}: what did not run is neither a success nor a failure`]),
    ...run.leftovers.map(
      ({ entity, reason, command }) =>
        `left behind: ${entity} (${reason})${command === undefined ? '' : `; remove with: ${command}`}`,
    ),
    ...run.warnings.map((warning) => `warning: ${warning}`),
  ];
}

/**
 * Seconds with at most three decimals, because the schemas of Surefire and Jenkins accept no more. JavaScript never prints
 * such a number with an exponent.
 */
function seconds(durationMs: number): number {
  return Number.isFinite(durationMs) && durationMs > 0 ? Math.round(durationMs) / 1000 : 0;
}

/** Joins the lines: dashboards show one line, and the first line of a message with a list says little. */
function attribute(text: string): string {
  return oneLine(text.trim().replaceAll(/\s*\n\s*/g, ' '), maxAttributeLength);
}

function body(lines: readonly string[]): string {
  return visibleText(clip(lines.join('\n'), maxTextLength));
}

interface JunitReporterOptions extends JunitOptions {
  /** Path of the document. Missing directories are made. */
  readonly file: string;
  /** The path as messages show it. @default file */
  readonly shownAs?: string;
}

/**
 * Writes each run as a JUnit document. The new document replaces the old one in one go. If that fails, the old one is
 * removed: it would look like the report of this run.
 */
export class JunitReporter implements RunReporter {
  readonly #options: JunitReporterOptions;
  readonly what: string;
  readonly isOnDisk = true;

  constructor(options: JunitReporterOptions) {
    this.#options = options;
    this.what = `JUnit ${options.shownAs ?? options.file}`;
  }

  async report(run: MonitorRun): Promise<ReportOutcome> {
    const { file } = this.#options;
    try {
      await makeDir(path.dirname(file));
      await replaceFile(file, renderJunit(run, this.#options));
      await removeUnfinished(file);
      return { ok: true, isRoutine: true, text: this.what };
    } catch (error) {
      const older = (await removeOlder(file)) ? '' : ', and an older one could not be removed';
      return { ok: false, text: `${this.what} could not be written${older}: ${oneLine(messageOf(error), 200)}` };
    }
  }
}

/** @returns whether no older document is left */
async function removeOlder(file: string): Promise<boolean> {
  // If it cannot be removed, it is emptied: programs that read it fail on an empty document.
  await rm(file, { force: true }).catch(async () => await truncate(file).catch(() => {}));
  return await stat(file).then(
    (stats) => !stats.isFile() || stats.size === 0,
    () => true,
  );
}

/** An element of the document that junit-report-builder writes (`XMLElement` of the package xmlbuilder). */
type XmlElement = ReturnType<TestCase['build']>;

/**
 * Extends the element of `node` after junit-report-builder has built it, because the library has no methods for some
 * attributes, for the reason of a skipped case and for a suite's output.
 */
function onBuild(node: { build(parent: XmlElement): XmlElement }, extend: (element: XmlElement) => void): void {
  const build = node.build.bind(node);
  node.build = (parent) => {
    const element = build(parent);
    extend(element);
    return element;
  };
}

/**
 * Appends `<name>text</name>` to `parent`, or puts the text into the element of that name if the library has made one.
 * The text is escaped and never CDATA: the library handles only the first `]]>` of a CDATA section.
 */
function putText(parent: XmlElement, name: string, text: string, attributes: Record<string, string> = {}): void {
  const made = parent.children.find((child): child is XmlElement => 'name' in child && child.name === name);
  (made ?? parent.ele(name)).att(attributes).txt(text);
}
