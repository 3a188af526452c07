import { createRedactor } from '../runner/redact.ts';
import { secretsOf } from '../suites/awsiam/settings/secrets.ts';
import type { CommandContext, OutputStream } from './command-context.ts';

/** The same surroundings, with streams that show no secret of the values. */
export function redactContext(context: CommandContext): CommandContext {
  const redact = createRedactor(secretsOf(context.values));
  const redacted = (stream: OutputStream): OutputStream => ({
    ...(stream.isTTY !== undefined && { isTTY: stream.isTTY }),
    ...(stream.columns !== undefined && { columns: stream.columns }),
    write: (text) => stream.write(redact.text(text)),
  });
  return { ...context, output: redacted(context.output), errorOutput: redacted(context.errorOutput) };
}
