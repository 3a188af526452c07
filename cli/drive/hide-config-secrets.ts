import { createRedactor } from '../../runner/redact.ts';
import { secretsOf } from '../../suites/awsiam/settings/secrets.ts';
import { configJsonKey } from '../../suites/awsiam/settings/variables.ts';
import type { CommandContext, OutputStream } from '../command-context.ts';

/** What another monitor is given is not known here, so its keys must do. */
const secretKey = /secret|token|passw|credential|private|api_?key/i;

/** The same surroundings, with streams that show no secret of the extra configuration. */
export function hideConfigSecrets(context: CommandContext, config: Readonly<Record<string, string>>): CommandContext {
  const others = Object.entries(config).filter(([key]) => secretKey.test(key));
  const own = Object.fromEntries(Object.entries(config).map(([key, value]) => [configJsonKey(key), value]));
  const redact = createRedactor([...secretsOf(own), ...others.map(([, value]) => ({ value, shownAs: '[redacted]' }))]);
  const hide = (stream: OutputStream): OutputStream => ({
    ...(stream.isTTY !== undefined && { isTTY: stream.isTTY }),
    ...(stream.columns !== undefined && { columns: stream.columns }),
    write: (text) => stream.write(redact.text(text)),
  });
  return { ...context, output: hide(context.output), errorOutput: hide(context.errorOutput) };
}
