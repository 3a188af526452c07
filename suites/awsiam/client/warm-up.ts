import { Duplex } from 'node:stream';
import v8 from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  GetUserCommand,
  IAM,
  type GetUserCommandOutput,
  type IAMClient,
  type IAMClientConfig,
} from '@aws-sdk/client-iam';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { Credentials } from '../settings/secrets.ts';
import { refreshConfigFiles, refusedSetting, silentLogger } from './credential-search.ts';
import type { Origin, Transport } from './transport.ts';

/** After this many rounds the SDK's code from command to parsed answer is compiled and its caches are filled. */
const rounds = 5;

/** Settings that the SDK would otherwise look for in the environment and in the AWS config files. */
const fixedSettings = {
  authSchemePreference: [],
  defaultsMode: 'standard',
  maxAttempts: 1,
  retryMode: 'standard',
  useDualstackEndpoint: false,
  useFipsEndpoint: false,
  userAgentAppId: '',
} as const satisfies IAMClientConfig;

/**
 * Sends a few calls through the SDK to a server in memory, so that the first step's time does not include compiling code. It
 * uses its own client with made-up credentials and a connection that leads nowhere, so that nothing here can be mistaken for
 * an answer of AWS.
 */
export async function warmUp(): Promise<void> {
  // Not imported: see transport.ts.
  const http = process.getBuiltinModule('node:http');
  const agent = new http.Agent({ keepAlive: true });
  agent.createConnection = () => new InMemoryServer();
  const iam = new IAM({
    region: 'us-east-1',
    endpoint: 'http://warm-up.invalid',
    credentials: { accessKeyId: 'warm-up', secretAccessKey: 'warm-up' },
    requestHandler: new NodeHttpHandler({ httpAgent: agent, requestTimeout: 1000, throwOnRequestTimeout: true }),
    logger: silentLogger,
    ...fixedSettings,
  });
  try {
    for (let round = 0; round < rounds; round++) {
      await iam.createUser({ UserName: 'warm-up', Path: '/warm-up/' });
      await iam.deleteUser({ UserName: 'warm-up' });
    }
  } finally {
    iam.destroy();
  }
  collectGarbage();
}

/**
 * Loading the SDK and warming up leave enough garbage for a full collection, which V8 would run during the first or second
 * step: 4 to 13 ms that have nothing to do with IAM. Node has no other way to start a collection.
 */
function collectGarbage(): void {
  v8.setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  v8.setFlagsFromString('--no-expose-gc');
}

const answerBody =
  '<CreateUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><CreateUserResult><User>' +
  '<Path>/warm-up/</Path><UserName>warm-up</UserName><UserId>AIDAWARMUP</UserId>' +
  '<Arn>arn:aws:iam::000000000000:user/warm-up/warm-up</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate>' +
  '</User></CreateUserResult><ResponseMetadata><RequestId>warm-up</RequestId></ResponseMetadata></CreateUserResponse>';

/** The far end of a connection. It gives the same answer to every request. */
class InMemoryServer extends Duplex {
  override _read(): void {
    // Answers are pushed when a request has been written.
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    // The SDK may write a request in two chunks. Only the one with the body is answered.
    if (chunk.includes('Action=')) {
      const head = `HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: ${answerBody.length}\r\n\r\n`;
      this.push(head + answerBody);
    }
    done();
  }

  // Node's HTTP client calls these on its sockets.
  readonly setKeepAlive = (): this => this;
  readonly setNoDelay = (): this => this;
  readonly setTimeout = (): this => this;
  readonly ref = (): this => this;
  readonly unref = (): this => this;
}

/**
 * Does everything that comes before a request is sent: finds credentials and the endpoint, signs, and opens the connection
 * that the first step will use. Sends nothing.
 *
 * @returns the credentials that were found
 * @throws {NoCredentialsError} if there are none
 * @throws {ConfigError} if the SDK refuses one of its own settings
 */
export async function prepareFirstCall(
  client: IAMClient,
  transport: Pick<Transport, 'openAhead'>,
  signal: AbortSignal,
): Promise<Credentials> {
  const neverSent = new GetUserCommand({});
  neverSent.middlewareStack.add(
    () => async (args) => {
      await transport.openAhead(args.request as Origin, signal);
      return { response: undefined, output: { $metadata: {} } as GetUserCommandOutput };
    },
    { name: 'stopBeforeSending', step: 'finalizeRequest', priority: 'low' },
  );
  try {
    await refreshConfigFiles();
    signal.throwIfAborted();
    await client.send(neverSent, { abortSignal: signal });
    return await client.config.credentials();
  } catch (error) {
    throw refusedSetting(error) ?? error;
  }
}
