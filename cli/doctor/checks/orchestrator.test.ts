import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Values } from '../../../runner/monitor.ts';
import { examine, goodSettings } from '../testing/examine.ts';

/** A directory as `METRIST_EXE_LOCAL_PATH` names it. */
async function makeLocalPath({ mode = 0o755, name = 'monitors' } = {}): Promise<string> {
  const parent = await mkdtemp(path.join(os.tmpdir(), 'awsiam-doctor-'));
  onTestFinished(() => rm(parent, { recursive: true }));
  const file = path.join(parent, name, 'awsiam', 'awsiam');
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, '');
  await chmod(file, mode);
  return path.join(parent, name);
}

const good = async (): Promise<Values> => ({
  ...goodSettings,
  METRIST_API_TOKEN: 'k3v0test0token',
  METRIST_INSTANCE_ID: 'us-east-1',
  METRIST_RUN_GROUPS: 'prod,eu',
  METRIST_CLEANUP_ENABLED: '1',
  METRIST_EXE_LOCAL_PATH: await makeLocalPath(),
});

async function check(environment: Values, values = environment) {
  const { found } = await examine(values, ['--only', 'orchestrator'], environment);
  return (found.orchestrator ?? []).map(({ state, what }) => `${state}: ${what}`);
}

test('is skipped on other hosts, and says how to check it on its own', async () => {
  const values = { METRIST_API_TOKEN: 'k3v0test0token', METRIST_RUN_GROUPS: 'prod' };
  const { found } = await examine(values, ['--only', 'orchestrator']);
  expect(found.orchestrator).toEqual([
    {
      state: 'skipped',
      what: 'the Orchestrator: not checked, because the environment has none of the variables that only it has',
      fix: 'On its host, check with its variables:',
      command: 'set -a; . /etc/default/metrist-orchestrator; ./awsiam doctor --only orchestrator',
    },
  ]);
});

test('shows what the Orchestrator would do', async () => {
  const environment = await good();
  expect(await check(environment)).toEqual([
    'ok: its instance is us-east-1',
    'ok: its run groups are prod, eu: it runs the registrations that have one of them',
    `ok: ${environment['METRIST_EXE_LOCAL_PATH']}/awsiam/awsiam can be started`,
    'ok: leftovers of killed runs are removed (METRIST_CLEANUP_ENABLED)',
  ]);
});

test.for([
  [{ METRIST_API_TOKEN: '' }, 'failure: METRIST_API_TOKEN is not set: the Orchestrator does not start'],
  [{ METRIST_INSTANCE_ID: '' }, 'failure: METRIST_INSTANCE_ID is not set: the Orchestrator does not start'],
  [{ METRIST_INSTANCE_ID: 'us east' }, 'failure: METRIST_INSTANCE_ID is "us east": expected the place'],
  [{ METRIST_LOGGING_LEVEL: 'loud' }, 'failure: METRIST_LOGGING_LEVEL is "loud": the Orchestrator does not start'],
  [{ METRIST_RUN_GROUPS: 'prod, eu' }, 'warning: METRIST_RUN_GROUPS holds " eu"'],
  [{ METRIST_RUN_GROUPS: 'prod,,eu' }, 'failure: METRIST_RUN_GROUPS is "prod,,eu"'],
  [{ METRIST_EXE_LOCAL_PATH: '', METRIST_PREVIEW_MODE: '1' }, 'failure: METRIST_EXE_LOCAL_PATH is not set'],
  [{ METRIST_EXE_LOCAL_PATH: '/nowhere' }, 'failure: /nowhere/awsiam/awsiam does not exist'],
  [{ METRIST_EXE_LOCAL_PATH: '/my monitors' }, 'failure: /my monitors/awsiam/awsiam has a space in its path'],
  [{ METRIST_CLEANUP_ENABLED: undefined }, 'warning: METRIST_CLEANUP_ENABLED is not set'],
  [
    { METRIST_CLEANUP_ENABLED: 'off' },
    'warning: METRIST_CLEANUP_ENABLED is "off": the Orchestrator takes any value for a yes',
  ],
  [{ METRIST_DISABLE_TLS_VERIFICATION: '' }, 'warning: METRIST_DISABLE_TLS_VERIFICATION is set'],
  [{ HTTPS_PROXY: 'http://proxy:3128' }, 'warning: HTTPS_PROXY begins with a scheme'],
] as const)('finds %o', async ([wrong, expected]) => {
  const lines = await check({ ...(await good()), ...wrong });
  expect(lines.filter((line) => line.startsWith(expected))).toHaveLength(1);
  // Nothing else is wrong.
  expect(lines.filter((line) => !line.startsWith('ok'))).toHaveLength(1);
});

test('finds a file that cannot be started', async () => {
  const dir = await makeLocalPath({ mode: 0o644 });
  expect(await check({ ...(await good()), METRIST_EXE_LOCAL_PATH: dir })).toContain(
    `failure: ${dir}/awsiam/awsiam cannot be started by this user`,
  );
});

test('finds settings that only .env has, which the Orchestrator does not read', async () => {
  const values = await good();
  const { METRIST_NAMESPACE: _, ...environment } = values;
  expect(await check(environment, values)).toContainEqual(
    expect.stringMatching(/^warning: METRIST_NAMESPACE is not set: .* \(the Orchestrator does not read \.env\)$/),
  );
});
