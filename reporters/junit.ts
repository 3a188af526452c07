import { randomInt } from 'node:crypto';
import { readdir, realpath, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { makeDir } from '../host/make-dir.ts';
import type { MonitorRun, RunProblem } from '../runner/monitor-run.ts';
import type { ReportOutcome, RunReporter } from './run-reporter.ts';
import { type FailedStep, type StepResult, formatStepError, sideOf } from '../runner/step-result.ts';
import { evidenceEntries, renderTimeline, describeInterruption, summariseRun, untoldProblems } from './run-text.ts';
import { clip, oneLine, visibleText } from '../text/printable.ts';
import junitReportBuilder, { type Builder, type TestCase } from 'junit-report-builder';

/** What a JUnit document can say beyond the run itself. */
export interface JunitOptions {
  /** Name of the machine, for `<testsuite hostname>`. */
  readonly hostname?: string;
  /** File that defines the steps, relative to the repository's root, for `<testcase file>`: `suites/awsiam/steps.ts`. */
  readonly stepsFile?: string;
}

/** Longest `message` attribute and property value: lists and hover texts show them whole. */
const maxAttributeLength = 1000;
/** Longest text of one element: a megabyte of answer must not become a megabyte in every dashboard. */
const maxTextLength = 64 * 1024;

/**
 * A run as JUnit XML. Theirs is a `<failure>`, ours an `<error>`; blocked and interrupted steps are `<skipped>` with the
 * reason; what went wrong outside of every step is a case of its own, so that red is never empty. An interrupted run says
 * so in the suite: only in its cases it would look like one that was skipped. Every body repeats the
 * message, because GitLab reads bodies alone; names and class names never change from run to run.
 *
 * ```xml
 * <?xml version="1.0" encoding="UTF-8"?>
 * <testsuites name="awsiam" tests="2" failures="1" errors="0" skipped="0" time="0.9">
 *   <testsuite name="awsiam.lifecycle" timestamp="2026-11-22T10:00:00.000Z" time="0.9" tests="2" failures="1" …>
 *     <properties>
 *       <property name="version" value="0.1.0"/> …
 *     </properties>
 *     <testcase classname="awsiam.lifecycle" name="CreateUser" time="0.084" timestamp="2026-11-22T10:00:00.000Z">
 *       <properties>
 *         <property name="requestId" value="6b7f9f3e-0000-4000-8000-000000000001"/> …
 *       </properties>
 *       <system-out>started 2026-11-22T10:00:00.000Z …</system-out>
 *     </testcase>
 *     <testcase classname="awsiam.lifecycle" name="CreateGroup" time="0.313" timestamp="2026-11-22T10:00:01.000Z">
 *       <failure message="service: CreateGroup failed: …" type="service">service: CreateGroup failed: …</failure>
 *     </testcase>
 *     <system-out>awsiam 0.1.0 live at us-east-1: 1 failed, 1 passed in 900 ms</system-out>
 *   </testsuite>
 * </testsuites>
 * ```
 *
 * Pure; never throws on any text. `reporters/testing/golden/` has whole documents.
 */
export function renderJunit(run: MonitorRun, options: JunitOptions = {}): string {
  const builder = newJunitBuilder().name(run.monitor);
  const suite = builder.testSuite().name(className(run)).timestamp(run.startedAt).time(seconds(run.durationMs));
  for (const [name, value] of runProperties(run)) suite.property(name, attribute(value));
  for (const step of run.steps) addStep(suite.testCase().className(className(run)), step, options);
  const names = new Set<string>();
  for (const problem of untoldProblems(run)) addProblem(suite.testCase().className(className(run)), problem, names);

  onBuild(suite, (element) => {
    element.up().att('time', seconds(run.durationMs));
    if (options.hostname !== undefined) element.att('hostname', attribute(options.hostname));
    putText(element, 'system-out', body([describeRun(run)]));
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
  const element = sideOf(error.verdict) === 'theirs' ? 'failure' : 'error';
  testCase.property('verdict', error.verdict).property('code', attribute(error.code));
  testCase[element](attribute(formatStepError(error)), error.verdict);
  onBuild(testCase, (caseElement) => putText(caseElement, element, describeFailure(step)));
}

/** The message, then what to do, then the evidence, then where it happened. */
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

/** A problem of the run as a case `(run) load`, `(run) load 2`, …: GitLab shows only the first of two equal names. */
function addProblem(testCase: TestCase, problem: RunProblem, names: Set<string>): void {
  let name = `(run) ${problem.kind}`;
  for (let count = 2; names.has(name); count++) name = `(run) ${problem.kind} ${count}`;
  names.add(name);
  const text = [clip(problem.message, maxTextLength / 2), ...(problem.stack === undefined ? [] : ['', problem.stack])];
  const verdict = problem.kind === 'configuration' ? 'configuration' : 'monitor';
  testCase.name(name).time(0).error(attribute(problem.message), verdict);
  onBuild(testCase, (element) => putText(element, 'error', body(text)));
}

function runProperties(run: MonitorRun): [name: string, value: string][] {
  return [
    ['version', run.version],
    ['mode', run.mode],
    ...(run.instance === undefined ? [] : ([['instance', run.instance]] satisfies [string, string][])),
    ['state', run.state],
  ];
}

function describeRun(run: MonitorRun): string {
  const place = run.instance === undefined ? '' : ` at ${run.instance}`;
  return `${run.monitor} ${run.version} ${run.mode}${place}: ${summariseRun(run)}`;
}

function describeRemarks(run: MonitorRun): string[] {
  const interruption = describeInterruption(run);
  return [
    ...(interruption === undefined ? [] : [`${interruption}: what it left out is neither a success nor a failure`]),
    ...run.leftovers.map(
      ({ entity, reason, command }) =>
        `left behind: ${entity} (${reason})${command === undefined ? '' : `; remove with: ${command}`}`,
    ),
    ...run.warnings.map((warning) => `warning: ${warning}`),
  ];
}

function className(run: MonitorRun): string {
  return `${run.monitor}.lifecycle`;
}

/**
 * Seconds with at most three decimals: schemas of Surefire and Jenkins accept no more. JavaScript never prints them with an
 * exponent.
 */
function seconds(durationMs: number): number {
  return Number.isFinite(durationMs) && durationMs > 0 ? Math.round(durationMs) / 1000 : 0;
}

/** In one line: lists and hover texts show it, and the first line of a message with a list says nothing. */
function attribute(text: string): string {
  return oneLine(text.trim().replaceAll(/\s*\n\s*/g, ' '), maxAttributeLength);
}

function body(lines: readonly string[]): string {
  return visibleText(clip(lines.join('\n'), maxTextLength));
}

/** Where the document goes, and what it can say beyond the run. */
export interface JunitReporterOptions extends JunitOptions {
  /** Path of the document. Missing directories are made; an earlier document is replaced in one go. */
  readonly file: string;
  /** The path for people. @default file */
  readonly shownAs?: string;
}

/** An unfinished document that is older than this was left by a process that was killed while it wrote. */
const staleAfterMs = 600_000;

/**
 * Writes each run as a JUnit document, in one go. Where that fails, no document is there: an older one would show a
 * success that is over.
 */
export class JunitReporter implements RunReporter {
  readonly #options: JunitReporterOptions;
  readonly what: string;

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
      return { ok: true, text: this.what };
    } catch (error) {
      const remark = (await removeOlder(file)) ? '' : ', and an older one could not be removed';
      const reason = error instanceof Error ? error.message : String(error);
      return { ok: false, text: `${this.what} could not be written${remark}: ${oneLine(reason, 200)}` };
    }
  }
}

/** @returns whether no older document is left */
async function removeOlder(file: string): Promise<boolean> {
  // If it cannot be removed either, an empty document makes its readers fail.
  await rm(file, { force: true }).catch(async () => await truncate(file).catch(() => {}));
  return await stat(file).then(
    (stats) => !stats.isFile() || stats.size === 0,
    () => true,
  );
}

/** Writes a file with a number after its name and renames it, so that nobody sees half a document. A link stays a link. */
async function replaceFile(file: string, text: string): Promise<void> {
  const target = await realpath(file).catch(() => file);
  const unfinished = `${target}.${randomInt(2 ** 32)}`;
  try {
    // Fails where the disk takes only a part.
    await writeFile(unfinished, text, { flush: true });
    await rename(unfinished, target);
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => {});
    throw error;
  }
}

