import { toRecord } from '../../history/run-record.ts';
import { HistoryWriter } from '../../history/write-history.ts';
import { PrometheusReporter } from '../../reporters/prometheus.ts';
import { monitorRun } from '../../runner/testing/builders.ts';

/** Appends so many runs to a history and reports each, as a front end does. Prints what could not be updated. */
const [resultsDir = '', count = '0'] = process.argv.slice(2);
const writer = new HistoryWriter({ dir: `${resultsDir}/runs`, historyDays: 90 });
const reporter = new PrometheusReporter({ resultsDir, shownAs: 'awsiam.prom' });
for (let index = 0; index < Number(count); index += 1) {
  const run = monitorRun({ startedAt: new Date().toISOString() });
  await writer.append(toRecord(run, { intervalSecs: 120, frontEnd: 'vitest' }));
  const outcome = await reporter.report(run, [{ ok: false, text: '', undelivered: 1 }]);
  if (!outcome.ok) console.log(outcome.text);
}
