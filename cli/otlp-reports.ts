import os from 'node:os';
import { isOtlpWanted, parseOtlpSettings } from '../metrics/otlp-settings.ts';
import packageJson from '../package.json' with { type: 'json' };
import type { CreateReportersOptions } from '../reporters/create-reporters.ts';
import type { Values } from '../runner/monitor.ts';

/**
 * The report to OpenTelemetry collectors, for both front ends; nothing if no endpoint is set. A wrong variable costs this
 * report only, because these variables are often set for other programs, too.
 */
export function otlpReports(values: Values): Pick<CreateReportersOptions, 'otlp'> {
  const otlp = parseOtlpSettings(values);
  if (!isOtlpWanted(otlp)) return {};
  const { name, version } = packageJson;
  return {
    otlp: {
      otlp,
      hostname: os.hostname(),
      userAgent: `${name}/${version}`,
      values,
    },
  };
}
