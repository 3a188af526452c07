/**
 * Decodes OTLP, in protobuf and JSON, into the same shape. Written from the protocol's own files and without the SDK, so that
 * it proves what the SDK sent. https://github.com/open-telemetry/opentelemetry-proto
 */

export type Attributes = Readonly<Record<string, unknown>>;

export interface DecodedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  /** 1 internal, 3 client */
  readonly kind: number;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: Attributes;
  /** 0 unset, 2 error */
  readonly status: { readonly code: number; readonly message: string };
}

export interface DecodedPoint {
  readonly attributes: Attributes;
  readonly startNs: bigint;
  readonly timeNs: bigint;
  /** Absent for a histogram. */
  readonly value?: number;
  readonly count?: number;
  readonly sum?: number;
  readonly buckets?: readonly number[];
  readonly limits?: readonly number[];
}

export interface DecodedMetric {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  readonly kind: 'gauge' | 'sum' | 'histogram';
  /** 1 delta, 2 cumulative. Absent for a gauge. */
  readonly temporality?: number;
  readonly isMonotonic?: boolean;
  readonly points: readonly DecodedPoint[];
}

export interface DecodedBatch<Item> {
  readonly resource: Attributes;
  readonly scope: string;
  readonly items: readonly Item[];
}

/** Reads one value of a field, which may stand in it several times. */
type Field = readonly [name: string, type: FieldType, repeated?: 'repeated'];
type FieldType = 'text' | 'hex' | 'number' | 'flag' | 'fixed64' | 'double' | 'doubles' | 'fixed64s' | Schema;
interface Schema {
  readonly [number: number]: Field;
}

const anyValue: Record<number, Field> = {
  1: ['stringValue', 'text'],
  2: ['boolValue', 'flag'],
  3: ['intValue', 'number'],
  4: ['doubleValue', 'double'],
};
anyValue[5] = ['arrayValue', { 1: ['values', anyValue, 'repeated'] }];
const keyValue: Schema = { 1: ['key', 'text'], 2: ['value', anyValue] };
const resource: Schema = { 1: ['attributes', keyValue, 'repeated'] };
const scope: Schema = { 1: ['name', 'text'], 2: ['version', 'text'] };
const span: Schema = {
  1: ['traceId', 'hex'],
  2: ['spanId', 'hex'],
  3: ['traceState', 'text'],
  4: ['parentSpanId', 'hex'],
  5: ['name', 'text'],
  6: ['kind', 'number'],
  7: ['startTimeUnixNano', 'fixed64'],
  8: ['endTimeUnixNano', 'fixed64'],
  9: ['attributes', keyValue, 'repeated'],
  15: ['status', { 2: ['message', 'text'], 3: ['code', 'number'] }],
};
const numberPoint: Schema = {
  7: ['attributes', keyValue, 'repeated'],
  2: ['startTimeUnixNano', 'fixed64'],
  3: ['timeUnixNano', 'fixed64'],
  4: ['asDouble', 'double'],
  6: ['asInt', 'fixed64'],
};
const histogramPoint: Schema = {
  9: ['attributes', keyValue, 'repeated'],
  2: ['startTimeUnixNano', 'fixed64'],
  3: ['timeUnixNano', 'fixed64'],
  4: ['count', 'fixed64'],
  5: ['sum', 'double'],
  6: ['bucketCounts', 'fixed64s'],
  7: ['explicitBounds', 'doubles'],
};
const metric: Schema = {
  1: ['name', 'text'],
  2: ['description', 'text'],
  3: ['unit', 'text'],
  5: ['gauge', { 1: ['dataPoints', numberPoint, 'repeated'] }],
  7: [
    'sum',
    { 1: ['dataPoints', numberPoint, 'repeated'], 2: ['aggregationTemporality', 'number'], 3: ['isMonotonic', 'flag'] },
  ],
  9: ['histogram', { 1: ['dataPoints', histogramPoint, 'repeated'], 2: ['aggregationTemporality', 'number'] }],
};
const requests = {
  traces: {
    1: [
      'resourceSpans',
      {
        1: ['resource', resource],
        2: ['scopeSpans', { 1: ['scope', scope], 2: ['spans', span, 'repeated'] }, 'repeated'],
      },
      'repeated',
    ],
  },
  metrics: {
    1: [
      'resourceMetrics',
      {
        1: ['resource', resource],
        2: ['scopeMetrics', { 1: ['scope', scope], 2: ['metrics', metric, 'repeated'] }, 'repeated'],
      },
      'repeated',
    ],
  },
} as const satisfies Record<string, Schema>;

// What is decoded is checked by the tests that read it.
// oxlint-disable-next-line typescript/no-explicit-any
type Json = Record<string, any>;

/** @throws Error if the body is not the protocol's */
export function decodeTraces(body: Buffer, isJson: boolean): DecodedBatch<DecodedSpan>[] {
  const request = isJson ? (JSON.parse(body.toString()) as Json) : readMessage(body, requests.traces);
  return batchesOf(request['resourceSpans'], 'scopeSpans', 'spans', (each) => ({
    traceId: each['traceId'],
    spanId: each['spanId'],
    parentSpanId: each['parentSpanId'] ?? '',
    traceState: each['traceState'] ?? '',
    name: each['name'],
    kind: each['kind'],
    startNs: BigInt(each['startTimeUnixNano']),
    endNs: BigInt(each['endTimeUnixNano']),
    attributes: attributesOf(each['attributes']),
    status: { code: each['status']?.code ?? 0, message: each['status']?.message ?? '' },
  }));
}