/**
 * Removes the unfinished files that killed runs left. What cannot be looked at or removed stays: it
 * may be gone already, or be somebody else's.
 */
async function removeUnfinished(file: string): Promise<void> {
  const [dir, start] = [path.dirname(file), `${path.basename(file)}.`];
  const names = await readdir(dir).catch(() => []);
  for (const name of names) {
    if (!name.startsWith(start) || !/^\d+$/.test(name.slice(start.length))) continue;
    const unfinished = path.join(dir, name);
    const stats = await stat(unfinished).catch(() => undefined);
    if (stats !== undefined && Date.now() - stats.mtimeMs > staleAfterMs) await rm(unfinished).catch(() => {});
  }
}

/** An element of the document that junit-report-builder writes (`XMLElement` of the package xmlbuilder). */
export type XmlElement = ReturnType<TestCase['build']>;

/** Anything of junit-report-builder that becomes an element. */
interface Buildable {
  build(parent: XmlElement): XmlElement;
}

/** A new, empty JUnit document. */
export function newJunitBuilder(): Builder {
  return junitReportBuilder.newBuilder();
}

/**
 * Adds to the element that `node` becomes what junit-report-builder has no method for: attributes such as `hostname`,
 * the reason of a skipped case, a suite's output. `extend` runs once the library has finished the element.
 */
export function onBuild(node: Buildable, extend: (element: XmlElement) => void): void {
  const build = node.build.bind(node);
  node.build = (parent) => {
    const element = build(parent);
    extend(element);
    return element;
  };
}

/**
 * Appends `<name>text</name>` to `parent`, or puts the text into the element of that name where the library has made it.
 * Escaped text, never CDATA: the library's writer splits only the first `]]>` of a CDATA section.
 */
export function putText(parent: XmlElement, name: string, text: string, attributes: Record<string, string> = {}): void {
  const made = parent.children.find((child): child is XmlElement => 'name' in child && child.name === name);
  (made ?? parent.ele(name)).att(attributes).txt(text);
}
