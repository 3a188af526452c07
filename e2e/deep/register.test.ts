import { describe, expect, test } from 'vitest';
import { createMonitorConfig, type RegistrationOptions } from '../../metrist/registration/monitor-config.ts';
import type { BehaviourPlan, MetristStandIn, MetristStandInOptions } from '../../metrist/testing/stand-in.ts';
import { awsiam } from '../../suites/awsiam/monitor.ts';
import { nowhere } from '../harness/loopback-only.ts';
import { runAwsiam, type Ended, secrets } from '../harness/run.ts';
import { startMetrist } from '../harness/servers.ts';

const { apiToken } = secrets;
const body = (options: RegistrationOptions = {}) => ({ ...createMonitorConfig(awsiam, options) });

/** A Metrist that shows a change only after two reads, and functions that run a command against it. */
async function setUp(options: Partial<MetristStandInOptions> = { readsUntilVisible: 2 }) {
  const metrist = await startMetrist(options);
  const env = { METRIST_API_HOST: metrist.url, METRIST_API_TOKEN: apiToken };
  return {
    metrist,
    run: (...args: string[]) => runAwsiam(args, env),
    runWith: (values: Readonly<Record<string, string>>, ...args: string[]) => runAwsiam(args, { ...env, ...values }),
    seed: (config: RegistrationOptions = {}) => metrist.monitorConfigs.seed(apiToken, body(config)),
    storedIds: () => metrist.monitorConfigs.stored(apiToken).map(({ id }) => String(id)),
  };
}

/** The methods of the requests that change something, in order. */
function changes({ requests }: MetristStandIn): string[] {
  return requests.filter(({ method }) => method !== 'GET').map(({ method }) => method);
}

