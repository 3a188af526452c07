// No output of a vitest run, and nothing that it sends, shows a secret.
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test } from 'vitest';
import { toMetristResults } from '../metrist/delivery/results.ts';
import { toAnswer } from '../metrist/protocol/serve/requested-step.ts';
import type { MetristStandIn } from '../metrist/testing/stand-in.ts';
import { startConnectProxy } from '../metrist/testing/connect-proxy.ts';
import { renderJunit } from '../reporters/junit.ts';
import { renderStepLine, renderSummary } from '../reporters/terminal.ts';
import { systemClock } from '../runner/clock.ts';
import { hideSecrets, redact } from '../text/redact.ts';
import { runStep } from '../runner/run-step.ts';
import type { StepError } from '../runner/step-result.ts';
import { monitorRun } from '../runner/testing/builders.ts';
import { requireConfig } from '../runner/settings.ts';
import { awsiam } from '../suites/awsiam/monitor.ts';
import { deadPort } from '../suites/awsiam/testing/http-server.ts';
import { leaksOf } from './harness/conformance.ts';
import { runAwsiam, liveEnv, makeResultsDir, runMonitor, runVitest, secrets, type VitestRun } from './harness/run.ts';
import { metristEnv, startIam, startMetrist } from './harness/servers.ts';

/** Ways in which a server can send a request back to us. */
const echoes = {
  'the message of an error': (echo, response) => response.end(errorXml('SignatureDoesNotMatch', escapeXml(echo))),
  'the code of an error': (echo, response) => response.end(errorXml(escapeXml(echo), 'it is not right')),
  'a page that is not from IAM': (echo, response) => response.end(`<html><body>${echo}</body></html>`),
  'an answer that breaks off in it': (echo, response) => response.end(`<ErrorResponse><Error>${echo.slice(0, -7)}`),
  'XML that is broken inside': (echo, response) =>
    response.end(`<ErrorResponse><Error><Code>A</Code><Message>${escapeXml(echo)}</Mess></Error></ErrorResponse>`),
  'a header': (echo, response) => {
    response.setHeader('x-amzn-requestid', echo.replaceAll(/[^ -~]/g, ''));
    response.end(errorXml('SignatureDoesNotMatch', 'it is not right'));
  },
} as const satisfies Readonly<Record<string, (echo: string, response: ServerResponse) => void>>;

type EchoKind = keyof typeof echoes;

function errorXml(code: string, message: string): string {
  return `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>leaky</RequestId></ErrorResponse>`;
}

