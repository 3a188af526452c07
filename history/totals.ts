import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { lockFile } from '../host/file-lock.ts';
import { makeDir } from '../host/make-dir.ts';
import { replaceFile } from '../host/write-file.ts';
import type { MonitorRun, RunMode } from '../runner/monitor-run.ts';
import type { Side } from '../runner/step-result.ts';
import { addRun, emptyCounters, readCounters, saveCounters, sideOfFailure, type Counters } from './counters.ts';
import { dayFile, dayOf, listDays } from './day-files.ts';
import {
  readAmount,
  readCount,
  readFields,
  readList,
  readName,
  readNumber,
  readOneOf,
  readPresent,
  readText,
  readTime,
  readTotal,
} from './json-fields.ts';
import { couldLook, endOf, looksOf } from './looks.ts';
import { readDay } from './read-history.ts';
import type { RunRecord } from './run-record.ts';
import { MonitorState } from './state.ts';
import { reasonOf } from './write-history.ts';

/** What reports need to know about the last run. */
export interface LastRun extends Pick<MonitorRun, 'version' | 'startedAt' | 'state' | 'namespace' | 'region'> {
  /** Epoch, UTC. */
  readonly endMs: number;
  /** Whose fault it is, if the run failed. */
  readonly side?: Side;
  readonly intervalSecs: number;
}

/** Everything that is folded over the runs of one mode and instance. */
export interface InstanceTotals {
  readonly mode: RunMode;
  /** Absent for runs without `METRIST_INSTANCE_ID`. */
  readonly instance?: string;
  readonly counters: Readonly<Counters>;
  readonly state: MonitorState;
  readonly lastRun: LastRun;
  /** The end of the last run that could look at one step or more. Epoch, UTC. Absent if none could. */
  readonly lastLookMs?: number;
  /** How many entities of the namespace the last sweep left. Absent if none ran. */
  readonly sweptRemaining?: number;
}

/** The totals of one mode and instance. `lastRun` is absent if only undelivered results are known so far. */
type Entry = Omit<InstanceTotals, 'counters' | 'lastRun'> & {
  readonly counters: Counters;
  readonly lastRun?: LastRun;
};

/** Whose totals they are. */
type Owner = Pick<InstanceTotals, 'mode' | 'instance'>;

/**
 * A fold over the history: counters and state for each mode and instance, and the place up to which the history is in them.
 * Its size does not depend on the number of runs.
 *
 * Saved in `results/totals.json`:
 *
 * ```json
 * { "schema": 1, "skipped": 0, "files": [["2026-11-21", 3241870], ["2026-11-22", 1350779]],
 *   "instances": [{ "mode": "live", "instance": "us-east-1", "counters": {…}, "state": {…}, "lastRun": {…} }] }
 * ```
 */
export class Totals {
  readonly #entries = new Map<string, Entry>();
  /**
   * For each file of the history, where the first line begins that is not in the totals. In the order in which the files
   * last grew.
   */
  readonly #files = new Map<string, number>();
  /** Lines of the history that were no runs. */
  skipped = 0;

  /** @throws TypeError if it is not what `save` of this version returned */
  static load(saved: unknown): Totals {
    const totals = new Totals();
    const { schema, skipped, files, instances } = readFields(saved);
    readSchema(schema);
    totals.skipped = readTotal(skipped);
    for (const [day, endByte] of readList(readList((value) => value))(files)) {
      totals.#files.set(readName(day), readTotal(endByte));
    }
    for (const entry of readList(readEntry)(instances)) totals.#entries.set(keyOf(entry), entry);
    return totals;
  }

  /** Adding to the copy does not change the original. */
  copy(): Totals {
    return Totals.load(JSON.parse(JSON.stringify(this.save())));
  }

