import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { describe, expect, test } from 'vitest';
import { type MonitorScript, writeMonitor } from '../../metrist/protocol/drive/testing/write-monitor.ts';
import type { Values } from '../../runner/monitor.ts';
import { outline } from '../../suites/awsiam/outline.ts';
import { addConfigEntry, addDriveCommand, parseTimeout } from './drive.ts';
import { redactContext } from '../command-context.ts';
import { testContext } from '../testing/context.ts';

interface Settings {
  readonly values?: Values;
  /** @default the values */
  readonly environment?: Values;
  readonly self?: readonly string[];
  readonly signal?: AbortSignal;
}

/** @returns `code` 2 if commander refused the arguments */
async function run(
  args: readonly string[],
  { values = {}, environment = values, self = [], signal = new AbortController().signal }: Settings = {},
) {
  // Wide enough that no text is wrapped.
  const shell = { PATH: process.env['PATH'], COLUMNS: '1000' };
  const context = { ...testContext({ ...shell, ...values }, { environment: { ...shell, ...environment } }), self };
  let code = 0;
  const program = new Command('awsiam').exitOverride().configureOutput({
    writeOut: (text) => context.output.write(text),
    writeErr: (text) => context.errorOutput.write(text),
  });
  addDriveCommand(program, { ...redactContext(context), signal, onFailure: () => (code = 1) });
  try {
    await program.parseAsync(['drive', ...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    code = 2;
  }
  return { code, ...context.written };
}

/** Drives a monitor through the steps A, B and C. */
async function drive(script: MonitorScript, args: readonly string[] = [], settings: Settings = {}) {
  const steps = ['A', 'B', 'C'].flatMap((name) => ['--step', name]);
  return await run([...steps, ...args, '--', await writeMonitor(script)], settings);
}

const parseLines = (text: string): unknown[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line));

const failing = { step: `send(step === 'B' ? 'Step Error code=58 it failed\\nso it is' : 'Step Time 12.5');` };

describe('awsiam drive', () => {
  test('shows the steps and a summary', async () => {
    const { code, output, errorOutput } = await drive({ step: `send('Step Time attempts=31 84.25');` });
    expect([code, errorOutput]).toEqual([0, '']);
    expect(output).toMatch(
      /^(?: {2}✓ [ABC] {4}84 ms · attempts 1\n){3}\n {2}awsiam driven · 3 passed in \S+ m?s · Started after \S+ ms · exit code 0\n$/,
    );
  });

  test('fails if a step fails', async () => {
    const { code, output } = await drive(failing, ['--monitor', 'mine']);
    expect(code).toBe(1);
    expect(output).toMatch(
      / {2}✓ A .*\n {2}✗ B .*\n {6}it failed\n {6}so it is\n {6}code X\n {2}- C {2}blocked\n\n {2}mine driven · 1 failed, 1 blocked, 1 passed/,
    );
  });

  test('fails if the monitor breaks the protocol, although all steps passed', async () => {
    const { code, output } = await drive({ step: `raw(frame('Step OK') + '\\n');` });
    expect(code).toBe(1);
    expect(output).toContain('3 passed');
    expect(output).toContain('  ! the monitor wrote "\\n" to stdout, which is not a message');
  });

  test('passes logs and stderr of the monitor on to stderr', async () => {
    const { code, errorOutput } = await drive({
      step: `send('Log Info one\\ntwo'); console.error('three'); send('Step OK');`,
    });
    expect(code).toBe(0);
    expect(errorOutput).toContain('log info │ one\nlog info │ two\n');
    expect(errorOutput).toContain('stderr │ three\n');
  });

  test('with --json prints only what would be posted', async () => {
    const { code, output, errorOutput } = await drive(failing, ['--json', '--instance', 'here', '--monitor', 'mine']);
    const address = { monitor_logical_name: 'mine', instance_name: 'here' };
    expect([code, errorOutput]).toEqual([1, '']);
    expect(parseLines(output)).toEqual([
      {
        kind: 'telemetry',
        body: { ...address, check_logical_name: 'A', value: 12.5, metadata: { 'metrist.source': 'monitor' } },
      },
      {
        kind: 'error',
        body: {
          ...address,
          check_logical_name: 'B',
          message: 'it failed\nso it is',
          time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/) as unknown,
          metadata: { code: 'X', 'metrist.source': 'monitor' },
          blocked_steps: ['C'],
        },
      },
    ]);
  });

  test('with --json prints problems to stderr, and nothing to stdout if nothing would be posted', async () => {
    const { code, output, errorOutput } = await drive({ step: 'process.exit(0);' }, ['--json']);
    expect([code, output]).toEqual([1, '']);
    expect(errorOutput).toContain('! the monitor ended while A ran');
  });

  test.for([
    [{}, [], 'drive'],
    [{ METRIST_INSTANCE_ID: ' ' }, [], 'drive'],
    [{ METRIST_INSTANCE_ID: 'us-east-1' }, [], 'us-east-1'],
    [{ METRIST_INSTANCE_ID: 'us-east-1' }, ['--instance', 'mine'], 'mine'],
  ] as const)('with %j and %j the instance is %s', async ([values, args, instance]) => {
    const { output } = await drive({}, ['--json', ...args], { values });
    expect(parseLines(output)).toMatchObject(['A', 'B', 'C'].map(() => ({ body: { instance_name: instance } })));
  });

  test('drives awsiam with its own steps if no other monitor is named', async () => {
    const self = [await writeMonitor()];
    const { code, output } = await run(['--json'], { self });
    expect(code).toBe(0);
    const names = outline.steps.map(({ name }) => ({ body: { check_logical_name: name } }));
    expect(parseLines(output)).toMatchObject(names);
    expect(parseLines((await run(['--json', '--step', 'A'], { self })).output)).toHaveLength(1);
  });

  test('gives the monitor the whole environment, its configuration, and Exit 1 for a cleanup', async () => {
    const { errorOutput } = await drive(
      {
        config: `console.error(json, process.env.OTHER); send('Configured');`,
        exit: `console.error('cleanup', cleanup); process.exit(0);`,
      },
      ['--cleanup', '--config', 'Namespace=a=b', '--config', 'Region=größer'],
      { values: { OTHER: 'x y' } },
    );
    expect(errorOutput).toBe('stderr │ {"Namespace":"a=b","Region":"größer"} x y\nstderr │ cleanup 1\n');
  });

  test('does not give the monitor what .env adds, and says so if a step fails', async () => {
    const script = { step: `send(process.env.METRIST_NAMESPACE ? 'Step OK' : 'Step Error no namespace');` };
    const values = { METRIST_NAMESPACE: 'prod', METRIST_API_TOKEN: 'token0of0the0file' };
    const { code, output } = await drive(script, [], { values, environment: { METRIST_NAMESPACE: '' } });
    expect(code).toBe(1);
    expect(output).toContain('no namespace');
    expect(output).toMatch(
      /^ {2}! the monitor got nothing from the file \.env, .*: METRIST_NAMESPACE, METRIST_API_TOKEN\. .*--config$/m,
    );
    expect(output).not.toContain('token0of0the0file');
    const other = await drive({}, [], { values, environment: {} });
    expect(other.code).toBe(0);
    expect(other.output).not.toContain('.env');
  });

  test('reads its own settings from .env', async () => {
    const values = { METRIST_INSTANCE_ID: 'aws:eu-west-1' };
    const { output } = await drive({}, ['--json'], { values, environment: {} });
    expect(parseLines(output)[0]).toMatchObject({ body: { instance_name: 'eu-west-1' } });
  });

  test('refuses an instance that Metrist would not accept', async () => {
    const values = { METRIST_INSTANCE_ID: 'two words' };
    const { code, output, errorOutput } = await drive({}, ['--json'], { values });
    expect([code, output]).toEqual([1, '']);
    expect(errorOutput).toMatch(
      /^error: METRIST_INSTANCE_ID is "two words": expected .*; or name it with --instance\n$/,
    );
    expect((await drive({}, ['--json', '--instance', 'here'], { values })).code).toBe(0);
    expect((await drive({}, [], { values })).code).toBe(0);
  });

  test('gives up on a step after its timeout', async () => {
    const { code, output } = await drive({ step: '' }, ['--timeout', '20ms']);
    expect(code).toBe(1);
    expect(output).toContain('Timeout: check did not complete within 0.02 seconds - METRIST_MONITOR_ERROR\n');
  });

  test('shows that the run was stopped', async () => {
    const { code, output } = await drive({}, [], { signal: AbortSignal.abort() });
    expect(code).toBe(1);
    expect(output).toContain('awsiam driven · interrupted: 3 not run');
  });

  test('shows no secret of the environment or the configuration', async () => {
    const secrets = ['environment0secret', 'config0secret', 'other0secret', 'AKIA0KEY0ID7Q4X'] as const;
    const { output, errorOutput } = await drive(
      {
        step: `console.error(process.env.METRIST_API_TOKEN); send('Log Info ' + said); send('Step Error ' + said);`,
        config: `globalThis.said = json; send('Configured');`,
      },
      [
        '--config',
        `AWSSecretAccessKey=${secrets[1]}`,
        '--config',
        `MyPassword=${secrets[2]}`,
        '--config',
        `AWSAccessKeyId=${secrets[3]}`,
      ],
      { values: { METRIST_API_TOKEN: secrets[0] } },
    );
    expect(output).toContain(
      '{"AWSSecretAccessKey":"[redacted]","MyPassword":"[redacted]","AWSAccessKeyId":"****7Q4X"}',
    );
    expect(errorOutput).toContain('stderr │ [redacted]\n');
    for (const secret of secrets) expect(output + errorOutput).not.toContain(secret);
  });
});

