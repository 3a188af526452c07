/** Stdout, for frames alone. */
export interface Wire {
  /** Calls `onLost` where nobody reads the frame. */
  readonly send: (frame: Uint8Array, onLost: () => void) => void;
  /** Resolves when all frames are out, or nobody has read them for too long: those are lost. */
  readonly sent: () => Promise<void>;
}

/** So long a reader that has fallen behind is waited for at the end: with teardown's three seconds less than four. */
const longestWaitMs = 600;

/**
 * Takes stdout for the wire. Whatever else is written to it from now on, by `console.log` or by a library, goes to
 * stderr: one byte that belongs to no frame, and the Orchestrator loses results.
 */
export function takeStdout(): Wire {
  const { stdout, stderr } = process;
  const write = stdout.write.bind(stdout);
  stdout.write = stderr.write.bind(stderr);
  // Nobody reads any more: as if the input had ended.
  stdout.on('error', () => process.stdin.destroy());
  // What cannot be said there is lost, and no reason to fail a step.
  stderr.on('error', () => {});
  const unsent = new Set<() => void>();
  return {
    send: (frame, onLost) => {
      unsent.add(onLost);
      write(frame, (error) => {
        unsent.delete(onLost);
        if (error) onLost();
      });
    },
    sent: async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      setTimeout(resolve, longestWaitMs);
      // Frames that a full pipe did not take are written before this, and would be lost with the process.
      write('', () => resolve());
      await promise;
      for (const onLost of unsent) onLost();
    },
  };
}
