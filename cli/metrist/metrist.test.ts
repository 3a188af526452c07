import { describe, expect, onTestFinished, test } from 'vitest';
import { createMonitorConfig, type RegistrationOptions } from '../../metrist/registration/monitor-config.ts';
import { startMetristStandIn, type MetristStandInOptions } from '../../metrist/testing/stand-in.ts';
import { deadPort } from '../../suites/awsiam/testing/http-server.ts';
import type { Values } from '../../runner/monitor.ts';
import { awsiam } from '../../suites/awsiam/monitor.ts';
import { runProgram } from '../program.ts';
import { testContext } from '../testing/context.ts';

const token = 'k3v0test0token';
const body = (options: RegistrationOptions = {}) => ({ ...createMonitorConfig(awsiam, options) });

async function setUp(values: Values = {}, options: Partial<MetristStandInOptions> = {}) {
  const metrist = await startMetristStandIn({ token, ...options });
  onTestFinished(() => metrist.close());
  const { monitorConfigs } = metrist;
  const run = async (...args: string[]) => {
    const context = testContext({ METRIST_API_TOKEN: token, METRIST_API_HOST: metrist.url, ...values });
    const code = await runProgram(args, context);
    return { code, ...context.written };
  };
  return {
    metrist,
    run,
    seed: (config: RegistrationOptions = {}) => monitorConfigs.seed(token, body(config)),
    stored: () => monitorConfigs.stored(token),
    methods: () => metrist.requests.map(({ method }) => method),
  };
}

describe('awsiam config', () => {
  test('prints the body that registers, for people', async () => {
    const { metrist, run } = await setUp({ METRIST_API_TOKEN: '', METRIST_RUN_GROUPS: 'prod' });
    const { code, output, errorOutput } = await run('config');
    expect(code).toBe(0);
    expect(JSON.parse(output)).toEqual(body({ runGroups: ['prod'] }));
    expect(output).toContain('\n  "interval_secs": 120,\n');
    expect(errorOutput).toBe('What "awsiam register" sends to Metrist:\n');
    expect(metrist.requests).toEqual([]);
  });

  test('prints the body on one line for a pipe, and takes the options of register', async () => {
    const { run } = await setUp();
    const { output, errorOutput } = await run('config', '--json', '--interval', '5m', '--run-group=eu', '--timeout=1h');
    expect(output).toMatch(/^\{.*\}\n$/);
    expect(JSON.parse(output)).toEqual(body({ intervalSecs: 300, runGroups: ['eu'], timeoutSecs: 3600 }));
    expect(errorOutput).toBe('');
  });

  test('warns about what is probably a mistake', async () => {
    const { run } = await setUp({ METRIST_RUN_GROUPS: 'a, b', METRIST_STEP_TIMEOUT_SECS: '60' });
    expect((await run('config', '--json', '--timeout', '60')).errorOutput).toMatch(/^! METRIST_RUN_GROUPS holds " b"/);
    expect((await run('config', '--json', '--timeout', '59')).errorOutput).toContain('! a timeout of 59 s');
    expect((await run('config', '--json', '--interval', '21m')).errorOutput).toContain('! an interval of 1260 s');
  });

  test('refuses invalid run groups', async () => {
    const { run } = await setUp({ METRIST_RUN_GROUPS: 'a,,b' });
    const { code, output, errorOutput } = await run('config');
    expect([code, output]).toEqual([1, '']);
    expect(errorOutput).toContain('METRIST_RUN_GROUPS is "a,,b"');
  });

  test('refuses a step deadline that it cannot read and so cannot compare', async () => {
    const { run } = await setUp({ METRIST_STEP_TIMEOUT_SECS: '60s' });
    const { code, output, errorOutput } = await run('config');
    expect([code, output]).toEqual([1, '']);
    expect(errorOutput).toContain('METRIST_STEP_TIMEOUT_SECS is "60s": expected a number of seconds');
  });
});

