import { IAMClient } from '@aws-sdk/client-iam';
import { type AwsClientStub, mockClient } from 'aws-sdk-client-mock';
import { IamEndpoint, type IamEndpointOptions } from './endpoint.ts';
import { InMemoryTransport, type TransportTimeouts } from './in-memory-transport.ts';
import { operations } from './operations.ts';

/** A mocked IAM inside the SDK's client. */
export interface IamMock extends Pick<IamEndpoint, 'state' | 'calls' | 'events'> {
  /** The stub of aws-sdk-client-mock, for what a single test wants to answer differently. */
  readonly client: AwsClientStub<IAMClient>;
  /** Gives `IAMClient` its own `send` back. */
  restore(): void;
}

/**
 * Puts a mocked IAM account behind every `IAMClient` of this process, also behind those that exist already.
 *
 * A command goes all the way through the SDK: its middleware, signing, retries and deserialisers are the real ones, and
 * only the connection at their end is not. So attempts, `$metadata`, exceptions and aborts are the SDK's, not imitations.
 * A command that the mock does not know is rejected by name. A client with a request handler of the user's own is let
 * alone: it asked for its requests to go elsewhere.
 */
export function installIamMock(options: IamEndpointOptions = {}): IamMock {
  const endpoint = new IamEndpoint(options);
  const stub = mockClient(IAMClient);
  // First, as later behaviours go before earlier ones: aws-sdk-client-mock resolves `undefined` where there is none.
  stub.onAnyCommand().callsFake(() => rejectUnknown(lastArguments(stub)));
  for (const { Command } of Object.values(operations)) {
    handle(stub, Command, async (client, args) => {
      const sender = await overTransport(client, endpoint);
      return stub.send.wrappedMethod.apply(sender, args);
    });
  }
  return {
    client: stub,
    state: endpoint.state,
    calls: endpoint.calls,
    events: endpoint.events,
    restore: () => stub.restore(),
  };
}

type IamStub = AwsClientStub<IAMClient>;
type SdkRequestHandler = IAMClient['config']['requestHandler'] & { httpHandlerConfigs?: () => TransportTimeouts };
type SendArguments = Parameters<IamStub['send']>;

/** Answers all commands of one class. The fake gets what `send` got: the client, the command and its options. */
function handle(
  stub: IamStub,
  Command: unknown,
  answer: (client: IAMClient, args: SendArguments) => Promise<unknown>,
): void {
  // `on` wants one command's types and there are 42; the fake passes command and output through unseen.
  stub
    .on(Command as Parameters<IamStub['on']>[0])
    .callsFake((_input, getClient) => answer(getClient() as unknown as IAMClient, lastArguments(stub)));
}

/** What the running `send` was called with: aws-sdk-client-mock's fakes see the input alone, not the abort signal. */
function lastArguments(stub: IamStub): SendArguments {
  const args = stub.send.args.at(-1);
  if (!args) throw new Error('aws-sdk-client-mock called a fake without a call of send');
  return args;
}

function rejectUnknown([command]: SendArguments): Promise<never> {
  const name = command.constructor.name.replace(/Command$/, '');
  return Promise.reject(
    new Error(
      `The mocked IAM does not know ${name}. Add it: one file in mocks/iam/operations/ and one line in mocks/iam/operations.ts.`,
    ),
  );
}

/** The same client with another connection at its end. Nothing of the client itself is changed. */
async function overTransport(client: IAMClient, endpoint: IamEndpoint): Promise<IAMClient> {
  const { requestHandler } = client.config;
  // Only the SDK's own handlers say what protocol they speak.
  if (!requestHandler.metadata) return client;
  const transport = new InMemoryTransport(endpoint, await timeoutsOf(requestHandler));
  // Descriptors, as the credentials are a getter. Own ones, as the SDK spreads its configuration.
  const config: unknown = Object.defineProperties(
    {},
    { ...Object.getOwnPropertyDescriptors(client.config), requestHandler: { value: transport, enumerable: true } },
  );
  return Object.create(client, { config: { value: config } }) as IAMClient;
}

/**
 * How long the client's own handler would wait. The handler resolves its options with its first request, so it gets one
 * that is aborted already: that is refused before a socket is opened.
 */
async function timeoutsOf(requestHandler: SdkRequestHandler): Promise<TransportTimeouts> {
  const never = { protocol: 'https:', headers: {} } as Parameters<SdkRequestHandler['handle']>[0];
  await requestHandler.handle(never, { abortSignal: AbortSignal.abort() }).catch(() => {});
  return requestHandler.httpHandlerConfigs?.() ?? {};
}