  /** To be made JSON before anything is added. */
  save(): unknown {
    const instances = [...this.#entries.values()].map(({ counters, state, ...others }) => ({
      ...others,
      counters: saveCounters(counters),
      state: state.save(),
    }));
    return { schema: 1, skipped: this.skipped, files: [...this.#files], instances };
  }

  add(run: RunRecord): void {
    const known = this.#entryOf(run);
    addRun(known.counters, run);
    known.state.add(run);
    const lastLookMs = [...looksOf(run).values()].some(couldLook) ? endOf(run) : known.lastLookMs;
    const sweptRemaining = run.sweptRemaining ?? known.sweptRemaining;
    this.#entries.set(keyOf(run), {
      ...known,
      lastRun: toLastRun(run),
      ...(lastLookMs !== undefined && { lastLookMs }),
      ...(sweptRemaining !== undefined && { sweptRemaining }),
    });
  }

  /** Counts results that did not reach Metrist, which the history does not know. */
  addUndelivered(owner: Owner, undelivered: number): void {
    const entry = this.#entryOf(owner);
    entry.counters.undelivered += undelivered;
    this.#entries.set(keyOf(owner), entry);
  }

  /** The totals of a mode, one for each instance, the one that ran last first. */
  instances(mode: RunMode): readonly InstanceTotals[] {
    return [...this.#entries.values()]
      .filter((each): each is Entry & InstanceTotals => each.mode === mode && each.lastRun !== undefined)
      .toSorted((a, b) => b.lastRun.endMs - a.lastRun.endMs);
  }

  /**
   * The totals of an instance, or of the one that ran last if none is named. Absent if there was no such run.
   *
   * @param owner.instance an empty text means the runs without an instance
   */
  find({ mode, instance }: Owner): InstanceTotals | undefined {
    return this.instances(mode).find((each) => instance === undefined || (each.instance ?? '') === instance);
  }

  /** Where the lines of a day begin that are not in the totals. */
  startOf(day: string): number {
    return this.#files.get(day) ?? 0;
  }

  /** Notes that a day is in the totals up to here. */
  moveTo(day: string, endByte: number): void {
    this.#files.delete(day);
    this.#files.set(day, endByte);
  }

  /**
   * Chooses the files that may have lines that are not in the totals: those that are new, and the three that grew last. A run
   * may end after midnight in the file of yesterday, and another one beside it in that of today.
   *
   * @param day is chosen, too, because a clock that was wrong may have written to other files in between
   */
  daysToRead(days: readonly string[], day?: string): readonly string[] {
    const grew = new Set([...this.#files.keys()].slice(-3));
    if (day !== undefined) grew.add(day);
    return days.filter((each) => grew.has(each) || !this.#files.has(each));
  }

  /** Drops what belongs to files that retention removed: their places, and instances that have not run since. */
  forgetAllBut(days: readonly string[]): void {
    const kept = new Set(days);
    for (const day of this.#files.keys()) if (!kept.has(day)) this.#files.delete(day);
    const [oldest] = days;
    for (const [key, { lastRun }] of this.#entries) {
      if (oldest !== undefined && lastRun !== undefined && lastRun.endMs < Date.parse(oldest)) {
        this.#entries.delete(key);
      }
    }
  }

  #entryOf({ mode, instance }: Owner): Entry {
    const known = this.#entries.get(keyOf({ mode, ...(instance !== undefined && { instance }) }));
    if (known !== undefined) return known;
    const counters = emptyCounters();
    return { mode, ...(instance !== undefined && { instance }), counters, state: new MonitorState() };
  }
}

/** How far totals have come with the history. */
export interface CatchUpProgress {
  readonly daysDone: number;
  readonly days: number;
}

export interface ReadTotals {
  readonly totals: Totals;
  /** Which parts of the history could not be read, one clause each. */
  readonly problems: readonly string[];
}

interface ReadTotalsOptions {
  /** Absolute. */
  readonly resultsDir: string;
  /** Called after each day of the history that had to be read. */
  readonly onProgress?: (progress: CatchUpProgress) => void;
  /** Ends the reading. @default never */
  readonly signal?: AbortSignal;
}

/**
 * Reads the totals up to the newest run. Writes nothing, so it works for a user who may only read, and beside runs.
 *
 * @throws only the reason of the signal
 */
export async function readTotals(options: ReadTotalsOptions): Promise<ReadTotals> {
  const totals = await loadTotals(options.resultsDir);
  const { problems } = await catchUp(totals, options);
  return { totals, problems };
}

interface UpdateTotalsOptions {
  /** Absolute. Made if there is none. */
  readonly resultsDir: string;
  /** The run after which they are updated. */
  readonly run: Owner & Pick<MonitorRun, 'startedAt'>;
  /** How many of its results did not reach Metrist. */
  readonly undelivered?: number;
  /**
   * Called with totals that are complete and saved, while no other process can change them. If it throws, the totals stay
   * saved, and the outcome has its problem.
   */
  readonly whileLocked?: (totals: Totals) => Promise<void>;
  /** For how long the history may be read. @default 3000 */
  readonly catchUpMs?: number;
  /** How long to wait for another process that updates the same totals. @default 2000 */
  readonly lockTimeoutMs?: number;
}

/** What became of an update. `problem` is a clause that says what was not done and why. */
export type TotalsUpdate =
  | { readonly state: 'updated'; readonly problems: readonly string[] }
  /** There was not enough time for the whole history. What was read is saved, and the next run goes on. */
  | { readonly state: 'catching up'; readonly progress: CatchUpProgress }
  | { readonly state: 'failed'; readonly problem: string };

/**
 * Brings `totals.json` up to the newest run. A run that a killed process or another front end has appended is not lost, and
 * none is counted twice: whatever happened, the file says up to where the history is in it. Never rejects.
 *
 * A file that is missing, damaged or of another version is made again from the history. That cannot bring back the results
 * that did not reach Metrist, and the runs of days that retention has removed.
 */
export async function updateTotals(options: UpdateTotalsOptions): Promise<TotalsUpdate> {
  const { resultsDir, run, undelivered = 0, whileLocked, catchUpMs = 3000, lockTimeoutMs = 2000 } = options;
  const inResults = (name: string): string => path.join(resultsDir, name);
  try {
    await makeDir(resultsDir);
    using lock = await lockFile(inResults(lockName), { timeoutMs: lockTimeoutMs });
    if (lock === undefined) return { state: 'failed', problem: `another process kept ${lockName} locked` };
    const totals = await loadTotals(resultsDir, lastSaved);
    if (undelivered > 0) totals.addUndelivered(run, undelivered);
    for (const untilMs = performance.now() + catchUpMs; ;) {
      const sliceMs = Math.min(catchUpMs, saveEveryMs);
      const { problems, progress } = await catchUp(totals, {
        resultsDir,
        catchUpMs: sliceMs,
        day: dayOf(run.startedAt),
      });
      const text = `${JSON.stringify(totals.save())}\n`;
      // The lock keeps others from writing a file of the same name.
      await replaceFile(inResults(fileName), text, { suffix: 'unfinished' });
      lastSaved = { resultsDir, text, totals };
      if (progress === undefined) {
        await whileLocked?.(totals);
        return { state: 'updated', problems };
      }
      if (performance.now() > untilMs) return { state: 'catching up', progress };
    }
  } catch (error) {
    return { state: 'failed', problem: reasonOf(error) };
  }
}

/** A run may have less time than it takes to read a long history, and must not begin again each time. */
const saveEveryMs = 250;

const fileName = 'totals.json';
/** Hidden, because it says nothing to people. */
const lockName = '.totals.lock';

interface SavedTotals {
  readonly resultsDir: string;
  /** What the file says. */
  readonly text: string;
  /** The same, or further on with the history if the disk did not take a newer text. */
  readonly totals: Totals;
}

/**
 * What this process saved last. A watch goes on with it: to parse the file again makes thousands of objects at each beat, which
 * took more than a quarter of its CPU time.
 */
let lastSaved: SavedTotals | undefined;

/**
 * Starts from the beginning if the file is missing, damaged, or of another version.
 *
 * @param known the result if the file still says the same. @default the file is parsed, so nobody else has the result
 */
async function loadTotals(resultsDir: string, known?: SavedTotals): Promise<Totals> {
  try {
    const text = await readFile(path.join(resultsDir, fileName), 'utf8');
    if (resultsDir === known?.resultsDir && text === known.text) return known.totals;
    return Totals.load(JSON.parse(text));
  } catch {
    return new Totals();
  }
}

interface CatchUpOptions extends ReadTotalsOptions {
  /** @default as long as it takes */
  readonly catchUpMs?: number;
  /** A day that may have grown. */
  readonly day?: string;
}

/** Adds what the history has got since the totals were saved. `progress` is set if there was not enough time for all. */
async function catchUp(
  totals: Totals,
  { resultsDir, catchUpMs = Infinity, day: ownDay, onProgress, signal }: CatchUpOptions,
): Promise<{ readonly problems: readonly string[]; readonly progress?: CatchUpProgress }> {
  const dir = path.join(resultsDir, 'runs');
  const untilMs = performance.now() + catchUpMs;
  const problems: string[] = [];
  const days = await listDays(dir).catch((error: unknown) => {
    problems.push(`${dir} could not be read: ${reasonOf(error)}`);
  });
  if (days === undefined) return { problems };
  totals.forgetAllBut(days);
  const toRead = totals.daysToRead(days, ownDay);
  const before = days.length - toRead.length;
  for (const [index, day] of toRead.entries()) {
    try {
      // A file that became shorter is not counted again.
      const { size } = await stat(path.join(dir, dayFile(day)));
      if (size < totals.startOf(day)) totals.moveTo(day, size);
      for await (const { run, isComplete, endByte } of readDay({ dir, day, startByte: totals.startOf(day) })) {
        signal?.throwIfAborted();
        // A line without its end may still be being written.
        if (!isComplete) break;
        if (run === undefined) totals.skipped += 1;
        else totals.add(run);
        totals.moveTo(day, endByte);
        if (performance.now() > untilMs) {
          return { problems, progress: { daysDone: before + index, days: days.length } };
        }
      }
    } catch (error) {
      signal?.throwIfAborted();
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      problems.push(`${path.join(dir, dayFile(day))} could not be read: ${reasonOf(error)}`);
    }
    onProgress?.({ daysDone: before + index + 1, days: days.length });
  }
  return { problems };
}

function keyOf({ mode, instance }: Owner): string {
  return JSON.stringify([mode, instance]);
}

function toLastRun(run: RunRecord): LastRun {
  const { version, startedAt, state, namespace, region, intervalSecs } = run;
  return {
    version,
    startedAt,
    endMs: endOf(run),
    state,
    ...(state === 'failed' && { side: sideOfFailure(run) }),
    intervalSecs,
    ...(namespace !== undefined && { namespace }),
    ...(region !== undefined && { region }),
  };
}

const readSchema = readOneOf([1]);
const readMode = readOneOf(['live', 'offline']);
const readRunState = readOneOf(['passed', 'failed', 'interrupted']);
const readSide = readOneOf(['theirs', 'ours']);

function readEntry(value: unknown): Entry {
  const fields = readFields(value);
  return {
    mode: readMode(fields['mode']),
    ...readPresent(fields, {
      instance: readName,
      lastLookMs: readNumber,
      sweptRemaining: readCount,
      lastRun: readLastRun,
    }),
    counters: readCounters(fields['counters']),
    state: MonitorState.load(fields['state']),
  };
}

function readLastRun(value: unknown): LastRun {
  const fields = readFields(value);
  return {
    version: readText(fields['version']),
    startedAt: readTime(fields['startedAt']),
    endMs: readNumber(fields['endMs']),
    state: readRunState(fields['state']),
    intervalSecs: readAmount(fields['intervalSecs']),
    ...readPresent(fields, { side: readSide, namespace: readName, region: readName }),
  };
}
