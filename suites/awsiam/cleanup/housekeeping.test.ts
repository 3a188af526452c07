import { describe, expect, onTestFinished, test } from 'vitest';
import { installIamMock } from '../../../mocks/iam/client-mock.ts';
import { createFaultPlan } from '../../../mocks/iam/fault-plan.ts';
import { listEntities, seedGroup, seedUser } from '../../../mocks/iam/seeding.ts';
import { createIamState } from '../../../mocks/iam/state.ts';
import { requireConfig } from '../../../runner/settings.ts';
import { parseConfig } from '../settings/config.ts';
import { cleanUp, runHousekeeping } from './housekeeping.ts';
import { groupPath, userPath } from '../names.ts';
import { closeSession, openSession } from '../session.ts';
import { iamXml, startHttpServer } from '../testing/http-server.ts';
import { runName, seedStaleGroups, seedStaleUsers } from '../testing/stale.ts';
import { makeAwsHome } from '../testing/aws-home.ts';
import { testValues } from '../testing/values.ts';

const { signal } = new AbortController();

/** A session of the namespace prod, as a run has it after its steps. */
async function setUp(values: Readonly<Record<string, string>> = {}, faults = '') {
  const mock = installIamMock({ state: createIamState(), faults: createFaultPlan(faults) });
  onTestFinished(() => mock.restore());
  const session = await openSession(requireConfig(parseConfig(testValues(values))), { mode: 'offline', signal });
  return { ...mock, session };
}

/** Entities of runs that may still be in progress. Nothing may remove them. */
function seedYoung(state: Awaited<ReturnType<typeof setUp>>['state'], users: number, groups = 0): void {
  for (let index = 0; index < users; index++) {
    seedUser(state, { name: runName('testuser', 'prod', 5000 + index), path: userPath });
  }
  for (let index = 0; index < groups; index++) {
    seedGroup(state, { name: runName('testgroup', 'prod', 5000 + index), path: groupPath });
  }
}

const operations = ({ calls }: Awaited<ReturnType<typeof setUp>>): Set<string> =>
  new Set(calls.map(({ operation }) => operation));

describe('housekeeping after the steps', () => {
  test('removes what killed runs left and leaves what may belong to another run', async () => {
    const { session, state } = await setUp();
    seedStaleUsers(state, 'prod', 2);
    seedStaleGroups(state, 'prod', 1);
    seedYoung(state, 1);
    expect(await runHousekeeping(session, { signal })).toEqual({ removed: 3, remaining: 1, warnings: [] });
    expect(listEntities(state)).toEqual({ users: [runName('testuser', 'prod', 5000)], groups: [] });
  });

  test.for([
    [{}, 125],
    [{ METRIST_STEP_TIMEOUT_SECS: '600' }, 85],
    [{ METRIST_STEP_TIMEOUT_SECS: '30' }, 60],
  ] as const)(
    'with %o keeps entities younger than %d minutes, the longest that a run can last',
    async ([values, minutes]) => {
      const { session, state } = await setUp(values);
      const [old, young] = [runName('testuser', 'prod', 1), runName('testuser', 'prod', 2)];
      const ago = (ms: number) => new Date(Date.now() - ms);
      seedUser(state, { name: old, path: userPath, createDate: ago(minutes * 60_000 + 30_000) });
      seedUser(state, { name: young, path: userPath, createDate: ago(minutes * 60_000 - 30_000) });
      expect(await runHousekeeping(session, { signal })).toEqual({ removed: 1, remaining: 1, warnings: [] });
      expect(listEntities(state).users).toEqual([young]);
    },
  );

  test("keeps what is young by IAM's clock if this host's clock is hours ahead", async () => {
    const behind = new Date(Date.now() - 3 * 3_600_000);
    const createdAt = new Date(behind.getTime() - 600_000).toISOString();
    const group = `<member><Path>${groupPath}</Path><GroupName>${runName('testgroup', 'prod')}</GroupName><GroupId>A</GroupId><Arn>a</Arn><CreateDate>${createdAt}</CreateDate></member>`;
    const asked: string[] = [];
    const server = await startHttpServer((request, response) => {
      asked.push(request.url ?? '');
      const kind = asked.length === 1 ? 'Groups' : 'Users';
      const members = kind === 'Groups' ? group : '';
      const result = `<List${kind}Result><IsTruncated>false</IsTruncated><${kind}>${members}</${kind}></List${kind}Result>`;
      response.writeHead(200, { date: behind.toUTCString() }).end(iamXml(`List${kind}`, result));
    });
    const config = requireConfig(parseConfig(testValues({ AWS_ENDPOINT_URL_IAM: server.url })));
    const session = await openSession(config, { mode: 'offline', signal });
    onTestFinished(() => closeSession(session));
    expect(await runHousekeeping(session, { signal })).toEqual({ removed: 0, remaining: 1, warnings: [] });
    expect(asked).toHaveLength(2);
  });

  test.for(['0', 'false', 'FALSE'])(
    'removes nothing with METRIST_CLEANUP_ENABLED=%s, but still counts',
    async (value) => {
      const account = await setUp({ METRIST_CLEANUP_ENABLED: value });
      const { session, state } = account;
      seedStaleUsers(state, 'prod', 2);
      seedYoung(state, 1, 1);
      expect(await runHousekeeping(session, { signal })).toEqual({ removed: 0, remaining: 4, warnings: [] });
      expect(listEntities(state).users).toHaveLength(3);
      expect(operations(account)).toEqual(new Set(['ListUsers', 'ListGroups']));
    },
  );

  test('does not fail without permission to list, and names the action', async () => {
    const { session } = await setUp({}, 'ListUsers=AccessDenied');
    expect(await runHousekeeping(session, { signal })).toEqual({
      removed: 0,
      remaining: 0,
      warnings: [expect.stringMatching(/iam:ListUsers is not allowed/)],
    });
  });

  test('that is turned off does not complain about missing permission to list', async () => {
    const { session } = await setUp({ METRIST_CLEANUP_ENABLED: '0' }, 'ListUsers=AccessDenied,ListGroups=AccessDenied');
    expect(await runHousekeeping(session, { signal })).toEqual({ removed: 0, remaining: 0, warnings: [] });
  });

  test('says that it did not finish when it is stopped', async () => {
    const { session, events } = await setUp();
    const stop = new AbortController();
    events.on('call', () => stop.abort());
    const { warnings } = await runHousekeeping(session, { signal: stop.signal });
    expect(warnings).toEqual(['the sweep of old test entities did not get to the end: the next one goes on']);
  });

  test('gives up with a warning if IAM keeps throttling', async () => {
    const account = await setUp({}, 'ListGroups=Throttling');
    const { warnings } = await runHousekeeping(account.session, { signal });
    expect(warnings).toEqual([expect.stringMatching(/^the sweep of old test entities stopped: Throttling/)]);
    // The SDK's own attempts, and nothing after them.
    expect(account.calls.map(({ operation }) => operation)).toEqual(['ListGroups', 'ListGroups', 'ListGroups']);
  });
});

