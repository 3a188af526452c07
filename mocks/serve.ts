/**
 * `npm run mock:server`: the mocked IAM as a server, for a live run without AWS.
 * The environment sets its faults and latency; see `readMockOptions`.
 */
import { parseArgs } from 'node:util';
import { describeValue } from '../host/setting-text.ts';
import { surviveOutputErrors } from '../host/output-errors.ts';
import type { IamCall } from './iam/endpoint.ts';
import { readMockOptions } from './mock-options.ts';
import { startIamServer } from './iam/server.ts';
import { seedKeyHolder } from './iam/seeding.ts';
import { createIamState } from './iam/state.ts';

const usage = `Usage: npm run mock:server -- [--port <number>] [--strict]

Serves a mocked IAM account on 127.0.0.1 and prints the lines that point the AWS SDK and the AWS CLI to it.

  --port <number>  the port to listen on (default: any free port)
  --strict         begin as a new AWS account does: no test policy exists until it is created, and only access keys of the
                   account work. The printed lines hold the key of a user called administrator
  --help           show this help

AWSIAM_MOCK_FAULTS, AWSIAM_MOCK_LATENCY and AWSIAM_MOCK_SEED are read from the environment: see docs/mock-server.md.
`;

// Whoever reads the log may close the pipe while clients still use the server.
surviveOutputErrors(process);
try {
  const { help, ...options } = readArguments(process.argv.slice(2));
  if (help) process.stdout.write(usage);
  else await serve(options);
} catch (error) {
  process.stderr.write(`${describeFailure(error)}\n`);
  process.exitCode = 1;
}

interface ServeOptions {
  readonly port: number;
  readonly strict: boolean;
}

async function serve({ port, strict }: ServeOptions): Promise<void> {
  const { faults, latency, random } = readMockOptions(process.env);
  const state = createIamState({ random, isStrict: strict });
  const server = await startIamServer({ state, faults, latency, port, keepCalls: false });
  server.events.on('settled', (call) => process.stderr.write(`${describeCall(call)}\n`));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    // The process then exits with 0, because nothing else keeps it alive.
    process.once(signal, () => void server.close());
  }
  process.stdout.write(`export AWS_ENDPOINT_URL=${server.url}\n`);
  if (strict) {
    const { AccessKeyId: id, SecretAccessKey: secret } = seedKeyHolder(state, 'administrator');
    process.stdout.write(
      `export AWS_ACCESS_KEY_ID=${id} AWS_SECRET_ACCESS_KEY=${secret} AWS_DEFAULT_REGION=us-east-1\n`,
    );
  }
}

function readArguments(args: string[]): ServeOptions & { readonly help: boolean } {
  const { values } = parseArgs({
    args,
    options: {
      port: { type: 'string', default: '0' },
      strict: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const port = /^\d{1,5}$/.test(values.port) ? Number(values.port) : NaN;
  if (port <= 65_535) return { ...values, port };
  throw new Error(
    `--port ${describeValue(values.port)} is not a port: a whole number up to 65535, or 0 for any free port`,
  );
}

/** `CreateUser UserName=bob 200 3 ms`, with the fault that the request met, and the number of the attempt from the second on. */
function describeCall({ operation, params, status, serviceMs = 0, fault, attempt = 1 }: IamCall): string {
  return [
    operation,
    // Quoted and cut if needed: a value can have line feeds, or be a whole policy document.
    ...Object.entries(params).map(
      ([name, value]) => `${name}=${/^[\x21-\x7E]{0,200}$/.test(value) ? value : JSON.stringify(value.slice(0, 80))}`,
    ),
    status ?? 'reset',
    `${serviceMs.toFixed(0)} ms`,
    ...(fault ? [`fault ${fault}`] : []),
    ...(attempt > 1 ? [`attempt ${attempt}`] : []),
  ].join(' ');
}

function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'EADDRINUSE') return 'The port is in use: choose another with --port, or leave it out for any free port';
  // Node's message continues with advice that does not fit here.
  if (code.startsWith('ERR_PARSE_ARGS_')) return `${error.message.split('. ')[0]}. --help shows the options`;
  return error.message;
}
