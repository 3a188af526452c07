import { hideSecrets, redact } from '../text/redact.ts';
import { secretsOf } from '../suites/awsiam/settings/secrets.ts';
import type { CommandContext, OutputStream } from './command-context.ts';

/** The same surroundings, with streams that show no secret: neither of these values nor of those that are learnt later. */
export function redactContext(context: CommandContext): CommandContext {
  hideSecrets(secretsOf(context.values));
  return { ...context, output: redactStream(context.output), errorOutput: redactStream(context.errorOutput) };
}

function redactStream(stream: OutputStream): OutputStream {
  return {
    ...(stream.isTTY !== undefined && { isTTY: stream.isTTY }),
    ...(stream.columns !== undefined && { columns: stream.columns }),
    write: (text) => stream.write(redact.text(text)),
  };
}
