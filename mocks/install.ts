/**
 * vitest's setup file of the offline mode: what the suite takes from the environment is there, IAM is the mock, and the
 * network is shut. The only place of the project that writes to `process.env`: the suite cannot know that it is offline.
 */
import { forbidNetwork } from './forbid-network.ts';
import { installIamMock } from './iam/client-mock.ts';
import { readMockOptions } from './mock-options.ts';
import { createIamState } from './iam/state.ts';
import { offlineDefaults } from './offline-defaults.ts';

forbidNetwork();
Object.assign(process.env, offlineDefaults(process.env));
const { faults, latency, random } = readMockOptions(process.env);
installIamMock({ state: createIamState({ random }), faults, latency });