describe('the quota guard', () => {
  test.for([
    [{}, 50, undefined],
    [{}, 51, /^at least 51 test users and groups of the namespace prod exist; .*300 groups, 5000 users.*LimitExceeded/],
    [{ METRIST_MAX_TEST_ENTITIES: '3' }, 3, undefined],
    [{ METRIST_MAX_TEST_ENTITIES: '3' }, 4, /^at least 4 test users and groups/],
  ] as const)('with %o and %d entities, warns: %s', async ([values, count, warning]) => {
    const { session, state } = await setUp(values);
    seedYoung(state, count - 2, 2);
    const { warnings } = await runHousekeeping(session, { signal });
    expect(warnings).toEqual(warning === undefined ? [] : [expect.stringMatching(warning)]);
  });

  test('does not warn about what was just removed', async () => {
    const { session, state } = await setUp({ METRIST_MAX_TEST_ENTITIES: '3' });
    seedStaleUsers(state, 'prod', 4);
    expect(await runHousekeeping(session, { signal })).toEqual({ removed: 4, remaining: 0, warnings: [] });
  });

  test('counts old and young entities if nothing is removed, and says how to remove them', async () => {
    const { session, state } = await setUp({ METRIST_CLEANUP_ENABLED: '0', METRIST_MAX_TEST_ENTITIES: '3' });
    seedStaleUsers(state, 'prod', 2);
    seedYoung(state, 1, 1);
    const { warnings, remaining } = await runHousekeeping(session, { signal });
    expect(remaining).toBe(4);
    expect(warnings).toEqual([
      expect.stringMatching(/^at least 4 .*set METRIST_CLEANUP_ENABLED=1 or run "awsiam cleanup"$/),
    ]);
  });

  test('does not count entities of other namespaces or of people', async () => {
    const { session, state } = await setUp({ METRIST_MAX_TEST_ENTITIES: '1' });
    for (let index = 0; index < 5; index++) {
      seedUser(state, { name: runName('testuser', 'prod-eu', index), path: userPath });
      seedUser(state, { name: `person-${index}`, path: userPath });
    }
    expect(await runHousekeeping(session, { signal })).toEqual({ removed: 0, remaining: 0, warnings: [] });
  });
});

test('a cleanup gives up a search for credentials that does not end, and says after how long', async () => {
  const home = await makeAwsHome('[default]\ncredential_process = ~/hang\n');
  await home.script('hang', 'exec sleep 60');
  const config = requireConfig(
    parseConfig(testValues({ METRIST_AWS_ACCESS_KEY_ID: '', METRIST_AWS_SECRET_ACCESS_KEY: '' })),
  );
  await expect(cleanUp(config, { olderThanMs: 0, signal, openTimeoutMs: 300 })).rejects.toThrow(
    'the session was not open within 0.3 s',
  );
});