describe('awsiam register', () => {
  test('twice leaves one registration, unregister removes it, and each command says what it did', async () => {
    const { metrist, run, storedIds } = await setUp();
    const described = 'every 120 s · 8 steps of at most 900 s · run groups prod';
    const first = await run('register', '--run-group', 'prod');
    const [id] = storedIds();
    expect(first).toMatchObject({ code: 0, stdout: `awsiam registered as ${id}: ${described}\n`, stderr: '' });
    const again = await run('register', '--run-group', 'prod');
    expect(again).toMatchObject({ code: 0, stdout: `awsiam is already registered as ${id}: ${described}\n` });
    expect(storedIds()).toEqual([id]);
    expect(await run('configs')).toMatchObject({ code: 0, stdout: `${id}  ${described}\n`, stderr: '' });

    const gone = await run('unregister', String(id));
    expect(gone).toMatchObject({ code: 0, stdout: `removed: ${id}\nawsiam is not registered\n`, stderr: '' });
    expect(storedIds()).toEqual([]);
    expect(await run('configs')).toMatchObject({ code: 0, stdout: 'awsiam is not registered\n' });
    expect(changes(metrist)).toEqual(['POST', 'DELETE']);
    expect(metrist.monitorConfigs.swallowed).toEqual([]);
  });

  test('replaces a registration that differs, and there is no moment without one', async () => {
    const { metrist, run, seed, storedIds } = await setUp();
    const old = seed({ intervalSecs: 300, runGroups: ['prod'] });
    let fewest = Infinity;
    metrist.behave(() => {
      fewest = Math.min(fewest, storedIds().length);
      return undefined;
    });
    const { code, stdout } = await run('register', '--interval', '5m', '--run-group', 'eu', '--run-group', 'us');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^awsiam registered as \w+: every 300 s · .* · run groups eu, us\n/);
    expect(stdout).toContain(`removed: ${old} (run_groups ["prod"] instead of ["eu","us"])\n`);
    expect(storedIds()).toHaveLength(1);
    expect(storedIds()).not.toContain(old);
    expect(fewest).toBe(1);
    expect(changes(metrist)).toEqual(['POST', 'DELETE']);
  });

  test('removes duplicates and keeps one', async () => {
    const { metrist, run, seed, storedIds } = await setUp();
    const ids = [seed(), seed(), seed()];
    const { code, stdout } = await run('register');
    expect(code).toBe(0);
    expect(stdout.split('\n').slice(1, -1)).toEqual(ids.slice(1).map((id) => `removed: ${id} (a duplicate)`));
    expect(storedIds()).toEqual(ids.slice(0, 1));
    expect(changes(metrist)).toEqual(['DELETE', 'DELETE']);
  });

  test('run twice at the same time leaves at least one registration, and a third run exactly one', async () => {
    const { run, seed, storedIds } = await setUp({ msUntilVisible: 300 });
    seed({ intervalSecs: 300 });
    const both = await Promise.all([run('register'), run('register')]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(storedIds().length).toBeGreaterThan(0);
    expect((await run('register')).code).toBe(0);
    expect(storedIds()).toHaveLength(1);
  });

  test('reads the run groups of the Orchestrator, and warns when the Orchestrator would read something else', async () => {
    const { metrist, runWith } = await setUp();
    const { code, stderr } = await runWith({ METRIST_RUN_GROUPS: 'prod, eu' }, 'register');
    expect(code).toBe(0);
    expect(stderr).toContain('METRIST_RUN_GROUPS holds " eu", which is taken as "eu"');
    expect(metrist.monitorConfigs.stored(apiToken)).toMatchObject([{ run_groups: ['prod', 'eu'] }]);
  });

  test('with --dry-run changes nothing', async () => {
    const { metrist, run, seed, storedIds } = await setUp();
    const old = seed({ intervalSecs: 300 });
    const { code, stdout } = await run('register', '--dry-run');
    expect(code).toBe(0);
    expect(stdout).toContain('awsiam would be registered: every 120 s');
    expect(stdout).toContain(`would be removed: ${old} (interval_secs 300 instead of 120)\n`);
    expect(storedIds()).toEqual([old]);
    expect(changes(metrist)).toEqual([]);
  });

  test('fails and removes nothing if Metrist accepts the registration but does not store it', async () => {
    const { metrist, run, seed, storedIds } = await setUp();
    const old = seed({ intervalSecs: 300 });
    metrist.behave(({ method }) =>
      method === 'POST' ? { kind: 'answer', status: 202, body: '11yNotStored' } : undefined,
    );
    const { code, stdout, stderr } = await run('register', '--confirm-within', '2s');
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('Metrist took the registration as 11yNotStored but does not show it');
    expect(stderr).toContain(`Nothing was removed; still registered: ${old}.`);
    expect(storedIds()).toEqual([old]);
    expect(changes(metrist)).toEqual(['POST']);
  });

  test('finds a registration that arrived although the answer was lost, and sends nothing twice', async () => {
    const { metrist, run, storedIds } = await setUp();
    metrist.behave(({ method }) => (method === 'POST' ? { kind: 'reset', when: 'after' } : undefined));
    const { code, stdout } = await run('register');
    expect(code).toBe(0);
    expect(stdout).toContain(`awsiam registered as ${storedIds()[0]}`);
    expect(changes(metrist)).toEqual(['POST']);
  });

  test("passes on the API's own words about what it does not accept", async () => {
    const { metrist, run } = await setUp();
    const errors = [{ title: 'Invalid value', source: { pointer: '/interval_secs' }, detail: 'Invalid integer' }];
    metrist.behave(({ method }) =>
      method === 'POST' ? { kind: 'answer', status: 422, body: JSON.stringify({ errors }) } : undefined,
    );
    const { code, stderr } = await run('register');
    expect(code).toBe(1);
    expect(stderr).toContain('error: could not register awsiam: HTTP 422');
    expect(stderr).toContain('\n- /interval_secs: Invalid integer\n');
  });
});

