/** Stdout, for frames alone. */
export interface Wire {
  /** Writes a frame. Calls `onLost` if nobody will read it. */
  readonly send: (frame: Uint8Array, onLost: () => void) => void;
  /** Waits until every frame is out. Gives up on a reader that has fallen too far behind: its frames are lost. */
  readonly sent: () => Promise<void>;
}

/** How long to wait at the end for a slow reader. Together with teardown's three seconds it stays under four. */
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
