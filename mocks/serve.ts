/**
 * `npm run mock:server`: the mocked IAM as a server of its own, for a live run without AWS.
 * Faults and latency come from the environment; see `readMockOptions`.
 */
import { parseArgs } from 'node:util';
import { describeValue } from '../runner/describe-value.ts';
import type { IamCall } from './iam/endpoint.ts';
import { readMockOptions } from './iam/mock-options.ts';
import { startIamServer } from './iam/server.ts';
import { createIamState } from './iam/state.ts';

try {
  const port = readPort(process.argv.slice(2));
  const { faults, latency, random } = readMockOptions(process.env);
  const server = await startIamServer({ state: createIamState({ random }), faults, latency, port });
  server.events.on('settled', (call) => process.stderr.write(`${describeCall(call)}\n`));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    // With the server closed nothing keeps the process; it ends with 0.
    process.once(signal, () => void server.close());
  }
  process.stdout.write(`export AWS_ENDPOINT_URL_IAM=${server.url}\n`);
} catch (error) {
  process.stderr.write(`${describeFailure(error)}\n`);
  process.exitCode = 1;
}

function readPort(args: string[]): number {
  const { values } = parseArgs({ args, options: { port: { type: 'string', default: '0' } } });
  const port = /^\d{1,5}$/.test(values.port) ? Number(values.port) : NaN;
  if (port <= 65_535) return port;
  throw new Error(
    `--port ${describeValue(values.port)} is not a port: a whole number up to 65535, or 0 for any free one`,
  );
}

/** `CreateUser UserName=bob 200 3 ms`, with the fault that the request met and the attempt, if it was a repeated one. */
function describeCall({ operation, params, status, serviceMs = 0, fault, attempt = 1 }: IamCall): string {
  return [
    operation,
    // Quoted where it must be: a request can hold line feeds, and a whole policy document.
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
  const isTaken = 'code' in error && error.code === 'EADDRINUSE';
  return isTaken ? 'The port is in use: choose another with --port, or leave it out for any free one' : error.message;
}
