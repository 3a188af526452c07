import { IAMClient } from '@aws-sdk/client-iam';
import { type AwsClientStub, mockClient } from 'aws-sdk-client-mock';
import { IamEndpoint, type IamEndpointOptions } from './endpoint.ts';
import { divertRequests } from './in-memory.ts';

/** A mocked IAM inside the SDK's client. */
export interface IamMock extends Pick<IamEndpoint, 'state' | 'calls' | 'events'> {
  /** The stub of aws-sdk-client-mock, for a test that wants another answer to one command. */
  readonly client: AwsClientStub<IAMClient>;
  /** Undoes the mock: the SDK sends its requests over the network again. */
  readonly restore: () => void;
}

/**
 * Puts a mocked IAM account behind every `IAMClient` of this process, including those that exist already. A second call
 * replaces the account. Every command goes on through the real SDK to the {@link divertRequests connection in memory}, unless
 * a test gives another answer to it.
 */
export function installIamMock(options: IamEndpointOptions = {}): IamMock {
  const endpoint = new IamEndpoint(options);
  const stub = mockClient(IAMClient);
  // Without this, aws-sdk-client-mock would resolve `undefined` for every command. A test can still override it for one
  // command. A fake for each command would add 10 ms to every start.
  stub.onAnyCommand().callsFake((_input, getClient) => {
    // The fake gets only the input, but send() also got the abort signal.
    const { args } = stub.send.lastCall;
    return stub.send.wrappedMethod.apply(getClient(), args);
  });
  const restoreRequests = divertRequests(endpoint);
  return {
    client: stub,
    state: endpoint.state,
    calls: endpoint.calls,
    events: endpoint.events,
    restore: () => {
      stub.restore();
      restoreRequests();
    },
  };
}
