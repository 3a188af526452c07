import { spawn } from 'node:child_process';
import { chmod, chown, mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test, type TestContext } from 'vitest';
import { need } from '../../runner/testing/needs.ts';
import { failure, filesIn, telemetry, temporaryDirectory, token } from '../../metrist/testing/delivery.ts';
import { type MetristStandIn, startMetristStandIn } from '../../metrist/testing/stand-in.ts';
import { failedStep, passedStep } from '../../runner/testing/builders.ts';
import type { StepResult } from '../../runner/step-result.ts';
import type { KillableRun } from '../harness/killable-run.ts';
import { projectDir } from '../harness/run.ts';

/**
 * Two users share one results directory. A user who may not remove an error must not send it, because they would send it again
 * with every run.
 */

const [owner, other] = [65_533, 65_534];
const failed = [passedStep(), failedStep()];
const passed = [passedStep()];

/** Reports a run as a user. Returns what its summary says about Metrist. */
async function runAs(uid: number, dir: string, metrist: MetristStandIn, steps: readonly StepResult[]): Promise<string> {
  const values = {
    METRIST_RESULTS_DIR: dir,
    METRIST_API_HOST: metrist.url,
    METRIST_API_TOKEN: token,
    METRIST_INSTANCE_ID: 'us-east-1',
  };
  const killable: KillableRun = { values, steps };
  const file = path.join(projectDir, 'e2e/harness/killable-run.ts');
  const child = spawn(process.execPath, [file, JSON.stringify(killable)], {
    uid,
    gid: uid,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  expect(output, errors).toMatch(/^done$/m);
  return output
    .split('\n')
    .filter((line) => line.includes('Metrist'))
    .join('\n');
}

async function start(context: TestContext): Promise<MetristStandIn> {
  need(context, process.getuid?.() === 0 || undefined, 'root, to run as two other users');
  const metrist = await startMetristStandIn({ token });
  context.onTestFinished(() => metrist.close());
  return metrist;
}

/** A results directory in which everybody may write, and the outbox in it. */
async function makeOutbox(uid: number, mode: number): Promise<{ readonly dir: string; readonly outbox: string }> {
  const dir = await temporaryDirectory();
  await chmod(dir, 0o777);
  const outbox = path.join(dir, 'outbox');
  await mkdir(outbox);
  await chown(outbox, uid, uid);
  await chmod(outbox, mode);
  return { dir, outbox };
}

const leftAlone = /Metrist: 1 result delivered, 1 file in .*outbox not sent: this user may not read or move them/;

test.for([
  { title: 'only its owner may write to it', uid: owner, mode: 0o755, fileMode: 0o644, says: leftAlone },
  {
    title: 'everybody may write, but remove only files of their own',
    uid: 0,
    mode: 0o1777,
    fileMode: 0o644,
    says: leftAlone,
  },
  { title: 'the files may be read by their owner alone', uid: 0, mode: 0o777, fileMode: 0o600, says: leftAlone },
  { title: 'everybody may do everything', uid: 0, mode: 0o777, fileMode: 0o644, says: /· 2 results to Metrist/ },
])('an outbox of two users in which $title: the error is sent once', async ({ uid, mode, fileMode, says }, context) => {
  const metrist = await start(context);
  const { dir, outbox } = await makeOutbox(uid, mode);
  metrist.behave(() => ({ kind: 'answer', status: 403 }));
  expect(await runAs(owner, dir, metrist, failed)).toContain('1 error waits');
  const [file = ''] = await filesIn(outbox);
  await chmod(path.join(outbox, file), fileMode);

  metrist.behave([]);
  expect(await runAs(other, dir, metrist, passed)).toMatch(says);
  await runAs(other, dir, metrist, passed);
  const isLeftAlone = says === leftAlone;
  expect(metrist.errors).toHaveLength(isLeftAlone ? 0 : 1);
  expect(await runAs(owner, dir, metrist, passed)).toContain(`${isLeftAlone ? 2 : 1} result`);
  expect(metrist.errors).toHaveLength(1);
  expect(await readdir(outbox)).toEqual([]);
});

test('files of an earlier version that belong to another user are left alone and mentioned', async (context) => {
  const metrist = await start(context);
  const { dir, outbox } = await makeOutbox(0, 0o1777);
  const old = path.join(outbox, '20261122T115000000-b8dd794b');
  await mkdir(old);
  for (const [name, content] of Object.entries({
    '00-telemetry.json': telemetry('CreateUser'),
    '01-error.json': failure('CreateGroup'),
  })) {
    await writeFile(path.join(old, name), JSON.stringify(content));
    await chown(path.join(old, name), owner, owner);
  }
  await chown(old, owner, owner);
  for (let run = 1; run <= 2; run++) expect(await runAs(other, dir, metrist, passed)).toMatch(leftAlone);
  expect(metrist.errors).toEqual([]);
  for (const results of [2, 1]) expect(await runAs(owner, dir, metrist, passed)).toContain(`${results} result`);
  expect(metrist.errors).toHaveLength(1);
  expect(await readdir(outbox)).toEqual([]);
});

test('an outbox that is not writable: the error is sent from memory, and lost only if Metrist does not take it', async (context) => {
  const metrist = await start(context);
  const { dir } = await makeOutbox(owner, 0o555);
  expect(await runAs(other, dir, metrist, failed)).toMatch(/Metrist: 2 results delivered, .*outbox could not be used/);
  expect(metrist.errors).toHaveLength(1);
  metrist.behave(() => ({ kind: 'answer', status: 403 }));
  expect(await runAs(other, dir, metrist, failed)).toMatch(
    /Metrist: 2 of 2 results not delivered .*, 1 error LOST: .*outbox could not be used/,
  );
});
