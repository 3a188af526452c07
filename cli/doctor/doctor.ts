import { InvalidArgumentError, Option, type Command } from 'commander';
import { terminalOf, type RunningContext } from '../command-context.ts';
import { durationOption } from '../options.ts';
import { credentials } from './checks/credentials.ts';
import { host } from './checks/host.ts';
import { network } from './checks/network.ts';
import { metrist } from './checks/metrist.ts';
import { orchestrator } from './checks/orchestrator.ts';
import { createPermissionsGroup } from './checks/permissions.ts';
import { policy } from './checks/policy.ts';
import { quotas } from './checks/quotas.ts';
import { registration } from './checks/registration.ts';
import { settings } from './checks/settings.ts';
import { telemetry } from './checks/telemetry.ts';
import type { CheckGroup, DoctorContext } from './check-group.ts';
import { createDoctorContext } from './context.ts';
import { offlineWhy, groupNames, skipped, type Finding, type GroupName } from './finding.ts';
import {
  countFindings,
  examinationJson,
  renderFinding,
  renderSummary,
  renderTitle,
  type CheckedGroup,
  type Examination,
} from './render.ts';

/** The groups, in the order in which they are checked: what the others depend on comes first. */
const checkGroups: readonly CheckGroup[] = [
  settings,
  host,
  network,
  credentials,
  createPermissionsGroup(),
  policy,
  quotas,
  metrist,
  registration,
  orchestrator,
  telemetry,
];

interface DoctorArguments {
  readonly offline?: boolean;
  readonly only?: readonly GroupName[];
  readonly json?: boolean;
  /** Milliseconds. */
  readonly timeLimit: number;
}

/** Adds `awsiam doctor`, which checks everything that must be right before a run. */
export function addDoctorCommand(program: Command, context: RunningContext): void {
  program
    .command('doctor')
    .description(
      'check everything that must be right before a run, and say how to correct what is not; changes nothing',
    )
    .option('--offline', 'check only what needs no network')
    .addOption(
      new Option(
        '--only <group>',
        `check only this group; repeat the option for more (${groupNames.join(', ')})`,
      ).argParser(addGroup),
    )
    .option('--json', 'print JSON')
    .addOption(durationOption('--time-limit <duration>', 'how long one check may wait for an answer', 10_000))
    .action(async (options: DoctorArguments) => {
      const examination = await examine(options, context);
      if (options.json === true) {
        context.output.write(`${JSON.stringify(examinationJson(examination), undefined, 2)}\n`);
      }
      if (countFindings(examination.groups).failures > 0) context.onFailure();
    });
}

function addGroup(text: string, previous: readonly GroupName[] = []): readonly GroupName[] {
  const name = groupNames.find((each) => each === text);
  if (name === undefined) throw new InvalidArgumentError(`Expected one of ${groupNames.join(', ')}.`);
  return [...previous, name];
}

/** Checks one group after the other. Prints each finding as soon as it is known, unless the output is JSON. */
async function examine(options: DoctorArguments, running: RunningContext): Promise<Examination> {
  const { offline: isOffline = false, only = groupNames, json = false, timeLimit: timeLimitMs } = options;
  await using context = await createDoctorContext(running, { isOffline, timeLimitMs });
  const startedAt = new Date().toISOString();
  const terminal = terminalOf(running);
  const print = (text: string): void => void (json || running.output.write(text));
  const groups: CheckedGroup[] = [];
  const leftOut = groupNames.filter((name) => !only.includes(name));
  const seen = new Set<string>();
  for (const group of checkGroups.filter(({ name }) => only.includes(name))) {
    const findings: Finding[] = [];
    print(`${groups.length === 0 ? '' : '\n'}${renderTitle(group, terminal)}`);
    for await (const { cause, ...finding } of checkGroup(group, context)) {
      const isUnseen = cause !== undefined && leftOut.length > 0 && !seen.has(cause.what);
      for (const each of isUnseen ? [cause, finding] : [finding]) {
        seen.add(each.what);
        findings.push(each);
        print(renderFinding(each, terminal));
      }
    }
    groups.push({ name: group.name, title: group.title, findings });
  }
  const examination = { build: running.build, startedAt, isOffline, groups, leftOut };
  print(`\n${renderSummary(examination, terminal)}`);
  return examination;
}

/**
 * What a group finds. A group that throws has a fault, which must not keep the others from being checked. After a signal,
 * requests fail for that reason alone.
 */
export async function* checkGroup(group: CheckGroup, context: DoctorContext): AsyncIterable<Finding> {
  const { signal } = context;
  const interrupted = 'it was interrupted';
  if (signal.aborted) return yield skipped(group.title, interrupted);
  if (group.needsNetwork && context.isOffline) return yield skipped(group.title, offlineWhy);
  try {
    for await (const finding of group.check(context)) {
      if (signal.aborted) break;
      yield finding;
    }
  } catch (error) {
    if (!signal.aborted) yield context.failed(error, group.name);
  }
  if (signal.aborted) yield skipped(`the rest of ${group.title}`, interrupted);
}