describe('awsiam register', () => {
  test('lists every wrong setting at once, including those for Metrist', async () => {
    const { run, metrist } = await setUp({
      METRIST_RUN_GROUPS: 'a,,b',
      METRIST_STEP_TIMEOUT_SECS: 'soon',
      METRIST_API_TOKEN: '',
      METRIST_API_HOST: 'not a host',
    });
    const { code, errorOutput } = await run('register');
    expect(code).toBe(1);
    for (const name of ['RUN_GROUPS', 'STEP_TIMEOUT_SECS', 'API_TOKEN', 'API_HOST']) {
      expect(errorOutput).toContain(`- METRIST_${name} is `);
    }
    expect(metrist.requests).toEqual([]);
  });

  test('registers, and finds an equal registration the second time', async () => {
    const { run, stored, methods } = await setUp({ METRIST_RUN_GROUPS: 'prod' });
    const first = await run('register');
    const [config] = stored();
    const id = String(config?.['id']);
    const described = 'every 120 s · 8 steps of at most 900 s · run groups prod';
    expect(first).toEqual({ code: 0, output: `awsiam registered as ${id}: ${described}\n`, errorOutput: '' });
    expect(await run('register')).toEqual({
      code: 0,
      output: `awsiam is already registered as ${id}: ${described}\n`,
      errorOutput: '',
    });
    expect(stored()).toHaveLength(1);
    expect(methods()).toEqual(['GET', 'POST', 'GET', 'GET']);
  });

  test('replaces registrations that differ, removes duplicates, and says so', async () => {
    const { run, seed, stored, methods } = await setUp();
    const [old, other] = [seed({ intervalSecs: 300 }), seed({ timeoutSecs: 60 })];
    const { code, output } = await run('register', '--run-group', 'prod');
    expect(code).toBe(0);
    expect(output).toMatch(/^awsiam registered as \w+: .* run groups prod\n/);
    expect(output).toContain(`removed: ${old} (interval_secs 300 instead of 120, run_groups [] instead of ["prod"])\n`);
    expect(output).toContain(`removed: ${other} (run_groups [] instead of ["prod"], other steps or timeouts)\n`);
    expect(stored()).toHaveLength(1);
    expect(methods()).toEqual(['GET', 'POST', 'GET', 'DELETE', 'DELETE', 'GET']);
  });

  test('with --dry-run only says what it would do', async () => {
    const { run, seed, stored, methods } = await setUp();
    const old = seed({ intervalSecs: 300 });
    const { code, output } = await run('register', '--dry-run', '--run-group', 'prod');
    expect(code).toBe(0);
    expect(output).toBe(
      [
        'awsiam would be registered: every 120 s · 8 steps of at most 900 s · run groups prod',
        `would be removed: ${old} (interval_secs 300 instead of 120, run_groups [] instead of ["prod"])\n`,
      ].join('\n'),
    );
    expect(stored()).toHaveLength(1);
    expect(methods()).toEqual(['GET']);
  });

  test('warns if there are no run groups', async () => {
    const { run } = await setUp({}, { readsUntilVisible: 3 });
    expect(await run('register')).toMatchObject({
      code: 0,
      errorOutput: expect.stringMatching(/^! no run groups/) as unknown,
    });
  });

  test('fails if Metrist does not show what it accepted, and removes nothing', async () => {
    const { run, seed, stored, methods } = await setUp({}, { readsUntilVisible: 1000 });
    const old = seed({ intervalSecs: 300 });
    const { code, errorOutput } = await run('register', '--confirm-within', '1s');
    expect(code).toBe(1);
    expect(errorOutput).toContain('does not show it');
    expect(errorOutput).toContain(`Nothing was removed; still registered: ${old}`);
    expect(stored().map(({ id }) => id)).toContain(old);
    expect(methods()).not.toContain('DELETE');
  });

  test('does not lose extra configuration', async () => {
    const { metrist, run, methods } = await setUp();
    const extra = [{ name: 'Namespace', value: 'prod' }];
    metrist.monitorConfigs.seed(token, { ...body({ intervalSecs: 60 }), extra_config: extra });
    const { code, errorOutput } = await run('register');
    expect(code).toBe(1);
    expect(errorOutput).toContain('holds extra configuration (Namespace)');
    expect(methods()).toEqual(['GET']);
  });

  test('reports that somebody else registered at the same time', async () => {
    const { metrist, run, seed } = await setUp();
    metrist.behave(({ method }) => {
      if (method === 'POST') seed({ intervalSecs: 60 });
      return undefined;
    });
    const { code, errorOutput } = await run('register');
    expect(code).toBe(0);
    expect(errorOutput).toMatch(/! \w+ was registered by somebody else meanwhile/);
  });

  test('ends with the code of a signal and says where to look', async () => {
    const metrist = await startMetristStandIn({ token });
    onTestFinished(() => metrist.close());
    const context = testContext({ METRIST_API_TOKEN: token, METRIST_API_HOST: metrist.url });
    metrist.behave(({ method }) => {
      if (method !== 'POST') return undefined;
      context.raise('SIGINT');
      return { kind: 'hang' };
    });
    expect(await runProgram(['register'], context)).toBe(130);
    expect(context.written.errorOutput).toContain('interrupted: awsiam configs shows what is registered now');
  });
});