describe('awsiam drive refuses', () => {
  test.for([
    [['--', './monitor'], '--step'],
    [['--step', ''], '--step'],
    [['--step', 'Create User'], '--step'],
    [['--step', 'A\n'], '--step'],
    [['--timeout', '0'], '--timeout'],
    [['--timeout', 'soon'], '--timeout'],
    [['--config', 'hunter2hunter2'], '--config'],
    [['--instance', ''], '--instance'],
    [['--monitor', ' '], '--monitor'],
    [['--jsn'], '--jsn'],
  ] as const)('the arguments %j, and names %s', async ([args, named]) => {
    const { code, output, errorOutput } = await run(args);
    expect([code, output]).toEqual([2, '']);
    expect(errorOutput).toContain(named);
  });

  test('a command that cannot be started', async () => {
    expect(await run(['--step', 'A', '--', '/nowhere/monitor'])).toEqual({
      code: 1,
      output: '',
      errorOutput: expect.stringContaining('error: could not start /nowhere/monitor: there is no such file') as unknown,
    });
  });
});

describe('--timeout', () => {
  test.for([
    ['90s', 90_000],
    ['2m', 120_000],
    ['1500ms', 1500],
    ['900', 900_000],
    ['60.0', 60_000],
    ['0.5', 500],
    ['1 h', 3_600_000],
  ] as const)('takes %o for %d ms', ([text, milliseconds]) => {
    expect(parseTimeout(text)).toBe(milliseconds);
  });

  test.for(['', '0', '0.0001', '-1', '.5', '65536', '19h', 'soon', '2x', '1e3', 'NaN', 'Infinity'])(
    'refuses %o and says what is expected',
    (text) => {
      expect(() => parseTimeout(text)).toThrow(InvalidArgumentError);
      expect(() => parseTimeout(text)).toThrow('such as 90s, 2m, 1500ms or 0.5 (seconds)');
    },
  );
});

