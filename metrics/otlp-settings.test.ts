import { describe, expect, test } from 'vitest';
import { parseOtlpSettings } from './otlp-settings.ts';

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };

describe('the settings of OTLP', () => {
  test('are absent without an endpoint, whatever else is set', () => {
    expect(parseOtlpSettings({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_SERVICE_NAME: 'x' })).toEqual({
      problems: [],
    });
  });

  test('have the defaults of the specification, but delta metrics and five seconds', () => {
    const common = {
      endpointName: 'OTEL_EXPORTER_OTLP_ENDPOINT',
      headers: {},
      protocol: 'http/protobuf',
      compression: 'none',
      timeoutMs: 5000,
      tls: {},
    };
    expect(parseOtlpSettings(endpoint)).toEqual({
      settings: {
        metrics: { url: 'http://collector:4318/v1/metrics', ...common },
        traces: { url: 'http://collector:4318/v1/traces', ...common },
        temporality: 'delta',
        resource: { 'service.name': 'awsiam' },
      },
      problems: [],
    });
  });

  test('of one signal win over the common ones', () => {
    const { settings } = parseOtlpSettings({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a:4318/otlp/',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://b/x',
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '100',
      OTEL_EXPORTER_OTLP_HEADERS: 'k=1,l=2',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'l=%33',
    });
    expect(settings?.metrics).toMatchObject({ url: 'http://a:4318/otlp/v1/metrics', headers: { k: '1', l: '2' } });
    expect(settings?.traces).toMatchObject({
      url: 'https://b/x',
      protocol: 'http/json',
      timeoutMs: 100,
      headers: { k: '1', l: '3' },
    });
  });

  test.for([
    [{ OTEL_SDK_DISABLED: 'true' }, []],
    [{ OTEL_METRICS_EXPORTER: 'none' }, ['traces']],
    [{ OTEL_TRACES_EXPORTER: 'none' }, ['metrics']],
    [{ OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none' }, []],
    [{ TRACEPARENT: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00' }, ['metrics']],
  ] as const)('%j leaves %j', ([values, signals]) => {
    const { settings = {}, problems } = parseOtlpSettings({ ...endpoint, ...values });
    expect(problems).toEqual([]);
    expect(Object.keys(settings).filter((name) => name === 'metrics' || name === 'traces')).toEqual(signals);
  });

  test.for([
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318', 'a URL such as http://localhost:4318'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc', 'http/protobuf or http/json. OTLP over gRPC is not supported. Set http'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'xml', 'http/protobuf or http/json'],
    ['OTEL_EXPORTER_OTLP_TIMEOUT', '5s', 'milliseconds, a whole number from 1 to 60000'],
    ['OTEL_EXPORTER_OTLP_TIMEOUT', '0', 'milliseconds'],
    ['OTEL_EXPORTER_OTLP_COMPRESSION', 'zip', 'none or gzip'],
    ['OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE', 'x', 'delta or cumulative or lowmemory'],
    ['OTEL_SDK_DISABLED', 'maybe', 'true or false'],
    ['OTEL_METRICS_EXPORTER', 'console', 'otlp or none'],
    ['OTEL_RESOURCE_ATTRIBUTES', 'x', 'name=value,name=value'],
  ] as const)('%s is refused as %j', ([name, value, rule]) => {
    const { settings, problems } = parseOtlpSettings({ ...endpoint, [name]: value });
    expect(settings).toBeUndefined();
    expect(problems).toEqual([expect.stringContaining(`${name} is ${JSON.stringify(value)}: expected ${rule}`)]);
  });

  test.for(['no-value', '=x', 'a=%', 'a b=c', 'a=x%0Ay'])(
    'headers such as %j are refused without showing them',
    (text) => {
      const { problems } = parseOtlpSettings({ ...endpoint, OTEL_EXPORTER_OTLP_HEADERS: text });
      expect(problems).toEqual([expect.stringMatching(/^OTEL_EXPORTER_OTLP_HEADERS cannot be read \(not shown/)]);
      expect(problems[0]).not.toContain(text);
    },
  );

  test('name the service, and take over the attributes of the resource', () => {
    const values = { OTEL_RESOURCE_ATTRIBUTES: 'service.name=a,team=x%20y', OTEL_SERVICE_NAME: 'b' };
    expect(parseOtlpSettings({ ...endpoint, ...values }).settings?.resource).toEqual({
      'service.name': 'b',
      team: 'x y',
    });
  });

  test.for([
    '',
    'nonsense',
    '00-00000000000000000000000000000000-00f067aa0ba902b7-01',
    'ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more',
  ])('start a new trace if TRACEPARENT is %j', (text) => {
    const { settings, problems } = parseOtlpSettings({ ...endpoint, TRACEPARENT: text });
    expect([settings?.parent, problems]).toEqual([undefined, []]);
  });
});
