import { describeUnresolved, describeValue, isUnresolved } from '../host/setting-text.ts';
import type { Values } from '../runner/monitor.ts';

/** Where one signal goes, and how. */
export interface OtlpTarget {
  /** It may hold `user:password@` or a token, so only its origin is shown. */
  readonly url: string;
  /** The variable that it comes from, for messages. */
  readonly endpointName: string;
  /** They often hold a token, so they are never shown. */
  readonly headers: Readonly<Record<string, string>>;
  readonly protocol: OtlpProtocol;
  readonly compression: 'none' | 'gzip';
  /** For everything: connecting, sending, repeating. */
  readonly timeoutMs: number;
  /** Paths of PEM files. */
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

export type OtlpProtocol = 'http/protobuf' | 'http/json';

/** The trace that a run continues, as `TRACEPARENT` and `TRACESTATE` name it. https://www.w3.org/TR/trace-context/ */
export interface TraceParent {
  readonly traceId: string;
  readonly spanId: string;
  readonly isSampled: boolean;
  readonly state?: string;
}

export interface OtlpSettings {
  /** Absent if no metrics are to be sent. */
  readonly metrics?: OtlpTarget;
  /** Absent if no traces are to be sent. */
  readonly traces?: OtlpTarget;
  /** Whether counters tell what this run added, or everything since the totals began. */
  readonly temporality: 'delta' | 'cumulative';
  /** `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME`. Always has `service.name`. */
  readonly resource: Readonly<Record<string, string>>;
  readonly parent?: TraceParent;
}

/** What the OTLP variables say. Without an endpoint there are neither settings nor problems, whatever else is set. */
export interface ParsedOtlpSettings {
  /** Present if all variables are right and something is to be sent. */
  readonly settings?: OtlpSettings;
  /** Each one says the variable, its value and what was expected. None shows a header. */
  readonly problems: readonly string[];
}

/** Whether anything is to be done: sent, or complained about. */
export function isOtlpWanted({ settings, problems }: ParsedOtlpSettings): boolean {
  return settings !== undefined || problems.length > 0;
}

/** Beyond this, a run would be held for too long. */
const maxTimeoutMs = 60_000;
const defaultTimeoutMs = 5000;

const signals = {
  metrics: { exporter: 'OTEL_METRICS_EXPORTER', infix: 'METRICS_', path: 'v1/metrics' },
  traces: { exporter: 'OTEL_TRACES_EXPORTER', infix: 'TRACES_', path: 'v1/traces' },
} as const;

type Signal = keyof typeof signals;

/**
 * Reads OpenTelemetry's standard variables. An empty value counts as absent. Never throws.
 * https://opentelemetry.io/docs/specs/otel/protocol/exporter/
 */
export function parseOtlpSettings(values: Values): ParsedOtlpSettings {
  const read = new OtlpVariables(values);
  const hasEndpoint = read.text('OTEL_EXPORTER_OTLP_ENDPOINT') !== '';
  const wanted = (['metrics', 'traces'] as const).filter(
    (signal) => hasEndpoint || read.text(`OTEL_EXPORTER_OTLP_${signals[signal].infix}ENDPOINT`) !== '',
  );
  if (wanted.length === 0 || read.isOff('OTEL_SDK_DISABLED')) return { problems: read.problems };
  const parent = readParent(values);
  const active = wanted
    .filter((signal) => read.isExported(signals[signal].exporter))
    // The rule of OpenTelemetry's default sampler.
    .filter((signal) => signal === 'metrics' || parent?.isSampled !== false);
  if (active.length === 0) return { problems: read.problems };
  const targets = active.map((signal) => [signal, readTarget(read, signal)] as const);
  const settings: OtlpSettings = {
    ...(Object.fromEntries(targets) as Pick<OtlpSettings, Signal>),
    temporality: readTemporality(read),
    resource: readResource(read),
    ...(parent !== undefined && { parent }),
  };
  return read.problems.length > 0 ? { problems: read.problems } : { settings, problems: [] };
}

function readTarget(read: OtlpVariables, signal: Signal): OtlpTarget {
  const { infix } = signals[signal];
  /** The signal's own variable wins over the common one. */
  const nameOf = (suffix: string): string => {
    const own = `OTEL_EXPORTER_OTLP_${infix}${suffix}`;
    return read.text(own) === '' ? `OTEL_EXPORTER_OTLP_${suffix}` : own;
  };
  const own = (suffix: string): boolean => nameOf(suffix).includes(infix);
  const file = (suffix: string): string | undefined => read.text(nameOf(suffix)) || undefined;
  const [ca, cert, key] = ['CERTIFICATE', 'CLIENT_CERTIFICATE', 'CLIENT_KEY'].map((suffix) => file(suffix));
  return {
    url: readUrl(read, nameOf('ENDPOINT'), own('ENDPOINT') ? undefined : signals[signal].path),
    endpointName: nameOf('ENDPOINT'),
    headers: { ...readHeaders(read, 'OTEL_EXPORTER_OTLP_HEADERS'), ...readHeaders(read, nameOf('HEADERS')) },
    protocol: read.oneOf(nameOf('PROTOCOL'), ['http/protobuf', 'http/json'], 'http/protobuf', {
      grpc: 'OTLP over gRPC is not supported. Set http/protobuf, and in the endpoint the port for HTTP, usually 4318',
    }),
    compression: read.oneOf(nameOf('COMPRESSION'), ['none', 'gzip'], 'none'),
    timeoutMs: readTimeout(read, nameOf('TIMEOUT')),
    tls: { ...(ca !== undefined && { ca }), ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) },
  };
}

