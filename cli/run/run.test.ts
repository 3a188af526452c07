import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createFaultPlan } from '../../mocks/iam/fault-plan.ts';
import { listEntities } from '../../mocks/iam/seeding.ts';
import { startIamServer } from '../../mocks/iam/server.ts';
import type { Values } from '../../runner/monitor.ts';
import { secretAccessKey, testValues } from '../../suites/awsiam/testing/values.ts';
import { runProgram } from '../program.ts';
import { testContext } from '../testing/context.ts';

/** `awsiam run` in this process, over a mock of IAM. */
async function setUp({ faults = '', values = {} }: { readonly faults?: string; readonly values?: Values } = {}) {
  const iam = await startIamServer({ faults: createFaultPlan(faults) });
  onTestFinished(() => iam.close());
  const resultsDir = await mkdtemp(path.join(os.tmpdir(), 'awsiam-run-'));
  onTestFinished(() => rm(resultsDir, { recursive: true, force: true }));
  const listeners: ((error: unknown) => void)[] = [];
  const context = {
    ...testContext(testValues({ AWS_ENDPOINT_URL_IAM: iam.url, METRIST_RESULTS_DIR: resultsDir, ...values })),
    onUnhandled: (listener: (error: unknown) => void) => {
      listeners.push(listener);
      return { [Symbol.dispose]: () => void listeners.splice(listeners.indexOf(listener), 1) };
    },
  };
  return {
    iam,
    resultsDir,
    context,
    written: context.written,
    throwUnhandled: (error: unknown) => listeners.at(-1)?.(error),
    run: (...args: string[]) => runProgram(['run', ...args], context),
    /** The newest line of the history. */
    record: async (): Promise<unknown> => {
      const [day = ''] = await readdir(path.join(resultsDir, 'runs'));
      const lines = (await readFile(path.join(resultsDir, 'runs', day), 'utf8')).trimEnd().split('\n');
      return JSON.parse(lines.at(-1) ?? '');
    },
  };
}

describe('awsiam run', () => {
  test('runs and reports the steps, and returns 0', async () => {
    const { iam, resultsDir, written, run } = await setUp();
    expect(await run()).toBe(0);
    expect(written.output).toContain('awsiam live · 8 passed');
    expect(await readdir(resultsDir)).toEqual(
      expect.arrayContaining(['awsiam.prom', 'junit.xml', 'report.html', 'runs']),
    );
    expect(listEntities(iam.state)).toEqual({ users: [], groups: [] });
  });

  test('returns 1 if a step failed', async () => {
    const { written, run } = await setUp({ faults: 'CreateGroup=AccessDenied:1' });
    expect(await run()).toBe(1);
    expect(written.output).toContain('✗ CreateGroup');
  });

  test.for([
    ['passed', '', {}, 0],
    ['failed', 'CreateGroup=AccessDenied:1', {}, 1],
    ['did not start', '', { METRIST_AWS_REGION: 'the moon' }, 1],
  ] as const)('--json prints the record of a run that %s, and nothing else', async ([, faults, values, code]) => {
    const { written, run, record } = await setUp({ faults, values });
    expect(await run('--json')).toBe(code);
    expect(JSON.parse(written.output)).toEqual(await record());
    expect(written.errorOutput).toContain('awsiam live ·');
  });

  test('--json prints the record of a run that a signal interrupted', async () => {
    const { iam, context, written, run, record } = await setUp({ faults: 'CreateGroup=hang-after:1' });
    vi.spyOn(process, 'once').mockImplementation(() => process);
    onTestFinished(() => void vi.restoreAllMocks());
    iam.events.on('call', ({ operation }) => operation === 'CreateGroup' && context.raise('SIGTERM'));
    expect(await run('--json')).toBe(143);
    expect(JSON.parse(written.output)).toEqual(await record());
    expect(await record()).toMatchObject({ state: 'interrupted' });
    expect(listEntities(iam.state)).toEqual({ users: [], groups: [] });
  });

  test('--json prints the record of an offline run over wrong options of the mock', async () => {
    const { written, run, record } = await setUp({ values: { AWSIAM_MOCK_FAULTS: 'Nope=1' } });
    expect(await run('--json', '--offline')).toBe(1);
    expect(JSON.parse(written.output)).toEqual(await record());
    expect(written.errorOutput).toContain('no operation is called "Nope"');
    expect(written.errorOutput).toContain('What to do: Correct the setting that the message names');
  });

  test('--offline needs no settings and calls no endpoint', async () => {
    const { iam, written, run } = await setUp({
      values: { METRIST_AWS_REGION: '', METRIST_NAMESPACE: '', METRIST_API_TOKEN: 'token-token-token' },
    });
    expect(await run('--offline')).toBe(0);
    expect(written.output).toContain('awsiam offline · 8 passed');
    expect(iam.calls).toEqual([]);
  });

  test('stops before the first step if a signal came while its code was being loaded', async () => {
    const { iam, context, run } = await setUp();
    vi.spyOn(process, 'once').mockImplementation(() => process);
    onTestFinished(() => void vi.restoreAllMocks());
    const running = run();
    context.raise('SIGTERM');
    expect(await running).toBe(143);
    expect(iam.calls).toEqual([]);
    expect(context.written.errorOutput).toContain('SIGTERM: stopping');
  });

  test('an unhandled error in a step is a problem of the run', async () => {
    const { iam, written, run, throwUnhandled } = await setUp();
    iam.events.on('call', ({ operation }) => {
      if (operation === 'CreateGroup') throwUnhandled(Object.freeze(new Error(`stray ${secretAccessKey}`)));
    });
    expect(await run()).toBe(1);
    expect(written.output).toContain('✗ unhandled: stray [redacted]');
    expect(listEntities(iam.state)).toEqual({ users: [], groups: [] });
  });

  test('shows what its code prints as remarks, without secrets, and then gives the console back', async () => {
    const { iam, written, run } = await setUp();
    const { log, dir } = console;
    iam.events.on('call', ({ operation }) => {
      if (operation !== 'CreateGroup') return;
      console.log('logged %s', secretAccessKey);
      console.dir({ listed: 1 });
    });
    expect(await run()).toBe(0);
    expect(written.errorOutput).toBe('logged [redacted]\n{ listed: 1 }\n');
    expect(console).toMatchObject({ log, dir });
  });

  test.for([[['--ofline']], [['now']], [['--wait', 'long']]] as const)(
    'refuses %j with 2, runs nothing, and leaves no older report that would look like its own',
    async ([args]) => {
      const { iam, resultsDir, written, run } = await setUp();
      await writeFile(path.join(resultsDir, 'junit.xml'), '<testsuites name="old"/>');
      expect(await run(...args)).toBe(2);
      expect(written.output).toBe('');
      expect(await readdir(resultsDir)).toEqual([]);
      expect(iam.calls).toEqual([]);
    },
  );

  test('its help leaves the reports alone', async () => {
    const { resultsDir, run } = await setUp();
    await writeFile(path.join(resultsDir, 'junit.xml'), '<testsuites name="last"/>');
    expect(await run('--help')).toBe(0);
    expect(await readdir(resultsDir)).toEqual(['junit.xml']);
  });
});
