import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { failedStep, stepError } from '../runner/testing/builders.ts';
import type { MonitorRun } from '../runner/monitor-run.ts';
import { maxSummaryBytes, renderSummary, SummaryReporter } from './summary.ts';
import {
  emptyRun,
  hostileRun,
  interruptedRun,
  ourFailureRun,
  passedRun,
  runs,
  theirFailureRun,
} from './testing/runs.ts';
import { testReporter } from './testing/test-reporter.ts';

const render = (run: MonitorRun): string => renderSummary(run, { earlier: [] });
const firstLine = (text: string): string | undefined => text.split('\n')[0];

describe('renderSummary', () => {
  test.for([
    [passedRun, '## ✓ IAM: all 8 steps passed in 3.24 s'],
    [theirFailureRun, "## ✗ IAM failed at CreateGroup: service (IAM's side)"],
    [ourFailureRun, '## ✗ The monitor could not look: permission at CreateUser (our side)'],
    [interruptedRun, '## ! Not finished: the run was interrupted (SIGTERM)'],
    [emptyRun, '## ✗ The monitor failed outside of its steps (our side)'],
    [
      { ...passedRun, mode: 'offline' },
      '## Rehearsal, offline over the mock: ✓ the mock: all 8 steps passed in 3.24 s',
    ],
  ] as const)('begins with the outcome and whose side it is on: %#', ([run, expected]) => {
    expect(firstLine(render(run))).toBe(expected);
  });

  test('says why a step failed and what to do, then shows each step', () => {
    const text = render(theirFailureRun);
    expect(text).toContain('CreateGroup failed: ServiceFailure (HTTP 500)');
    expect(text).toContain('**What to do:** AWS answered with an error of its own.');
    expect(text).toMatch(/^\| ✓ \| CreateUser \| passed \| 84 ms \| 1 \| {2}\| 6b7f9f3e-/m);
    expect(text).toMatch(/^\| ✗ \| CreateGroup \| failed: service \(IAM's side\) \|/m);
    expect(text).toMatch(/^\| - \| DeleteUser \| blocked: CreateGroup failed \|/m);
    expect(text).not.toContain('says nothing about IAM');
  });

  test('draws the longest step at full width, and the waiting in it apart', () => {
    const bar = render(passedRun)
      .split('\n')
      .find((line) => line.startsWith('AddUserToGroup '));
    // 1900 of 2104.5 ms were waiting.
    expect(bar).toBe(`AddUserToGroup       ${'█'.repeat(3)}${'░'.repeat(29)}   2.10 s`);
  });

  test('has our own faults in a section of their own, with commands to copy', () => {
    const earlier = [
      { ok: true, text: 'JUnit written' },
      { ok: false, text: 'history not written: ENOSPC' },
    ];
    const [, ours = ''] = renderSummary(theirFailureRun, { earlier }).split('### On our side');
    expect(ours).toContain('- left behind: user testuser-prod-m3x8k2-7f3a');
    expect(ours).toContain('  ```text\n  awsiam cleanup\n  ```');
    expect(ours).toContain('- history not written: ENOSPC');
    expect(ours).toContain('- the sweep stopped after 60 s');
    expect(ours).not.toContain('JUnit');
    expect(render(passedRun)).not.toContain('On our side');
    expect(render(ourFailureRun).split('### On our side')[1]).toContain('CreateUser failed: permission, AccessDenied');
  });

  test.for(Object.entries(runs))('keeps every text inside its place in a run in which %s', ([, run]) => {
    const text = render(run);
    // Code blocks that we opened ourselves show everything as it is.
    const outside = text.replaceAll(/^ *(`{3,})text\n[^]*?\n *\1$/gm, '');
    expect(outside).not.toMatch(/[<>`]|@(?!&#8203;)/);
    expect(outside.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    for (const row of outside.split('\n').filter((line) => line.startsWith('|'))) {
      expect(row.split('|')).toHaveLength(9);
    }
  });

  test('stays below the limit whatever the texts, is cut between two lines, and says so', () => {
    const warnings = Array.from({ length: 2000 }, (_, index) => `${index} ${'<@|'.repeat(1000)}`);
    const text = render({ ...hostileRun, warnings });
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(maxSummaryBytes);
    expect(Buffer.byteLength(text)).toBeGreaterThan(maxSummaryBytes / 2);
    expect(text.trimEnd().split('\n').at(-1)).toBe(
      '*Cut here, because the summary would be too large. The history has all of it.*',
    );
    expect(render(hostileRun)).not.toContain('Cut here');
  });

  test('a step with a hostile name does not end the chart', () => {
    const step = failedStep({ name: '```\n## x', error: stepError() });
    expect(render({ ...theirFailureRun, steps: [step] })).not.toMatch(/^## x/m);
  });
});

async function makeDir(): Promise<string> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-summary-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

describe('SummaryReporter', () => {
  test('appends to what other steps of the job wrote', async () => {
    const file = path.join(await makeDir(), 'job.md');
    await writeFile(file, 'Tests: 3 passed');
    const reporter = new SummaryReporter({ jobSummary: file });
    expect(await reporter.report(passedRun, [])).toEqual({
      ok: true,
      isRoutine: true,
      text: 'summary of the GitHub job',
    });
    expect(await readFile(file, 'utf8')).toBe(`Tests: 3 passed\n\n${render(passedRun)}`);
  });

  test('leaves room for what is in the file already, or says that there is none', async () => {
    const file = path.join(await makeDir(), 'job.md');
    await writeFile(file, 'x'.repeat(maxSummaryBytes - 3000));
    const reporter = new SummaryReporter({ jobSummary: file });
    expect(
      await reporter.report({ ...passedRun, warnings: Array<string>(100).fill('long '.repeat(300)) }, []),
    ).toMatchObject({ ok: true });
    const text = await readFile(file, 'utf8');
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(maxSummaryBytes);
    expect(text).toContain('Cut here');
    expect(await reporter.report(passedRun, [])).toMatchObject({
      ok: false,
      text: expect.stringMatching(
        /^summary of the GitHub job could not be written: the file already has \d+ bytes/,
      ) as unknown,
    });
  });

  test('writes both, and one that fails does not cost the other', async () => {
    const dir = await makeDir();
    const file = { path: path.join(dir, 'results', 'summary.md'), shownAs: 'results/summary.md' };
    const reporter = new SummaryReporter({ file, jobSummary: path.join(dir, 'none', 'job.md') });
    expect(await reporter.report(passedRun, [])).toMatchObject({
      ok: false,
      text: expect.stringMatching(
        /^summary of the GitHub job could not be written: ENOENT.*; summary results\/summary\.md$/,
      ) as unknown,
    });
    expect(await readFile(file.path, 'utf8')).toBe(render(passedRun));
  });
});

testReporter('SummaryReporter', async () => {
  const root = await mkdtemp(path.join(os.tmpdir(), 'awsiam-summary-'));
  const file = path.join(root, 'summary.md');
  return {
    reporter: new SummaryReporter({ file: { path: file, shownAs: 'results/summary.md' } }),
    breakDestination: async () => {
      await rm(file);
      await mkdir(file);
    },
    close: () => rm(root, { recursive: true }),
  };
});
