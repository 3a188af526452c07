/** vitest's setup file for the offline mode: it closes the network and puts the mock in IAM's place. */
import { forbidNetwork } from './forbid-network.ts';
import { installIamMock } from './iam/client-mock.ts';
import { readMockOptions } from './mock-options.ts';
import { createIamState } from './iam/state.ts';

forbidNetwork();
const { faults, latency, random } = readMockOptions(process.env);
installIamMock({ state: createIamState({ random }), faults, latency });