describe('--config', () => {
  test('collects keys and values, and does not change the values', () => {
    const entries = addConfigEntry('__proto__=x', addConfigEntry('Empty=', addConfigEntry('Key=a=b c')));
    expect(Object.entries(entries)).toEqual([
      ['Key', 'a=b c'],
      ['Empty', ''],
      ['__proto__', 'x'],
    ]);
  });

  test.for(['', 'hunter2', '=hunter2'])('refuses %o and does not repeat it', (text) => {
    expect(() => addConfigEntry(text)).toThrow('Expected Key=Value; repeat the option for more.');
  });

  test('refuses a key that was given before', () => {
    expect(() => addConfigEntry('Key=b', { Key: 'a' })).toThrow('"Key" was given before.');
  });
});

test('--step may name a step twice, in any order', async () => {
  const self = [await writeMonitor()];
  const { output } = await run(['--json', '--step', 'B', '--step', 'A', '--step', 'B'], { self });
  expect(parseLines(output)).toMatchObject(['B', 'A', 'B'].map((name) => ({ body: { check_logical_name: name } })));
});

test('its help says what it does and where to put secrets', async () => {
  const { output } = await run(['--help']);
  expect(output).toContain('Usage: awsiam drive [options] [command...]');
  expect(output.replaceAll(/\s+/g, ' ')).toContain('give secrets in the environment');
  expect(output).toContain('(default: 15m)');
  expect(output.replaceAll(/\s+/g, ' ')).toContain('but nothing from the file .env');
});
