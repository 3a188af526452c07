import type { Secret } from '../../runner/redact.ts';
import { secretsOf } from '../../suites/awsiam/settings/secrets.ts';
import { configJsonKey } from '../../suites/awsiam/settings/variables.ts';

/** What another monitor is given is not known here, so its keys must do. */
const secretKey = /secret|token|passw|credential|private|api_?key/i;

/** What must not be shown of the extra configuration that a monitor is driven with. */
export function secretsOfConfig(config: Readonly<Record<string, string>>): Secret[] {
  const own = Object.fromEntries(Object.entries(config).map(([key, value]) => [configJsonKey(key), value]));
  const others = Object.entries(config).filter(([key]) => secretKey.test(key));
  return [...secretsOf(own), ...others.map(([, value]) => ({ value, shownAs: '[redacted]' }))];
}