/** @throws Error if the body is not the protocol's */
export function decodeMetrics(body: Buffer, isJson: boolean): DecodedBatch<DecodedMetric>[] {
  const request = isJson ? (JSON.parse(body.toString()) as Json) : readMessage(body, requests.metrics);
  return batchesOf(request['resourceMetrics'], 'scopeMetrics', 'metrics', (each) => {
    const kind = (['gauge', 'sum', 'histogram'] as const).find((name) => each[name] !== undefined);
    if (kind === undefined) throw new Error(`the metric ${each['name']} has no points`);
    const data: Json = each[kind];
    return {
      name: each['name'],
      unit: each['unit'] ?? '',
      description: each['description'] ?? '',
      kind,
      ...(kind !== 'gauge' && { temporality: data['aggregationTemporality'] }),
      ...(kind === 'sum' && { isMonotonic: data['isMonotonic'] }),
      points: (data['dataPoints'] as Json[]).map(pointOf),
    };
  });
}

function pointOf(point: Json): DecodedPoint {
  const value: unknown = point['asDouble'] ?? point['asInt'];
  return {
    attributes: attributesOf(point['attributes']),
    startNs: BigInt(point['startTimeUnixNano'] ?? 0),
    timeNs: BigInt(point['timeUnixNano']),
    ...(value !== undefined && { value: Number(value) }),
    ...(point['count'] !== undefined && {
      count: Number(point['count']),
      sum: point['sum'],
      buckets: (point['bucketCounts'] as unknown[]).map(Number),
      limits: point['explicitBounds'],
    }),
  };
}

/** protobuf leaves out a list without items. */
function batchesOf<Item>(
  batches: readonly Json[] = [],
  scopes: string,
  items: string,
  read: (item: Json) => Item,
): DecodedBatch<Item>[] {
  return batches.flatMap((batch) =>
    ((batch[scopes] ?? []) as Json[]).map((each) => ({
      resource: attributesOf(batch['resource']?.attributes),
      scope: each['scope']?.name ?? '',
      items: ((each[items] ?? []) as Json[]).map(read),
    })),
  );
}

function attributesOf(pairs: readonly Json[] = []): Attributes {
  const entries = pairs.map(({ key, value }) => [key as string, valueOf(value as Json)] as const);
  if (new Set(entries.map(([key]) => key)).size !== entries.length) throw new Error('an attribute stands twice');
  return Object.fromEntries(entries);
}

function valueOf(value: Json): unknown {
  if ('arrayValue' in value) return (value['arrayValue'].values as Json[]).map(valueOf);
  if ('intValue' in value) return Number(value['intValue']);
  return value['stringValue'] ?? value['boolValue'] ?? value['doubleValue'];
}

/** Reads one protobuf message. Fields that the schema does not name are skipped. */
function readMessage(bytes: Buffer, schema: Schema): Json {
  const message: Json = {};
  for (const { number, wireType, payload } of fieldsOf(bytes)) {
    const field = schema[number];
    if (field === undefined) continue;
    const [name, type, repeated] = field;
    const value = readValue(type, wireType, payload);
    if (repeated === undefined) message[name] = value;
    else message[name] = [...((message[name] as unknown[] | undefined) ?? []), value];
  }
  return message;
}

function readValue(type: FieldType, wireType: number, payload: Buffer | bigint): unknown {
  const expected = type === 'number' || type === 'flag' ? 0 : type === 'fixed64' || type === 'double' ? 1 : 2;
  if (wireType !== expected) throw new Error(`the wire type is ${wireType}, not ${expected}`);
  if (typeof payload === 'bigint') return type === 'flag' ? payload !== 0n : Number(BigInt.asIntN(64, payload));
  switch (type) {
    case 'text':
      return new TextDecoder('utf-8', { fatal: true }).decode(payload);
    case 'hex':
      return payload.toString('hex');
    case 'fixed64':
      return payload.readBigUInt64LE();
    case 'double':
      return payload.readDoubleLE();
    case 'doubles':
      return Array.from({ length: payload.length / 8 }, (_, index) => payload.readDoubleLE(index * 8));
    case 'fixed64s':
      return Array.from({ length: payload.length / 8 }, (_, index) => payload.readBigUInt64LE(index * 8));
    case 'number':
    case 'flag':
      throw new Error('not a varint');
    default:
      return readMessage(payload, type);
  }
}

interface WireField {
  readonly number: number;
  readonly wireType: number;
  readonly payload: Buffer | bigint;
}

/** https://protobuf.dev/programming-guides/encoding/ */
function* fieldsOf(bytes: Buffer): Generator<WireField> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 63n) throw new Error('the message breaks off');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw new Error('the message breaks off');
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const [number, wireType] = [tag >> 3, tag & 7];
    if (wireType === 0) yield { number, wireType, payload: varint() };
    else if (wireType === 1) yield { number, wireType, payload: take(8) };
    else if (wireType === 2) yield { number, wireType, payload: take(Number(varint())) };
    else if (wireType === 5) yield { number, wireType, payload: take(4) };
    else throw new Error(`there is no wire type ${wireType}`);
  }
}
