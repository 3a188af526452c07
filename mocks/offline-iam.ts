import { forbidNetwork } from './forbid-network.ts';
import { IamEndpoint } from './iam/endpoint.ts';
import { divertRequests } from './iam/in-memory.ts';
import { createIamState } from './iam/state.ts';
import { readMockOptions } from './mock-options.ts';

/**
 * Puts a new mocked IAM account behind every client of this process and closes the network, for one offline run. This is
 * what the setup file `install.ts` does for vitest, without aws-sdk-client-mock, which is a development package.
 *
 * @param values the environment; see {@link readMockOptions}
 * @returns undoes both when it is disposed
 * @throws Error with the code `ConfigError` that lists what is wrong with the mock's variables
 */
export function openOfflineIam(values: Readonly<Record<string, string | undefined>>): Disposable {
  const { faults, latency, random } = readMockOptions(values);
  const endpoint = new IamEndpoint({ state: createIamState({ random }), faults, latency, keepCalls: false });
  const undo = new DisposableStack();
  undo.defer(forbidNetwork());
  undo.defer(divertRequests(endpoint));
  return undo;
}
