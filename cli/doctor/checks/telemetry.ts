import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { OtlpData, OtlpOutcome } from '../../../metrics/otlp.ts';
import { parseOtlpSettings, type OtlpSettings, type OtlpTarget } from '../../../metrics/otlp-settings.ts';
import packageJson from '../../../package.json' with { type: 'json' };
import { shortenPath } from '../../../host/results-dir.ts';
import { formatAge } from '../../../text/duration.ts';
import type { CheckGroup, DoctorContext } from '../check-group.ts';
import { failure, failureOf, offlineWhy, ok, skipped, type Finding } from '../finding.ts';

/** Checks where metrics and traces go. Collectors get an export without data, which adds nothing. */
export const telemetry: CheckGroup = {
  name: 'telemetry',
  title: 'telemetry',
  needsNetwork: false,
  async *check(context) {
    const { values, envFile } = context;
    const { settings, problems } = parseOtlpSettings(values);
    for (const problem of problems) {
      yield failure(
        problem,
        `Correct it in the environment or in the file ${envFile}. A run sends nothing until then.`,
      );
    }
    if (settings !== undefined) yield* checkTargets(settings, context);
    else if (problems.length === 0) {
      yield skipped('OpenTelemetry', 'no OTEL_EXPORTER_OTLP_ENDPOINT is set, or it is turned off, so nothing is sent');
    }
    yield await findTextfile(context);
  },
};

async function* checkTargets(
  { metrics, traces, resource }: OtlpSettings,
  context: DoctorContext,
): AsyncIterable<Finding> {
  // Loading the SDK takes as long as all other groups together.
  const { toResource } = await import('../../../metrics/otlp-data.ts');
  const source = { version: packageJson.version, instanceId: 'awsiam-doctor' };
  const noMetrics = { resource: toResource(resource, source), scopeMetrics: [] };
  const first = metrics && (await checkTarget('metrics', noMetrics, metrics, context));
  if (first !== undefined) yield first;
  if (traces === undefined) return;
  const { origin } = new URL(traces.url);
  const isSilent = first?.state === 'failure' && first.what.startsWith(origin) && !/\bHTTP \d/.test(first.what);
  yield isSilent
    ? skipped(`whether ${origin} takes traces`, 'it gave no answer to metrics')
    : await checkTarget('traces', [], traces, context);
}

async function checkTarget<Signal extends keyof OtlpData>(
  signal: Signal,
  noData: OtlpData[Signal],
  target: OtlpTarget,
  { values, isOffline, probe, signal: stop }: DoctorContext,
): Promise<Finding> {
  const { origin } = new URL(target.url);
  if (isOffline) return skipped(`whether ${origin} takes ${signal}`, offlineWhy);
  const { collectRemarks, sendOtlp } = await import('../../../metrics/otlp.ts');
  using collected = collectRemarks();
  const userAgent = `${packageJson.name}/${packageJson.version}`;
  let outcome: OtlpOutcome;
  try {
    outcome = await probe(`sending an export without ${signal} to ${origin}`, () =>
      sendOtlp(signal, noData, target, { userAgent, values }),
    );
  } catch (error) {
    stop.throwIfAborted();
    outcome = { ok: false, reason: `${(error as Error).message}; check ${target.endpointName}` };
  }
  const [remark] = collected.remarks;
  if (outcome.ok && remark === undefined) return ok(`${origin} takes ${signal} (${target.protocol})`);
  const reason = outcome.ok ? (remark ?? '') : outcome.reason;
  return failureOf(`${origin} does not take ${signal}: ${reason}`, `check ${target.endpointName}`);
}

/** Whether there is something for node_exporter to read. That a run can write it is a matter of the results directory. */
async function findTextfile({ resultsDir }: DoctorContext): Promise<Finding> {
  const file = path.join(resultsDir, 'awsiam.prom');
  const shown = shortenPath(file, process.cwd());
  try {
    const { mtimeMs } = await stat(file);
    return ok(`Prometheus' textfile ${shown} was written ${formatAge(Date.now() - mtimeMs)} ago`);
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    return skipped(
      `Prometheus' textfile ${shown}`,
      code === 'ENOENT' ? 'no live run has written it yet' : `it cannot be read (${code})`,
    );
  }
}
