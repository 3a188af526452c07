import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startCollector } from '../../metrics/testing/collector.ts';
import type { FaultPlan } from '../../mocks/iam/fault-plan.ts';
import type { Held, LastingWatch } from '../harness/lasting-watch.ts';
import { readRuns } from '../harness/read-history.ts';
import { makeResultsDir, runProgram } from '../harness/run.ts';
import { metristEnv, startIam, startMetrist } from '../harness/servers.ts';

/** Gives out credentials as a container's endpoint does: others each time, with a token of the usual length. */
async function startCredentials(): Promise<string> {
  let count = 0;
  const server = http.createServer((_request, response) => {
    const id = `ASIA${(count++).toString().padStart(16, '0')}`;
    const Token = Buffer.from(`${id} `.repeat(40)).toString('base64');
    response.end(
      JSON.stringify({
        AccessKeyId: id,
        SecretAccessKey: `secret of ${id}`,
        Token,
        Expiration: '2099-01-01T00:00:00Z',
      }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => await server[Symbol.asyncDispose]());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/credentials`;
}

/** Every so many requests one goes wrong: some are repeated by the SDK, some fail the run. */
function faultsNowAndThen(): FaultPlan {
  const counts = new Map<string, number>();
  return {
    next: (operation) => {
      const count = (counts.get(operation) ?? 0) + 1;
      counts.set(operation, count);
      if (operation === 'CreateGroup' && count % 23 === 0) return { kind: 'error', name: 'ServiceFailure' };
      if (operation === 'DeleteUser' && count % 19 === 0) return { kind: 'transport', name: 'reset-after' };
      if (operation === 'AddUserToGroup' && count % 17 === 0) return { kind: 'error', name: 'AccessDenied' };
      return undefined;
    },
  };
}

test('a process that makes 300 runs holds no more after them than after the first ones', async () => {
  const iam = await startIam('', { faults: faultsNowAndThen() });
  const metrist = await startMetrist();
  let posts = 0;
  metrist.behave(() => (++posts % 101 === 0 ? { kind: 'reset', when: 'before' } : undefined));
  const collector = await startCollector({
    answer: (_request, count) => (count % 29 === 0 ? { status: 400 } : undefined),
  });
  onTestFinished(() => collector.close());
  const resultsDir = await makeResultsDir();
  const watch: LastingWatch = { resultsDir, looks: [0, 50, 300] };
  const child = path.join(import.meta.dirname, '../harness/lasting-watch.ts');
  const { stdout, stderr, code } = await runProgram(process.execPath, ['--expose-gc', child, JSON.stringify(watch)], {
    env: {
      ...metristEnv(metrist),
      METRIST_AWS_REGION: 'us-east-1',
      METRIST_NAMESPACE: 'lasting',
      METRIST_RESULTS_DIR: resultsDir,
      AWS_ENDPOINT_URL_IAM: iam.url,
      AWS_CONTAINER_CREDENTIALS_FULL_URI: await startCredentials(),
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    },
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const looks = stdout.trim().split('\n');
  const [start, early, late] = looks.map((line) => JSON.parse(line) as Held);
  // Everything was in use, and faults failed some of the runs.
  const states = Map.groupBy(await readRuns(resultsDir), ({ state }) => state);
  expect(states.get('passed')?.length).toBeGreaterThan(250);
  expect(states.get('failed')?.length).toBeGreaterThan(10);
  expect(metrist.requests.length).toBeGreaterThan(2000);
  expect(collector.metrics.length).toBeGreaterThan(250);
  // Nothing is held but compiled code and the totals.
  for (const { heapBytes: _, runs: __, ...held } of [early, late] as Held[]) expect(start).toMatchObject(held);
  expect((late?.heapBytes ?? Infinity) / (early?.heapBytes ?? 1)).toBeLessThan(1.05);
}, 300_000);
