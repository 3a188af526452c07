/** How long the Orchestrator waits for what, in milliseconds. */
export interface DriveLimits {
  /** For output during the handshake. */
  readonly handshakeSilenceMs: number;
  /** Without any sign of the monitor and without a word to it. */
  readonly inactivityMs: number;
  /** From `Exit` after the last step to the end of the process. */
  readonly finishMs: number;
  /** From `Exit` after a failed step to SIGTERM. */
  readonly terminateAfterMs: number;
  /** From SIGTERM to SIGKILL. */
  readonly killAfterMs: number;
}

/** Metrist-Software/orchestrator `protocol_handler.ex`, and erlexec's own for the last. */
export const orchestratorLimits: DriveLimits = {
  handshakeSilenceMs: 60_000,
  inactivityMs: 15 * 60_000,
  finishMs: 5 * 60_000,
  terminateAfterMs: 5,
  killAfterMs: 5_000,
};
