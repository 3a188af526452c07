import { InvalidArgumentError, type Command } from 'commander';
import { removeAndConfirm } from '../../metrist/registration/register.ts';
import { awsiam } from '../../suites/awsiam/monitor.ts';
import type { RunningContext } from '../command-context.ts';
import { confirmOption, withMetrist } from './with-metrist.ts';

interface UnregisterArguments {
  readonly all?: boolean;
  /** Seconds. */
  readonly confirmWithin: number;
}

/** Adds `awsiam unregister`, which removes registrations of the monitor. */
export function addUnregisterCommand(program: Command, context: RunningContext): void {
  const command = program
    .command('unregister')
    .description('remove a registration of the monitor from Metrist')
    .argument('[id]', 'the id that awsiam configs shows', parseConfigId)
    .option('--all', 'remove all registrations')
    .addOption(confirmOption())
    .action(async (id: string | undefined, { all = false, confirmWithin }: UnregisterArguments) => {
      if ((id === undefined) !== all) command.error('error: give the id of a registration (awsiam configs), or --all');
      await unregisterMonitor(id, confirmWithin * 1000, context);
    });
}

/** Accepts only a text that looks like one of Metrist's ids. */
function parseConfigId(text: string): string {
  if (!/^[\dA-Za-z]+$/.test(text)) {
    throw new InvalidArgumentError('Expected an id of letters and digits, as awsiam configs shows it.');
  }
  return text;
}

/** @param id absent: all registrations */
async function unregisterMonitor(
  id: string | undefined,
  confirmWithinMs: number,
  context: RunningContext,
): Promise<void> {
  const monitor = awsiam.name;
  await withMetrist(context, async (api) => {
    const known = (await api.list(monitor)).map((config) => config.id);
    // Metrist accepts the removal of an id that it does not know.
    if (id !== undefined && !known.includes(id)) {
      context.errorOutput.write(
        `error: ${monitor} has no registration ${id}, so nothing was removed; ${describeKnown(known)}\n`,
      );
      context.onFailure();
      return;
    }
    const ids = id === undefined ? known : [id];
    if (ids.length > 0) await removeAndConfirm(api, { monitor, ids }, { signal: context.signal, confirmWithinMs });
    for (const removed of ids) context.output.write(`removed: ${removed}\n`);
    const remaining = known.filter((each) => !ids.includes(each));
    context.output.write(`${describeKnown(remaining)}\n`);
  });
}

function describeKnown(ids: readonly string[]): string {
  return ids.length === 0 ? `${awsiam.name} is not registered` : `registered: ${ids.join(', ')}`;
}
