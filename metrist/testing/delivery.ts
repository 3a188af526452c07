import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { fakeClock } from '../../runner/testing/fake-clock.ts';
import { createMetristApi, type MetristApiOptions } from '../delivery/api.ts';
import { deliver, type DeliverOptions } from '../delivery/deliver.ts';
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

/** @param time of the error, `10:00:01` on the day of the tests */
export function failure(check: string, time = '11:59:58'): MetristResult {
  return {
    kind: 'error',
    body: errorBody({ check_logical_name: check, time: `2026-11-22T${time}.312000`, blocked_steps: [] }),
  };
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

/** Outbox, stand-in and client of one test, with a clock that the test moves. Nothing waits between attempts. */
export async function setUpDelivery({
  api: apiOptions = {},
  ...standInOptions
}: Partial<MetristStandInOptions> & { readonly api?: Partial<MetristApiOptions> } = {}) {
  const clock = fakeClock();
  const now = (): Date => clock.now();
  const standIn = await startMetristStandIn({ token, nowMs: () => clock.now().getTime(), ...standInOptions });
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (isOpen) await standIn.close();
    isOpen = false;
  };
  onTestFinished(close);
  const api = createMetristApi({ baseUrl: standIn.url, token, userAgent: 'awsiam/0.1.0', ...apiOptions });
  const dir = path.join(await temporaryDirectory(), 'outbox');
  const outbox = new Outbox({ dir, now });
  const waitsMs: number[] = [];
  return {
    clock,
    now,
    standIn,
    /** From now on nobody listens. */
    closeMetrist: close,
    api,
    dir,
    outbox,
    /** How long it would have waited between attempts. */
    waitsMs,
    /** What a run does at its end. */
    deliver: (results: readonly MetristResult[] = [], overrides: Partial<DeliverOptions> = {}) =>
      deliver(results, {
        api,
        outbox,
        now,
        signal: new AbortController().signal,
        wait: (delayMs) => Promise.resolve(waitsMs.push(delayMs)),
        ...overrides,
      }),
    /** The results in the outbox, by their files. */
    files: () => filesIn(dir),
  };
}

/** A report with nothing but what is given. */
export function report(overrides: Partial<Awaited<ReturnType<typeof deliver>>> = {}) {
  return {
    delivered: 0,
    waiting: 0,
    unconfirmed: 0,
    dropped: 0,
    refused: 0,
    corrupt: 0,
    lost: 0,
    missing: 0,
    ...overrides,
  };
}
