import type { CommandContext } from './command-context.ts';
import { resolveRegistration, type RegistrationArguments } from './resolve-registration.ts';
import { refuseSettings } from './with-metrist.ts';

export interface ConfigOptions extends RegistrationArguments {
  /** On one line, for a pipe. */
  readonly json: boolean;
}

/**
 * `awsiam config`: the body that registers the monitor, and nothing else on the output.
 *
 * @returns whether there is one
 */
export function showConfig({ json, ...args }: ConfigOptions, { values, output, errorOutput }: CommandContext): boolean {
  const { config, problems, warnings } = resolveRegistration(args, values);
  if (problems.length > 0) return refuseSettings(problems, errorOutput);
  for (const warning of warnings) errorOutput.write(`! ${warning}\n`);
  if (!json) errorOutput.write('What "awsiam register" sends to Metrist:\n');
  output.write(`${JSON.stringify(config, undefined, json ? 0 : 2)}\n`);
  return true;
}
