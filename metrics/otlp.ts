import { readFile } from 'node:fs/promises';
import type { Agent, ClientRequest, IncomingMessage } from 'node:http';
import { diag, DiagLogLevel } from '@opentelemetry/api';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { isLoopback, readProxySettings } from '../host/proxy-settings.ts';
import type { Values } from '../runner/monitor.ts';
import { formatLimit } from '../text/duration.ts';
import { joinLines, messageOf, oneLine, plural } from '../text/printable.ts';
import type { OtlpProtocol, OtlpSettings, OtlpTarget } from './otlp-settings.ts';

// Not imported: an import would evaluate every export of node:http. One of them loads undici and takes 10 ms.
const http = process.getBuiltinModule('node:http');
const https = process.getBuiltinModule('node:https');
const diagnostics = process.getBuiltinModule('node:diagnostics_channel');

/** What is sent of one signal. */
export interface OtlpData {
  readonly metrics: ResourceMetrics;
  readonly traces: ReadableSpan[];
}

/** How sending one signal ended. */
export type OtlpOutcome =
  | { readonly ok: true }
  /** Why the data was not sent or not accepted, and what to do, as a clause. */
  | { readonly ok: false; readonly reason: string };

interface SendOptions {
  /** `awsiam/0.1.0` */
  readonly userAgent: string;
  /** The environment, for the proxy. */
  readonly values: Values;
}

/** The part of the SDK's exporters that is used. */
interface Exporter<Data> {
  export(data: Data, done: (result: { readonly error?: Error }) => void): void;
}

/**
 * Sends one signal with the SDK's exporter, which repeats what is worth it. Never rejects. It ends when the target's time is
 * over, and closes what is still open then.
 */
export async function sendOtlp<Signal extends keyof OtlpData>(
  signal: Signal,
  data: OtlpData[Signal],
  target: OtlpTarget,
  { userAgent, values }: SendOptions,
): Promise<OtlpOutcome> {
  let isOver = false;
  let agent: Agent | undefined;
  using answers = watchAnswers((request) => agent !== undefined && (request as { agent?: Agent }).agent === agent);
  const { promise: timeUp, resolve: endTime } = Promise.withResolvers<OtlpOutcome>();
  const timer = setTimeout(() => endTime({ ok: false, reason: explainTimeout(target, answers) }), target.timeoutMs);
  const send = async (): Promise<OtlpOutcome> => {
    const ownAgent = await makeAgent(target, values);
    agent = ownAgent;
    const exporter = (await loadExporter(signal, target.protocol, {
      url: target.url,
      timeoutMillis: target.timeoutMs,
      // The SDK has an enum for these two texts, in a package that is not ours to import.
      compression: target.compression as never,
      userAgent,
      httpAgentOptions: () => ownAgent,
      // Called before each attempt. The exporter has no other way to end its repetitions.
      headers: () => (isOver ? Promise.reject(new Error('the time is over')) : Promise.resolve({ ...target.headers })),
    })) as Exporter<OtlpData[Signal]>;
    const { promise, resolve } = Promise.withResolvers<{ readonly error?: Error }>();
    exporter.export(data, resolve);
    const { error } = await promise;
    return error === undefined ? { ok: true } : { ok: false, reason: explainFailure(error, target, answers) };
  };
  try {
    return await Promise.race([send(), timeUp]);
  } catch (error) {
    return { ok: false, reason: oneLine(messageOf(error), maxReasonLength) };
  } finally {
    isOver = true;
    clearTimeout(timer);
    agent?.destroy();
  }
}

type ExporterOptions = ConstructorParameters<
  typeof import('@opentelemetry/exporter-trace-otlp-proto').OTLPTraceExporter
>[0];

/** Each exporter is loaded only if it is used. */
async function loadExporter(
  signal: keyof OtlpData,
  protocol: OtlpProtocol,
  options: ExporterOptions,
): Promise<Exporter<never>> {
  const isJson = protocol === 'http/json';
  if (signal === 'traces') {
    const { OTLPTraceExporter } = isJson
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto');
    return new OTLPTraceExporter(options);
  }
  const { OTLPMetricExporter } = isJson
    ? await import('@opentelemetry/exporter-metrics-otlp-http')
    : await import('@opentelemetry/exporter-metrics-otlp-proto');
  return new OTLPMetricExporter(options);
}

/** Loads the exporters of both signals ahead of the end of a run. */
export async function loadExporters({ metrics, traces }: Pick<OtlpSettings, keyof OtlpData>): Promise<void> {
  await Promise.all([
    metrics && loadExporter('metrics', metrics.protocol, { url: metrics.url }),
    traces && loadExporter('traces', traces.protocol, { url: traces.url }),
  ]);
}

/** What became of the attempts so far. */
interface Answers {
  lastStatus?: number;
  /** Why the last connection did not open, or why it broke. Absent if it was the exporter that closed it. */
  lastError?: NodeJS.ErrnoException;
}

/** The exporter does not say what made it repeat a request, so we look at the answers ourselves. */
function watchAnswers(isOurs: (request: ClientRequest) => boolean): Disposable & Readonly<Answers> {
  const answers: Answers & Disposable = {
    [Symbol.dispose]: () => {
      diagnostics.unsubscribe('http.client.response.finish', onAnswer);
      diagnostics.unsubscribe('http.client.request.error', onError);
    },
  };
  const onAnswer = (message: unknown): void => {
    const { request, response } = message as { request: ClientRequest; response: IncomingMessage };
    if (!isOurs(request) || response.statusCode === undefined) return;
    answers.lastStatus = response.statusCode;
    delete answers.lastError;
  };
  const onError = (message: unknown): void => {
    const { request, error } = message as { request: ClientRequest; error: NodeJS.ErrnoException };
    if (isOurs(request) && error.syscall !== undefined) answers.lastError = error;
  };
  diagnostics.subscribe('http.client.response.finish', onAnswer);
  diagnostics.subscribe('http.client.request.error', onError);
  return answers;
}

