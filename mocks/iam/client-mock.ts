import { IAMClient } from '@aws-sdk/client-iam';
import { type AwsClientStub, mockClient } from 'aws-sdk-client-mock';
import { IamEndpoint, type IamEndpointOptions } from './endpoint.ts';
import { divertRequests } from './in-memory-transport.ts';
import { operations } from './operations.ts';

/** A mocked IAM inside the SDK's client. */
export interface IamMock extends Pick<IamEndpoint, 'state' | 'calls' | 'events'> {
  /** The stub of aws-sdk-client-mock, for what a single test wants to answer differently. */
  readonly client: AwsClientStub<IAMClient>;
  /** Gives `IAMClient` its own `send` back, and the SDK its connections. */
  readonly restore: () => void;
}

/**
 * Puts a mocked IAM account behind every `IAMClient` of this process, also behind those that exist already.
 *
 * A command that the mock knows goes all the way through the SDK: its middleware, signing, retries and deserialisers are
 * the real ones, and only the connection at their end is not. So attempts, `$metadata`, exceptions and aborts are the
 * SDK's, not imitations. A command that the mock does not know is rejected by name.
 *
 * Installing it again replaces the account.
 */
export function installIamMock(options: IamEndpointOptions = {}): IamMock {
  const endpoint = new IamEndpoint(options);
  const stub = mockClient(IAMClient);
  // One behaviour for all commands, and the first: aws-sdk-client-mock resolves `undefined` where there is none, and later
  // ones go before it. One for each command would cost 10 ms at every start.
  stub.onAnyCommand().callsFake((_input, getClient) => {
    const args = lastArguments(stub);
    return isKnown(args) ? stub.send.wrappedMethod.apply(getClient(), args) : rejectUnknown(args);
  });
  const giveBack = divertRequests(endpoint);
  return {
    client: stub,
    state: endpoint.state,
    calls: endpoint.calls,
    events: endpoint.events,
    restore: () => {
      stub.restore();
      giveBack();
    },
  };
}

type IamStub = AwsClientStub<IAMClient>;
type SendArguments = Parameters<IamStub['send']>;

/** What the running `send` was called with: aws-sdk-client-mock's fakes see the input alone, not the abort signal. */
function lastArguments(stub: IamStub): SendArguments {
  const args = stub.send.args.at(-1);
  if (!args) throw new Error('aws-sdk-client-mock called a fake without a call of send');
  return args;
}

const commands = new Set<unknown>(Object.values(operations).map(({ Command }) => Command));

function isKnown([command]: SendArguments): boolean {
  return commands.has(command.constructor);
}

function rejectUnknown([command]: SendArguments): Promise<never> {
  const name = command.constructor.name.replace(/Command$/, '');
  return Promise.reject(
    new Error(
      `The mocked IAM does not know ${name}. Add it: one file in mocks/iam/operations/ and one line in mocks/iam/operations.ts.`,
    ),
  );
}