describe('awsiam configs', () => {
  test('lists the registrations, and warns if there is more than one', async () => {
    const { run, seed } = await setUp();
    const [first, second] = [seed({ runGroups: ['prod', 'e\u001Bu'] }), seed({ intervalSecs: 300 })];
    const { code, output, errorOutput } = await run('configs');
    expect(code).toBe(0);
    expect(output).toBe(
      [
        `${first}  every 120 s · 8 steps of at most 900 s · run groups prod, e␛u`,
        `${second}  every 300 s · 8 steps of at most 900 s · no run groups\n`,
      ].join('\n'),
    );
    expect(errorOutput).toMatch(/^! awsiam runs once for each of them/);
  });

  test('says that there is no registration', async () => {
    const { run } = await setUp();
    expect(await run('configs')).toEqual({ code: 0, output: 'awsiam is not registered\n', errorOutput: '' });
    expect((await run('configs', '--json')).output).toBe('[]\n');
  });

  test('prints JSON', async () => {
    const { run, seed, stored } = await setUp();
    seed();
    expect(JSON.parse((await run('configs', '--json')).output)).toEqual(stored());
  });
});

describe('awsiam unregister', () => {
  test('removes one registration, and says which are left', async () => {
    const { run, seed, stored } = await setUp({}, { readsUntilVisible: 2 });
    const [first, second] = [seed(), seed()];
    expect(await run('unregister', first)).toEqual({
      code: 0,
      output: `removed: ${first}\nregistered: ${second}\n`,
      errorOutput: '',
    });
    expect(stored().map(({ id }) => id)).toEqual([second]);
  });

  test('removes all registrations', async () => {
    const { run, seed, stored } = await setUp();
    const [first, second] = [seed(), seed()];
    const { output } = await run('unregister', '--all');
    expect(output).toBe(`removed: ${first}\nremoved: ${second}\nawsiam is not registered\n`);
    expect(stored()).toEqual([]);
    expect((await run('unregister', '--all')).output).toBe('awsiam is not registered\n');
  });

  test('refuses an unknown id, although Metrist would accept it', async () => {
    const { run, seed, methods } = await setUp();
    const known = seed();
    expect(await run('unregister', 'unknown')).toEqual({
      code: 1,
      output: '',
      errorOutput: `error: awsiam has no registration unknown, so nothing was removed; registered: ${known}\n`,
    });
    expect(methods()).toEqual(['GET']);
  });

  test('fails if the registration does not disappear', async () => {
    const { metrist, run, seed } = await setUp();
    const id = seed();
    metrist.behave(({ method }) => (method === 'DELETE' ? { kind: 'answer', status: 200, body: 'OK' } : undefined));
    const { code, output, errorOutput } = await run('unregister', id, '--confirm-within', '1');
    expect([code, output]).toEqual([1, '']);
    expect(errorOutput).toContain(`Metrist still shows ${id}`);
  });
});