const ignore = (): void => {};

/**
 * Collects what collectors say about data that they took, one clause each: that they rejected a part, or that their answer
 * makes no sense. The SDK only logs that.
 */
export function collectRemarks(): Disposable & { readonly remarks: readonly string[] } {
  const remarks: string[] = [];
  const warn = (...parts: unknown[]): void => {
    const remark = describeWarning(parts);
    if (remark !== undefined && !remarks.includes(remark)) remarks.push(remark);
  };
  diag.setLogger(
    { error: ignore, warn, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  return { remarks, [Symbol.dispose]: () => diag.disable() };
}

/** What the SDK logs about an answer that it cannot read, in protobuf and in JSON. */
const unreadableAnswer = /^(Export succeeded but could not deserialize|Failed to parse \w+ export response)/;

function describeWarning(parts: readonly unknown[]): string | undefined {
  if (parts[0] === 'Received Partial Success response:') {
    const { rejectedSpans, rejectedDataPoints, errorMessage } = JSON.parse(String(parts[1])) as Readonly<
      Record<string, unknown>
    >;
    const count = Number(rejectedSpans ?? rejectedDataPoints ?? 0);
    const noun = rejectedSpans === undefined ? 'data point' : 'span';
    const said = typeof errorMessage === 'string' && errorMessage !== '' ? `: ${joinLines(errorMessage, 100)}` : '';
    return count > 0 ? `the collector rejected ${plural(count, noun)}${said}` : `the collector warns${said}`;
  }
  const isUnreadable = parts.some((part) => unreadableAnswer.test(String(part)));
  return isUnreadable ? 'the answer is not that of an OTLP collector; check the endpoint' : undefined;
}

async function makeAgent({ url, tls }: OtlpTarget, values: Values): Promise<Agent> {
  const { protocol, hostname } = new URL(url);
  const proxy = isLoopback(hostname) ? { environment: {}, problems: [] } : readProxySettings(values);
  // Without the proxy nothing may be sent.
  if (proxy.problems.length > 0) throw new Error(proxy.problems.join('; '));
  const options = { keepAlive: false, proxyEnv: proxy.environment };
  if (protocol === 'http:') return new http.Agent(options);
  const [ca, cert, key] = await Promise.all([tls.ca, tls.cert, tls.key].map((file) => readPem(file)));
  return new https.Agent({ ...options, ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) });
}

async function readPem(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new Error(`the certificate or key ${file} could not be read: ${messageOf(error)}`, { cause: error });
  }
}

const maxReasonLength = 200;

function explainTimeout(target: OtlpTarget, { lastStatus, lastError }: Answers): string {
  const { timeoutMs, endpointName } = target;
  if (lastError !== undefined) return explainFailure(lastError, target, {});
  // A status of success comes before the answer's end, which may be missing.
  return lastStatus === undefined || lastStatus < 300
    ? `no answer within ${formatLimit(timeoutMs)}; check ${endpointName}`
    : explainStatus(lastStatus, endpointName);
}

function explainFailure(error: Error, target: OtlpTarget, answers: Answers): string {
  const { endpointName } = target;
  const { lastStatus } = answers;
  // What the exporter says at the same time limit as ours.
  if (error.message === 'Request timed out') return explainTimeout(target, answers);
  const { code } = error as { readonly code?: unknown };
  if (typeof code === 'number') return explainStatus(code, endpointName);
  if (code === undefined && lastStatus !== undefined) return explainStatus(lastStatus, endpointName);
  switch (code) {
    case 'ECONNREFUSED':
      return `the collector refused the connection; check ${endpointName}`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the name of the collector does not resolve (${code}); check ${endpointName} and DNS`;
    case 'ECONNRESET':
    case 'EPIPE':
      return `the collector closed the connection without an answer (${code})`;
    case 'ERR_PROXY_TUNNEL':
      return 'the proxy refused the way to the collector; check HTTPS_PROXY and NO_PROXY';
    default: {
      const text = oneLine(messageOf(error), maxReasonLength);
      const isTls = typeof code === 'string' && /CERT|SSL|TLS|UNABLE_TO_|EPROTO/.test(code);
      return isTls
        ? `no trusted TLS connection (${code}); name the certificate authority in OTEL_EXPORTER_OTLP_CERTIFICATE or NODE_EXTRA_CA_CERTS`
        : `${text}${typeof code === 'string' && !text.includes(code) ? ` (${code})` : ''}`;
    }
  }
}

function explainStatus(status: number, endpointName: string): string {
  return `the collector answered HTTP ${status}: ${meaningOf(status, endpointName)}`;
}

function meaningOf(status: number, endpointName: string): string {
  if (status === 401 || status === 403) return 'check OTEL_EXPORTER_OTLP_HEADERS';
  if (status === 404 || status === 405 || (status >= 300 && status < 400)) return `check the path in ${endpointName}`;
  if (status === 415) return 'check OTEL_EXPORTER_OTLP_PROTOCOL';
  if (status === 429 || status >= 500) return 'it is overloaded or failing; nothing to do here unless it lasts';
  return `it refused the data; check ${endpointName}`;
}
