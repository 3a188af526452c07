import type { PrometheusFormat } from '../../metrics/prometheus.ts';

/** One entry of an `Accept` header. */
interface Accepted {
  /** `text/plain`, in lower case. */
  readonly type: string;
  readonly version?: string;
  /** How much the client wants it, from 0 to 1. */
  readonly weight: number;
}

/**
 * The format in which a client wants the metrics, by its `Accept` header. OpenMetrics only if the header names it, in a
 * version that we write, and does not prefer the text format: `*` + `/*` asks for nothing in particular.
 *
 * Prometheus 3 sends `application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,…,text/plain;version=0.0.4;q=0.3,…`
 */
export function chooseFormat(accept = ''): PrometheusFormat {
  const accepted = accept.split(',').map(readEntry);
  const weightOf = (type: string, version: string): number =>
    Math.max(
      0,
      ...accepted
        .filter((entry) => entry.type === type && (entry.version ?? version) === version)
        .map(({ weight }) => weight),
    );
  const openMetrics = weightOf('application/openmetrics-text', '1.0.0');
  return openMetrics > 0 && openMetrics >= weightOf('text/plain', '0.0.4') ? 'openmetrics' : 'text';
}

function readEntry(entry: string): Accepted {
  const [type = '', ...parameters] = entry.split(';').map((part) => part.trim().toLowerCase());
  const valueOf = (name: string): string | undefined =>
    parameters
      .find((parameter) => parameter.startsWith(`${name}=`))
      ?.slice(name.length + 1)
      .replaceAll('"', '');
  const version = valueOf('version');
  const weight = Number(valueOf('q') ?? 1);
  return { type, ...(version !== undefined && { version }), weight: weight >= 0 && weight <= 1 ? weight : 0 };
}