describe('every command that asks Metrist', () => {
  const commands = [['register'], ['configs'], ['unregister', '--all']] as const;

  test.for(commands)('%s needs a token and a host, and sends no request without them', async (args) => {
    const { metrist, run } = await setUp({ METRIST_API_TOKEN: ' ' });
    const { code, output, errorOutput } = await run(...args);
    expect([code, output]).toEqual([1, '']);
    expect(errorOutput).toContain("METRIST_API_TOKEN is not set: expected your Metrist account's API token");
    const elsewhere = await setUp({ METRIST_API_HOST: 'http://metrist.example' });
    expect((await elsewhere.run(...args)).errorOutput).toContain('METRIST_API_HOST is a text of 22 characters');
    expect(metrist.requests).toEqual([]);
  });

  test.for(commands)('%s refuses a token that is too short to be hidden', async (args) => {
    const { metrist, run } = await setUp({ METRIST_API_TOKEN: 'T' });
    const { code, errorOutput } = await run(...args);
    expect(code).toBe(1);
    expect(errorOutput).toContain('METRIST_API_TOKEN is a text of only 1 character: expected the token alone');
    expect(metrist.requests).toEqual([]);
  });

  test.for(commands)('%s refuses a proxy that cannot be used, and does not show its password', async (args) => {
    const { metrist, run } = await setUp({ HTTPS_PROXY: 'http://svc:Pa55/word@proxy:8080' });
    const { code, errorOutput } = await run(...args);
    expect(code).toBe(1);
    expect(errorOutput).toContain('configuration: 1 problem with the settings:\n- HTTPS_PROXY is not the address of');
    expect(errorOutput).not.toMatch(/svc|Pa55/);
    expect(metrist.requests).toEqual([]);
  });

  test.for(commands)('%s tells a wrong token apart from an unreachable Metrist', async (args) => {
    const wrong = await setUp({ METRIST_API_TOKEN: 'wrong0token' });
    const { code, errorOutput } = await wrong.run(...args);
    expect(code).toBe(1);
    expect(errorOutput).toMatch(/error: could not .*HTTP 403.*METRIST_API_TOKEN/);
    expect(errorOutput).not.toContain('wrong0token');
    const { run } = await setUp({ METRIST_API_HOST: `http://127.0.0.1:${await deadPort()}` });
    expect(await run(...args)).toMatchObject({
      code: 1,
      errorOutput: expect.stringContaining('refused the connection') as unknown,
    });
  });

  test.for([
    [['register', '--interval', '0'], '--interval'],
    [['register', '--interval', '1.5s'], '--interval'],
    [['register', '--interval', 'often'], '--interval'],
    [['register', '--interval'], '--interval'],
    [['register', '--timeout', '65536'], '--timeout'],
    [['register', '--timeout=-1'], '--timeout'],
    [['register', '--run-group', ''], '--run-group'],
    [['register', '--run-group', ' '], '--run-group'],
    [['register', '--run-group', ' prod'], '--run-group'],
    [['register', '--run-group', 'prod '], '--run-group'],
    [['register', '--run-group', 'a,b'], '--run-group'],
    [['register', '--run-group', 'a', '--run-group', 'a'], '--run-group'],
    [['register', '--confirm-within', '2h'], '--confirm-within'],
    [['register', '--dry'], '--dry'],
    [['config', '--interval', 'x'], '--interval'],
    [['configs', 'all'], 'configs'],
    [['unregister'], '--all'],
    [['unregister', 'abc', '--all'], '--all'],
    [['unregister', '../other'], 'id'],
    [['unregister', 'a/b'], 'id'],
    [['unregister', 'a b'], 'id'],
    [['unregister', 'a?b'], 'id'],
    [['unregister', 'ä'], 'id'],
    [['unregister', ''], 'id'],
  ] as const)('%j is refused with code 2 and names %s', async ([args, named]) => {
    const { metrist, run } = await setUp();
    const { code, output, errorOutput } = await run(...args);
    expect([code, output]).toEqual([2, '']);
    expect(errorOutput).toContain(named);
    expect(metrist.requests).toEqual([]);
  });

  test.for(['config', 'register', 'configs', 'unregister'])('%s has a --help', async (command) => {
    const { run } = await setUp();
    const { code, output } = await run(command, '--help');
    expect(code).toBe(0);
    expect(output).toContain(`Usage: awsiam ${command}`);
  });
});

test('no output shows a piece of the token, wherever a text that Metrist sends back is cut', async () => {
  const { metrist, run } = await setUp();
  for (let padding = 180; padding < 205; padding += 3) {
    const detail = `${'.'.repeat(padding)}${token}`;
    const errors = [{ title: 'Invalid value', source: { pointer: '/steps' }, detail }];
    metrist.behave(() => ({ kind: 'answer', status: 422, body: JSON.stringify({ errors }) }));
    const { errorOutput } = await run('register');
    expect(errorOutput).toMatch(/- \/steps: \.+(\[.*)?…?\n/);
    expect(errorOutput).not.toContain(token.slice(0, 3));
  }
});

test('no output shows the token, even if Metrist sends it back', async () => {
  const { metrist, run } = await setUp({ METRIST_RUN_GROUPS: token });
  const errors = [{ title: 'Invalid value', source: { pointer: `/${token}` }, detail: token }];
  const leak = { kind: 'answer', status: 422, body: JSON.stringify({ errors }) } as const;
  const outputs = [await run('config'), await run('register')];
  metrist.behave(() => leak);
  outputs.push(await run('register'), await run('configs'), await run('status', '--remote'));
  expect(JSON.stringify(outputs)).not.toContain(token);
  expect(outputs.at(-1)?.errorOutput).toContain('HTTP 422');
});
