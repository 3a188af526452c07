import { describe, expect, onTestFinished, test } from 'vitest';
import { createMonitorConfig, type RegistrationOptions } from '../../../metrist/registration/monitor-config.ts';
import type { MonitorStatus } from '../../../metrist/registration/monitor-config-api.ts';
import type { StoredMonitorConfig } from '../../../metrist/registration/stored-monitor-config.ts';
import { startMetristStandIn } from '../../../metrist/testing/stand-in.ts';
import type { Values } from '../../../runner/monitor.ts';
import { awsiam } from '../../../suites/awsiam/monitor.ts';
import { examine } from '../testing/examine.ts';
import { judgeRegistration } from './registration.ts';

const now = new Date('2026-11-27T12:00:00Z');
const fresh: MonitorStatus = { monitor_logical_name: 'awsiam', state: 'up', last_checked: '2026-11-27T11:59:00Z' };

function stored(options: RegistrationOptions = {}, overrides: Partial<StoredMonitorConfig> = {}): StoredMonitorConfig {
  const config = createMonitorConfig(awsiam, { runGroups: ['prod'], ...options });
  return { ...config, id: 'one', extra_config: null, ...overrides };
}

const judge = (
  registrations: readonly StoredMonitorConfig[],
  values: Values = {},
  status: MonitorStatus | undefined = fresh,
): string[] => [...judgeRegistration(registrations, status, values, now)].map(({ state, what }) => `${state}: ${what}`);

test('a registration is as awsiam register would send it', () => {
  expect(judge([stored()])).toEqual([
    'ok: registered as one: every 120 s · 8 steps of at most 900 s · run groups prod',
    'ok: Metrist has results of it: the last one came 1 min ago',
  ]);
});

test('no registration is fine, unless an Orchestrator is to run it', () => {
  expect(judge([], {}, undefined)).toEqual(['ok: awsiam is not registered. Only an Orchestrator needs that']);
  expect(judge([], { METRIST_RUN_GROUPS: 'prod' }, undefined)).toEqual([
    'failure: awsiam is not registered, so no Orchestrator runs it',
  ]);
});

describe('says what differs', () => {
  test.for([
    [
      { intervalSecs: 300 },
      {},
      'warning: the registration one differs from what awsiam register would send: interval_secs 300 instead of 120',
    ],
    [
      { timeoutSecs: 800 },
      {},
      'warning: the registration one differs from what awsiam register would send: other steps or timeouts',
    ],
    [
      { intervalSecs: 300 },
      { AWSIAM_INTERVAL_SECS: '300' },
      'ok: registered as one: every 300 s · 8 steps of at most 900 s · run groups prod',
    ],
  ] as const)('%o with %o', ([options, values, expected]) => {
    expect(judge([stored(options)], values)[0]).toBe(expected);
  });

  test('in a failure if its steps are not those of this version', () => {
    const steps = stored().steps.toReversed();
    expect(judge([stored({}, { steps })])[0]).toBe(
      'failure: the registration one does not fit this version, so its runs fail: other steps or timeouts',
    );
  });

  test('if the Orchestrator gives up before the step does', () => {
    expect(judge([stored({ timeoutSecs: 60 })]).find((line) => line.includes('a timeout of 60 s'))).toMatch(
      /^warning: /,
    );
  });

  test('if it is registered more than once', () => {
    const lines = judge([stored(), stored({}, { id: 'two' })]);
    expect(lines).toContain('warning: awsiam is registered 2 times, and runs for each of them');
  });
});

describe('run groups', () => {
  test('in common with the Orchestrator of this host', () => {
    expect(judge([stored()], { METRIST_RUN_GROUPS: 'eu,prod' })).toContain(
      'ok: an Orchestrator with the run groups of this host gets it: ["eu","prod"]',
    );
  });

  test.for([
    ['eu', ['prod'], 'the registration has the run groups ["prod"], of which METRIST_RUN_GROUPS has none here: ["eu"]'],
    // The Orchestrator does not trim.
    [
      'eu, prod',
      ['prod'],
      'the registration has the run groups ["prod"], of which METRIST_RUN_GROUPS has none here: ["eu"," prod"]',
    ],
    [
      'Prod',
      ['prod'],
      'the registration has the run groups ["prod"], of which METRIST_RUN_GROUPS has none here: ["Prod"]',
    ],
    [
      'eu',
      [],
      'the registration has no run groups, so an Orchestrator with run groups does not get it: METRIST_RUN_GROUPS is ["eu"] here',
    ],
  ] as const)('of the host are %o, of the registration %o', ([own, runGroups, expected]) => {
    const lines = judge([stored({ runGroups })], { METRIST_RUN_GROUPS: own });
    expect(lines).toContain(`warning: ${expected}`);
  });

  test('that perhaps no Orchestrator has: known is only that no result came', () => {
    const never = { ...fresh, last_checked: '1970-01-01T00:00:00Z' };
    const expected =
      'warning: Metrist has no recent result of it, so perhaps no Orchestrator has one of the run groups ["prod"]';
    expect(judge([stored()], {}, never)).toContain(expected);
    expect([...judgeRegistration([stored()], undefined, {}, now)].at(-1)).toMatchObject({
      state: 'warning',
      fix: expect.stringContaining('Metrist does not show the run groups of Orchestrators') as unknown,
    });
  });

  test('are no reason without any: then nobody knows', () => {
    const never = { ...fresh, last_checked: '1970-01-01T00:00:00Z' };
    expect(judge([stored({ runGroups: [] })], {}, never).at(-1)).toMatch(/^skipped: whether an Orchestrator runs it/);
  });
});

describe('asking Metrist', () => {
  const token = 'k3v0test0token';

  test('reads, and posts nothing', async () => {
    const metrist = await startMetristStandIn({ token });
    onTestFinished(() => metrist.close());
    metrist.monitorConfigs.seed(token, { ...createMonitorConfig(awsiam, { runGroups: ['prod'] }) });
    const values = { METRIST_API_TOKEN: token, METRIST_API_HOST: metrist.url };
    const { lines } = await examine(values, ['--only', 'registration']);
    expect(lines[0]).toMatch(/^✓ registered as \w+: every 120 s/);
    expect(new Set(metrist.requests.map(({ method }) => method))).toEqual(new Set(['GET']));
    const refused = await examine({ ...values, METRIST_API_TOKEN: 'another0token' }, ['--only', 'registration']);
    expect(refused).toMatchObject({
      code: 1,
      lines: [expect.stringMatching(/^✗ could not read the registrations of awsiam: HTTP 403 .*: the token is wrong$/)],
    });
  });

  test('needs a token', async () => {
    const { lines } = await examine({}, ['--only', 'registration']);
    expect(lines).toEqual([
      expect.stringMatching(/^- the registration: not checked, because METRIST_API_TOKEN is not set/),
    ]);
  });
});
