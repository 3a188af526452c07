import { removeAndConfirm } from '../metrist/registration/register.ts';
import { awsiam } from '../suites/awsiam/monitor.ts';
import type { CommandContext } from './command-context.ts';
import { withMetrist } from './with-metrist.ts';

export interface UnregisterOptions {
  /** Absent: all of them. */
  readonly id?: string;
  /** Seconds. */
  readonly confirmWithin: number;
  readonly signal: AbortSignal;
}

/**
 * `awsiam unregister`: removes registrations of the monitor.
 *
 * @returns whether they are gone
 */
export async function unregisterMonitor(
  { id, confirmWithin, signal }: UnregisterOptions,
  context: CommandContext,
): Promise<boolean> {
  const monitor = awsiam.name;
  return await withMetrist(context, signal, async (api) => {
    const known = (await api.list(monitor)).map((config) => config.id);
    // Metrist itself says OK to any id.
    if (id !== undefined && !known.includes(id)) {
      context.errorOutput.write(
        `error: ${monitor} has no registration ${id}, so nothing was removed; ${describeKnown(known)}\n`,
      );
      return false;
    }
    const ids = id === undefined ? known : [id];
    if (ids.length > 0) {
      await removeAndConfirm(api, { monitor, ids }, { signal, confirmWithinMs: confirmWithin * 1000 });
    }
    for (const removed of ids) context.output.write(`removed: ${removed}\n`);
    const remaining = known.filter((each) => !ids.includes(each));
    context.output.write(remaining.length === 0 ? `${monitor} is not registered\n` : `${describeKnown(remaining)}\n`);
    return true;
  });
}

function describeKnown(ids: readonly string[]): string {
  return ids.length === 0 ? `${awsiam.name} is not registered` : `registered: ${ids.join(', ')}`;
}
