import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { fakeClock } from '../../runner/testing/fake-clock.ts';
import { createMetristApi } from '../delivery/api.ts';
import { deliver, type DeliverOptions, type DeliveryReport, holdError } from '../delivery/deliver.ts';
import type { MetristClientOptions } from '../request.ts';
import { Outbox } from '../delivery/outbox.ts';
import type { MetristResult } from '../delivery/results.ts';
import { errorBody, telemetryBody } from './builders.ts';
import { type MetristStandInOptions, startMetristStandIn } from './stand-in.ts';

export const token = 'k3v0test0token';

/** A directory for the running test. */
export async function temporaryDirectory(): Promise<string> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-outbox-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

export function telemetry(check: string): MetristResult {
  return { kind: 'telemetry', body: telemetryBody({ check_logical_name: check }) };
}

/** @param time when the step failed, on the day of the tests: `11:59:58` */
export function failure(check: string, time = '11:59:58') {
  return {
    kind: 'error',
    body: errorBody({ check_logical_name: check, time: `2026-11-22T${time}.312000`, blocked_steps: [] }),
  } as const satisfies MetristResult;
}

/** A run of three steps of which the last one failed. */
export const failedRun = [telemetry('CreateUser'), telemetry('CreateGroup'), failure('AddUserToGroup')];

/** Every file below a directory, by its path in it, sorted. */
export async function filesIn(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.join(path.relative(dir, entry.parentPath), entry.name))
    .toSorted();
}

/** Outbox, stand-in and client for one test, with a clock that the test moves. Attempts follow each other without a wait. */
export async function setUpDelivery({
  api: apiOptions = {},
  ...standInOptions
}: Partial<MetristStandInOptions> & { readonly api?: Partial<MetristClientOptions> } = {}) {
  const clock = fakeClock();
  let clockErrorMs = 0;
  const now = (): Date => new Date(clock.now().getTime() + clockErrorMs);
  const standIn = await startMetristStandIn({ token, nowMs: () => clock.elapsedMs(), ...standInOptions });
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (isOpen) await standIn.close();
    isOpen = false;
  };
  onTestFinished(close);
  const api = createMetristApi({ baseUrl: standIn.url, token, userAgent: 'awsiam/0.1.0', ...apiOptions });
  const dir = path.join(await temporaryDirectory(), 'outbox');
  const makeOutbox = (): Outbox => new Outbox({ dir, now, uptimeMs: () => clock.elapsedMs() });
  const outbox = makeOutbox();
  const waitsMs: number[] = [];
  return {
    clock,
    /** From now on the host's clock is wrong by this much. */
    setClockWrong: (byMs: number): void => void (clockErrorMs = byMs),
    standIn,
    /** From now on nobody listens. */
    closeMetrist: close,
    api,
    dir,
    outbox,
    /** The same directory for another process. */
    makeOutbox,
    /** The waits between attempts that were asked for. */
    waitsMs,
    /** What a run does at its end. */
    deliver: async (results: readonly MetristResult[] = [], overrides: Partial<DeliverOptions> = {}) =>
      await deliver(await holdError(results, overrides.outbox ?? outbox), {
        api,
        outbox,
        elapsedMs: () => clock.elapsedMs(),
        signal: new AbortController().signal,
        wait: (delayMs) => Promise.resolve(waitsMs.push(delayMs)),
        ...overrides,
      }),
    /** The files in the outbox. */
    files: () => filesIn(dir),
  };
}

/** A report whose other numbers are 0. */
export function report(overrides: Partial<DeliveryReport> = {}): DeliveryReport {
  return {
    own: 0,
    missing: 0,
    lost: 0,
    delivered: 0,
    waiting: 0,
    unconfirmed: 0,
    refused: 0,
    dropped: 0,
    corrupt: 0,
    foreign: 0,
    ...overrides,
  };
}