describe('if Metrist', () => {
  test.for<[string, BehaviourPlan, string]>([
    ['hangs', () => ({ kind: 'hang' }), 'within 10 s'],
    ['fails', () => ({ kind: 'answer', status: 500 }), 'HTTP 500'],
    ['limits the rate', () => ({ kind: 'answer', status: 429 }), 'too many requests'],
    [
      'redirects',
      () => ({ kind: 'redirect', location: 'https://login.example/' }),
      'a redirect to https://login.example',
    ],
    ['is a proxy', () => ({ kind: 'answer', status: 200, body: '<html>' }), 'not what the Metrist API answers'],
  ])('%s, every command ends with code 1 and advice', async ([, plan, words]) => {
    const { metrist, run, seed, storedIds } = await setUp();
    const id = seed();
    metrist.behave(plan);
    const runs: Ended[] = await Promise.all([run('register'), run('configs'), run('unregister', id)]);
    for (const { code, stdout, stderr } of runs) {
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toContain(words);
    }
    expect(storedIds()).toEqual([id]);
    expect(changes(metrist)).toEqual([]);
  });

  test('does not listen, a command ends with code 1 and advice', async () => {
    const { runWith } = await setUp();
    const dead = await startMetrist();
    await dead.close();
    const { code, stderr } = await runWith({ METRIST_API_HOST: dead.url }, 'configs');
    expect(code).toBe(1);
    expect(stderr).toContain('refused the connection; check the port in METRIST_API_HOST');
  });
});

describe('a wrong command line', () => {
  test.for([
    [['register', '--interval', '0s'], '--interval'],
    [['register', '--interval', 'soon'], '--interval'],
    [['register', '--run-group', 'a,b'], '--run-group'],
    [['register', '--timeout', '70000'], '--timeout'],
    [['unregister'], '--all'],
    [['unregister', '../../users'], 'id'],
  ] as const)('%j is refused with code 2 and names %s', async ([args, named]) => {
    const { metrist, run } = await setUp();
    const { code, stdout, stderr } = await run(...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(named);
    expect(metrist.requests).toEqual([]);
  });

  test('an unknown id is not reported as removed', async () => {
    const { metrist, run, seed } = await setUp();
    const id = seed();
    const { code, stderr } = await run('unregister', `${id}x`);
    expect(code).toBe(1);
    expect(stderr).toContain(`awsiam has no registration ${id}x, so nothing was removed; registered: ${id}`);
    expect(changes(metrist)).toEqual([]);
  });
});

test('with --json the output is only JSON', async () => {
  const { run, runWith, seed } = await setUp();
  const id = seed();
  const [config, configs] = await Promise.all([
    runWith({ METRIST_API_TOKEN: '', METRIST_API_HOST: nowhere() }, 'config', '--json'),
    run('configs', '--json'),
  ]);
  expect(JSON.parse(config.stdout)).toEqual(body());
  expect(JSON.parse(configs.stdout)).toMatchObject([{ id }]);
});

test('a wrong token is named by its variable, and no token is ever shown', async () => {
  const { metrist, run, runWith } = await setUp();
  const wrong = 'wrong0token0wrong0token';
  const runs = await Promise.all([
    runWith({ METRIST_API_TOKEN: wrong }, 'register'),
    runWith({ METRIST_API_TOKEN: wrong }, 'configs'),
    runWith({ METRIST_API_TOKEN: wrong }, 'unregister', '--all'),
    runWith({ METRIST_API_TOKEN: wrong }, 'status', '--remote'),
    runWith({ METRIST_API_TOKEN: `${wrong} two` }, 'configs'),
    runWith({ METRIST_RUN_GROUPS: apiToken }, 'register'),
    runWith({ METRIST_RUN_GROUPS: apiToken }, 'config'),
    run('unregister', apiToken),
    run('register', '--interval', apiToken),
  ]);
  for (const { code, stderr } of runs.slice(0, 5)) {
    expect(code).toBe(1);
    expect(stderr).toContain('METRIST_API_TOKEN');
  }
  metrist.behave(() => ({ kind: 'answer', status: 422, body: apiToken }));
  const all = [...runs, await run('configs')].map(({ everything }) => everything).join('\n');
  expect(all).not.toContain(wrong);
  expect(all).not.toContain(apiToken);
});