function escapeXml(raw: string): string {
  return raw.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** An IAM that sends back the whole request, and secrets that it should not even know. */
async function startLeakyIam(): Promise<{ url: string; behave: (kind: EchoKind, padding: number) => void }> {
  let echo: (said: string, response: ServerResponse) => void = echoes['the message of an error'];
  let before = '';
  const server = createServer((request: IncomingMessage, response) => {
    const { 'x-amz-security-token': token, ...headers } = request.headers;
    const said = [token, secrets.secretAccessKey, btoa(secrets.secretAccessKey), JSON.stringify(headers), token];
    void text(request).then((body) => {
      response.statusCode = 403;
      // Teardown need not wait: nothing was created.
      if (body.includes('Action=DeleteUser')) response.end(errorXml('NoSuchEntity', 'there is none'));
      else echo(before + said.join(' '), response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    behave: (kind, padding) => {
      echo = echoes[kind];
      before = `${'.'.repeat(padding)} `;
    },
  };
}

const pieces = [secrets.secretAccessKey, secrets.sessionToken, btoa(secrets.secretAccessKey)].flatMap((secret) =>
  Array.from({ length: secret.length - 11 }, (_, start) => secret.slice(start, start + 12)),
);

/** Everything that a run wrote anywhere: output, files and requests to Metrist. */
async function everythingOf({ stdout, stderr, resultsDir }: VitestRun, metrist?: MetristStandIn): Promise<string> {
  const files = await readdir(resultsDir, { recursive: true, withFileTypes: true });
  const texts = files
    .filter((file) => file.isFile())
    .map((file) => readFile(path.join(file.parentPath, file.name), 'utf8'));
  const sent = metrist?.requests.map(({ path: to, body }) => JSON.stringify([to, body])) ?? [];
  return [stdout, stderr, ...(await Promise.all(texts)), ...sent].join('\n');
}

describe('an answer that contains the whole request', () => {
  test.for(Object.keys(echoes) as EchoKind[])(
    'shows no part of a secret in any report, wherever %s is cut off',
    async (kind) => {
      const { url, behave } = await startLeakyIam();
      const values = {
        ...liveEnv,
        METRIST_AWS_SESSION_TOKEN: secrets.sessionToken,
        METRIST_REQUEST_TIMEOUT_SECS: '5',
        AWS_ENDPOINT_URL_IAM: url,
      };
      const { signal } = new AbortController();
      const session = await awsiam.openSession(requireConfig(awsiam.parseConfig(values)), { mode: 'live', signal });
      onTestFinished(() => awsiam.closeSession(session));
      hideSecrets(awsiam.secrets(values, session));
      const [createUser] = awsiam.steps;
      const context = { mode: 'live', values, howToConfigure: 'Set the variables' } as const;
      const explain = (error: unknown, step: string): StepError => awsiam.explain(error, step, context);
      if (createUser === undefined) throw new Error('there is no step');
      // The padding grows by less than the shortest secret, to beyond the longest text that we keep.
      for (let padding = 0; padding < 4300; padding += 29) {
        behave(kind, padding);
        const options = { clock: systemClock, timeoutMs: 20_000, signal, explain };
        const step = redact.value(await runStep(createUser, session, options));
        if (step.state !== 'failed') throw new Error(`the step ${step.state}`);
        const run = monitorRun({ steps: [step], state: 'failed' });
        const everything = [
          renderStepLine(step, { color: false, columns: 100 }),
          renderSummary(run, [], { color: false, columns: 100 }),
          renderJunit(run),
          ...[run, toMetristResults(run, 'e2e'), toAnswer(step)].map((value) => JSON.stringify(value)),
        ].join('\n');
        const leaks = pieces.filter((piece) => everything.includes(piece));
        expect(leaks, `${padding} characters before it: ${everything}`).toEqual([]);
      }
    },
  );
});

/** Positions at which we cut through the secret: in an excerpt, in the text for Metrist, in the longest text that we keep. */
const straddlingCuts = [
  ['vitest run', 'a page that is not from IAM', 70],
  ['vitest run', 'the message of an error', 1940],
  ['vitest run', 'the message of an error', 3930],
  ['vitest run', 'a header', 0],
  ['awsiam run', 'the message of an error', 1940],
] as const;

test('no output, file or request of a run shows a part of a secret from an answer', async () => {
  const runs = straddlingCuts.map(async ([command, kind, padding]) => {
    const iam = await startLeakyIam();
    iam.behave(kind, padding);
    const metrist = await startMetrist();
    const env = { ...liveEnv, METRIST_AWS_SESSION_TOKEN: secrets.sessionToken, AWS_ENDPOINT_URL_IAM: iam.url };
    const args = command === 'awsiam run' ? ['--json'] : [];
    const run = await runMonitor(command, { args, env: { ...env, ...metristEnv(metrist) } });
    expect(metrist.errors).toHaveLength(1);
    const everything = await everythingOf(run, metrist);
    expect(everything).toContain('[redacted]');
    expect(leaksOf(everything)).toEqual([]);
  });
  await Promise.all(runs);
});

test('in a good run no output or file contains the key id or a secret', async () => {
  const iam = await startIam();
  const run = await runVitest({ env: { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url } });
  expect(run.code, run.everything).toBe(0);
  expect(leaksOf(await everythingOf(run))).toEqual([]);
});

test('neither another reporter nor vitest’s debug output shows a secret', async () => {
  const iam = await startIam();
  const env = { ...liveEnv, AWS_ENDPOINT_URL_IAM: iam.url, DEBUG: 'vite:*,vitest:*' };
  const run = await runVitest({ args: ['--reporter=json'], env });
  expect(run.code, run.everything).toBe(0);
  expect(run.stderr).toContain('vite:config');
  expect(leaksOf(await everythingOf(run))).toEqual([]);
});

test('with region and secret key swapped, the key appears nowhere and the error says what a region looks like', async () => {
  const metrist = await startMetrist();
  const run = await runVitest({
    env: {
      ...liveEnv,
      ...metristEnv(metrist),
      METRIST_AWS_REGION: secrets.secretAccessKey,
      METRIST_AWS_SECRET_ACCESS_KEY: 'us-east-1',
    },
  });
  expect(run.code).toBe(1);
  const { length } = secrets.secretAccessKey;
  expect(run.stdout.replaceAll(/\s+/g, ' ')).toContain(
    `METRIST_AWS_REGION is a text of ${length} characters (not shown: it may hold a secret): expected an AWS region such as us-east-1`,
  );
  expect(leaksOf(await everythingOf(run, metrist))).toEqual([]);
  expect(metrist.errors).toHaveLength(1);
});

describe('a proxy', () => {
  test.for([
    ['HTTPS_PROXY', 'http://svc-user:Pa55/word-Pa55@proxy:8080'],
    ['https_proxy', 'http://svc-user:a6%6qPw-Pa55@proxy:8080'],
    ['HTTP_PROXY', 'svc-user:Pa55?word@proxy:8080'],
  ] as const)(
    'whose address in %s is unusable is a configuration error in every front end, and %s never appears',
    async ([name, url]) => {
      const metrist = await startMetrist();
      const env = { ...liveEnv, ...metristEnv(metrist), [name]: url };
      const METRIST_RESULTS_DIR = await makeResultsDir();
      const [run, ...commands] = await Promise.all([
        runVitest({ env }),
        ...[['run', '--json'], ['cleanup'], ['status', '--remote'], ['drive', '--json']].map((args) =>
          runAwsiam(args, { ...env, METRIST_RESULTS_DIR }),
        ),
      ]);
      const problem = `${name} is not the address of a proxy (not shown: it may hold a password): expected host:port`;
      expect(run.code).toBe(1);
      expect(run.stdout).toContain('configuration: 1 problem with the settings:');
      expect(JSON.stringify(metrist.errors)).toContain(problem);
      const said = [await everythingOf(run, metrist), ...commands.map(({ everything }) => everything)];
      for (const each of said) {
        expect(each).toContain(problem);
        expect(each).not.toMatch(/svc-user|Pa55|a6%6q|a6o/);
      }
    },
  );

  test('that refuses and sends back its password does not reveal it in any report', async () => {
    const password = 'Pa55 word/Pa55';
    const auth = btoa(`svc-user:${password}`);
    const given = [`svc-user:${password}`, `svc-user:${encodeURIComponent(password)}`, `Basic ${auth}`].join(' ');
    const proxy = await startConnectProxy(`407 ${'.'.repeat(60)} ${given}`);
    const metrist = await startMetrist();
    const env = {
      ...liveEnv,
      ...metristEnv(metrist),
      AWS_ENDPOINT_URL_IAM: 'https://127.0.0.1:9',
      HTTPS_PROXY: `http://svc-user:${encodeURIComponent(password)}@${proxy.address}`,
    };
    const elsewhere = { ...env, METRIST_API_HOST: `127.0.0.1:${await deadPort()}` };
    const [run, undelivered, command] = await Promise.all([
      runVitest({ env }),
      runVitest({ env: elsewhere }),
      runAwsiam(['status', '--remote'], elsewhere),
    ]);
    expect(run.stdout).toMatch(/407[^]*\[redacted\] \[redacted\] Basic\s+\[redacted\]/);
    expect(undelivered.stdout).toMatch(/Metrist: .*not delivered.*407/);
    expect(command.stderr).toContain('407');
    for (const each of [await everythingOf(run, metrist), await everythingOf(undelivered), command.everything]) {
      expect(each).not.toMatch(/Pa55|word(\/|%2F)/);
      expect(each).not.toContain(auth.slice(0, 12));
      expect(each).not.toContain(auth.slice(-14, -2));
    }
  });
});

test('an unhandled error ends a command without showing a secret', async () => {
  // Throws as soon as the command listens for unhandled errors.
  const code = `process.on('newListener', (event) => event === 'uncaughtException' && setImmediate(() =>
    Promise.reject(Object.assign(new Error('unheard ' + process.env.METRIST_API_TOKEN), { input: process.env.HTTPS_PROXY }))));`;
  const env = {
    METRIST_API_TOKEN: secrets.apiToken,
    METRIST_API_HOST: `127.0.0.1:${await deadPort()}`,
    HTTPS_PROXY: `http://svc-user:Pa55word-Pa55@127.0.0.1:${await deadPort()}`,
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}`,
  };
  const run = await runAwsiam(['status', '--remote'], env);
  expect(run.code).toBe(1);
  expect(run.stderr).toContain('Error: unheard [redacted]\n');
  expect(run.everything).not.toMatch(/Pa55/);
  expect(leaksOf(run.everything)).toEqual([]);
});
