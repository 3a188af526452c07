import http from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, expect } from 'vitest';
import type { Fault, FaultPlan } from '../../mocks/iam/fault-plan.ts';
import { listEntities, seedGroup, seedUser } from '../../mocks/iam/seeding.ts';
import type { IamServer } from '../../mocks/iam/server.ts';
import { groupPath, userPath } from '../../suites/awsiam/names.ts';
import { listen } from '../../suites/awsiam/testing/http-server.ts';
import { runName, staleMs } from '../../suites/awsiam/testing/stale.ts';
import { runSteps, completeHandshake, stepNames, test, type Scenario } from '../harness/conformance.ts';
import { runAwsiam, liveEnv, runVitest } from '../harness/run.ts';
import { startIam } from '../harness/servers.ts';

/** The three programs that sweep, and their exit codes if something could not be removed. */
const frontEnds = [
  ['vitest run', 0, async (url: string) => await runVitest({ env: envFor(url) })],
  [
    'the executable',
    0,
    async (url: string, scenario: Scenario) => {
      const monitor = await scenario.start(undefined, { env: { AWS_ENDPOINT_URL_IAM: url } });
      await completeHandshake(monitor);
      await runSteps(monitor, stepNames);
      monitor.send('Exit 1');
      const { code } = await monitor.ended;
      return { code, everything: monitor.messages.join('\n') };
    },
  ],
  ['awsiam cleanup', 1, async (url: string) => await runAwsiam(['cleanup'], envFor(url))],
] as const;

const namespace = liveEnv.METRIST_NAMESPACE;

function envFor(url: string): Record<string, string> {
  return { ...liveEnv, AWS_ENDPOINT_URL_IAM: url };
}

const faults: readonly Fault[] = [
  { kind: 'error', name: 'ServiceFailure' },
  { kind: 'error', name: 'InvalidInput' },
  { kind: 'error', name: 'LimitExceeded' },
  { kind: 'error', name: 'UnmodifiableEntity' },
  { kind: 'error', name: 'AccessDenied' },
  { kind: 'transport', name: 'html-500' },
];

/** The first two users and groups cannot be removed: the first cannot be deleted, and nothing about the second can be read. */
const users = [0, 1, 2, 3, 4].map((index) => runName('testuser', namespace, index));
const groups = [0, 1, 2, 3, 4].map((index) => runName('testgroup', namespace, index));
const unremovable = { users: users.slice(0, 2), groups: groups.slice(0, 2) };

function failForUnremovable(fault: Fault): FaultPlan {
  return {
    next: (operation, { UserName, GroupName } = {}) => {
      const isAbout = (index: number): boolean => UserName === users[index] || GroupName === groups[index];
      const deleted = /^Delete(User|Group)$/.test(operation) && isAbout(0);
      const lookedAt = /^(List|Get)/.test(operation) && isAbout(1);
      return deleted || lookedAt ? fault : undefined;
    },
  };
}

function seedOld({ state }: IamServer): void {
  const createDate = new Date(Date.now() - staleMs);
  for (const name of groups) seedGroup(state, { name, path: groupPath, createDate });
  for (const name of users) {
    const policies = name === users[1] ? ['arn:aws:iam::aws:policy/AWSDenyAll'] : [];
    seedUser(state, { name, path: userPath, createDate, policies });
  }
  seedUser(state, { name: 'alice', groups: groups.slice(1, 2) });
}

describe('if the first entities that a sweep finds cannot be removed,', () => {
  test.for(frontEnds)(
    '%s removes all others and names those that it could not remove',
    async ([, code, sweepWith], { scenario }) => {
      await Promise.all(
        faults.map(async (fault) => {
          const iam = await startIam('', { faults: failForUnremovable(fault) });
          seedOld(iam);
          const run = await sweepWith(iam.url, scenario);
          expect(run.code, run.everything).toBe(code);
          expect(listEntities(iam.state), `${fault.name}\n${run.everything}`).toEqual({
            users: ['alice', ...unremovable.users],
            groups: unremovable.groups,
          });
          for (const name of unremovable.users) expect(run.everything).toContain(`user ${name} could not be removed: `);
          for (const name of unremovable.groups)
            expect(run.everything).toContain(`group ${name} could not be removed: `);
        }),
      );
    },
  );
});

describe('a list that repeats its marker forever', () => {
  /** Like emulators that do not page: every page is the whole list and says that more follows. */
  async function startCircular(iam: IamServer): Promise<string> {
    const server = http.createServer((request, response) => {
      void text(request).then(async (body) => {
        const { authorization = '', 'content-type': type = '' } = request.headers;
        const answer = await fetch(iam.url, {
          method: 'POST',
          headers: { authorization, 'content-type': type },
          body: body.replace('&Marker=again', ''),
        });
        const xml = await answer.text();
        const isPaged = /Action=List(Users|Groups)&/.test(body);
        response.writeHead(answer.status, { 'content-type': 'text/xml' });
        response.end(
          isPaged
            ? xml.replace('<IsTruncated>false</IsTruncated>', '<IsTruncated>true</IsTruncated><Marker>again</Marker>')
            : xml,
        );
      });
    });
    return (await listen(server, 'http')).url;
  }

  test('is reported by every program, and the listed entities are removed', async ({ scenario }) => {
    await Promise.all(
      frontEnds.map(async ([frontEnd, code, sweepWith]) => {
        const iam = await startIam();
        seedOld(iam);
        const run = await sweepWith(await startCircular(iam), scenario);
        expect(run.code, `${frontEnd}\n${run.everything}`).toBe(code);
        expect(run.everything).toContain('test users could not all be listed: ');
        expect(run.everything).toContain('test groups could not all be listed: ');
        expect(run.everything).toContain('go round in a circle');
        expect(listEntities(iam.state), run.everything).toEqual({ users: ['alice'], groups: [] });
        expect(iam.calls.filter(({ operation }) => operation === 'ListUsers')).toHaveLength(2);
      }),
    );
  });
});