/** @param path is appended, unless the URL is that of one signal */
function readUrl(read: OtlpVariables, name: string, path: string | undefined): string {
  const text = read.text(name);
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname === '') {
    read.refuse(name, 'a URL such as http://localhost:4318');
    return '';
  }
  if (path !== undefined) url.pathname = `${url.pathname.replace(/\/$/, '')}/${path}`;
  return url.href;
}

/** Header names as HTTP allows them. */
const headerName = /^[\w!#$%&'*+.^`|~-]+$/;

function readHeaders(read: OtlpVariables, name: string): Readonly<Record<string, string>> {
  const pairs = parsePairs(read.text(name));
  const isUsable = pairs?.every(([key, value]) => headerName.test(key) && /^[\t\x20-\x7E]*$/.test(value)) === true;
  if (pairs === undefined || !isUsable) {
    read.report(`${name} cannot be read (not shown: it may hold a secret): expected ${pairsRule}`);
    return {};
  }
  return Object.fromEntries(pairs);
}

const pairsRule = 'name=value,name=value, in which special characters of a value are percent-encoded';

/** W3C Baggage's list of pairs, without its properties. @returns `undefined` if it is none */
function parsePairs(text: string): (readonly [name: string, value: string])[] | undefined {
  const pairs: (readonly [string, string])[] = [];
  for (const part of text.split(',').map((each) => each.trim())) {
    if (part === '') continue;
    const at = part.indexOf('=');
    try {
      const name = decodeURIComponent(part.slice(0, Math.max(at, 0)).trim());
      if (name === '') return undefined;
      pairs.push([name, decodeURIComponent(part.slice(at + 1).trim())]);
    } catch {
      return undefined;
    }
  }
  return pairs;
}

function readTimeout(read: OtlpVariables, name: string): number {
  const text = read.text(name);
  if (text === '') return defaultTimeoutMs;
  const timeoutMs = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (timeoutMs >= 1 && timeoutMs <= maxTimeoutMs) return timeoutMs;
  read.refuse(name, `milliseconds, a whole number from 1 to ${maxTimeoutMs}`);
  return defaultTimeoutMs;
}

function readTemporality(read: OtlpVariables): OtlpSettings['temporality'] {
  const name = 'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE';
  const preference = read.oneOf(name, ['delta', 'cumulative', 'lowmemory'], 'delta');
  // `lowmemory` wants delta for all kinds of counters and histograms that this product has.
  return preference === 'cumulative' ? 'cumulative' : 'delta';
}

function readResource(read: OtlpVariables): Readonly<Record<string, string>> {
  const name = 'OTEL_RESOURCE_ATTRIBUTES';
  const pairs = parsePairs(read.text(name));
  if (pairs === undefined) read.refuse(name, pairsRule);
  const serviceName = read.text('OTEL_SERVICE_NAME');
  return {
    'service.name': 'awsiam',
    ...Object.fromEntries(pairs ?? []),
    ...(serviceName !== '' && { 'service.name': serviceName }),
  };
}

const traceParentPattern = /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(-.*)?$/;

/** As the W3C says, a value that is not valid starts a new trace. It often comes from a program that is not the user's. */
function readParent(values: Values): TraceParent | undefined {
  const text = (values['TRACEPARENT'] ?? '').trim();
  const [, traceId, spanId, flags = '', more] = traceParentPattern.exec(text) ?? [];
  if (traceId === undefined || spanId === undefined || (text.startsWith('00') && more !== undefined)) return undefined;
  const state = (values['TRACESTATE'] ?? '').trim();
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1, ...(state !== '' && { state }) };
}

/** Reads variables, and collects what is wrong with them. */
class OtlpVariables {
  readonly problems: string[] = [];
  readonly #values: Values;

  constructor(values: Values) {
    this.#values = values;
  }

  text(name: string): string {
    return (this.#values[name] ?? '').trim();
  }

  refuse(name: string, rule: string): void {
    const text = this.text(name);
    const problem = isUnresolved(text)
      ? describeUnresolved(name, text)
      : `${name} is ${describeValue(text)}: expected ${rule}`;
    this.report(problem);
  }

  /** Two signals may read the same variable. */
  report(problem: string): void {
    if (!this.problems.includes(problem)) this.problems.push(problem);
  }

  /** @param advice for known values that are not supported */
  oneOf<const Value extends string>(
    name: string,
    allowed: readonly Value[],
    standard: Value,
    advice: Readonly<Record<string, string>> = {},
  ): Value {
    const text = this.text(name).toLowerCase();
    if (text === '') return standard;
    const value = allowed.find((each) => each === text);
    if (value !== undefined) return value;
    this.refuse(name, `${allowed.join(' or ')}${advice[text] === undefined ? '' : `. ${advice[text]}`}`);
    return standard;
  }

  isOff(name: 'OTEL_SDK_DISABLED'): boolean {
    return this.oneOf(name, ['true', 'false'], 'false') === 'true';
  }

  /** Whether `OTEL_METRICS_EXPORTER` or `OTEL_TRACES_EXPORTER` leaves the signal on. */
  isExported(name: string): boolean {
    return this.oneOf(name, ['otlp', 'none'], 'otlp') === 'otlp';
  }
}
