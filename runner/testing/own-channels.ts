import { syncBuiltinESMExports } from 'node:module';
import workerThreads, { BroadcastChannel, threadId } from 'node:worker_threads';

/**
 * Loaded for every test. A run sends its progress and its interruption to all threads of its process. Test files are such
 * threads too, and each of them has runs of its own.
 */
workerThreads.BroadcastChannel = class OwnChannel extends BroadcastChannel {
  constructor(name: string) {
    super(`${name} of thread ${threadId}`);
  }
};
syncBuiltinESMExports();
