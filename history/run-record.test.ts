import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { blockedStep, failedStep, interruptedStep, monitorRun, passedStep } from '../runner/testing/builders.ts';
import { parseRecord, toRecord } from './run-record.ts';

const facts = { intervalSecs: 300, frontEnd: 'vitest' } as const;

/** A run that has every field. */
const wholeRun = monitorRun({
  namespace: 'prod',
  region: 'us-east-1',
  endpoint: 'iam.amazonaws.com',
  account: '123456789012',
  testUser: 'testuser-prod-mf3k2x1c-9a8b7c',
  state: 'failed',
  steps: [
    passedStep({
      evidence: {
        ...passedStep().evidence,
        propagationMs: 1,
        connectMs: 2,
        lastAttemptMs: 3,
        resolution: 'x',
        tries: [
          { offsetMs: 0, durationMs: 1, httpStatus: 400, requestId: 'r', code: 'c', throttled: true, wait: 'retry' },
          { offsetMs: 2, durationMs: 3 },
        ],
      },
    }),
    failedStep(),
    interruptedStep({ name: 'DeleteGroup' }),
    blockedStep(),
  ],
  problems: [{ kind: 'unhandled', message: 'boom', stack: 'Error: boom' }],
  leftovers: [{ entity: 'user x', reason: 'y', command: 'z' }],
  swept: 2,
  sweptRemaining: 1,
  skippedBeats: 3,
  warnings: ['slow'],
});
const record = toRecord(wholeRun, facts);
const parse = (value: unknown) => parseRecord(JSON.stringify(value));

/** Every place in the record, as the list of its keys. */
function placesIn(value: unknown, place: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [place];
  return [
    ...(place.length > 0 ? [place] : []),
    ...Object.entries(value).flatMap(([key, item]) => placesIn(item, [...place, key])),
  ];
}

/** The record with another value in one place. */
function withValue([key = '', ...rest]: readonly string[], value: unknown, holder: unknown = record): unknown {
  const copy = (Array.isArray(holder) ? [...(holder as unknown[])] : { ...(holder as object) }) as Record<
    string,
    unknown
  >;
  copy[key] = rest.length === 0 ? value : withValue(rest, value, copy[key]);
  return copy;
}

describe('parseRecord', () => {
  test('reads what toRecord made', () => {
    expect(parse(record)).toEqual(record);
    expect(parse(toRecord(monitorRun(), facts))).toEqual(toRecord(monitorRun(), facts));
  });

  test.for(['vitest', 'orchestrator', 'run', 'watch'] as const)('reads a run of %s', (frontEnd) => {
    expect(parse({ ...record, frontEnd })).toEqual({ ...record, frontEnd });
  });

  test('reads a line from before the schema, with the defaults of that time', () => {
    expect(parse(monitorRun())).toEqual({ ...monitorRun(), schema: 1, intervalSecs: 120, frontEnd: 'vitest' });
  });

  test.for(placesIn(record).map((place) => [place.join('.'), place] as const))(
    'refuses a wrong type at %s',
    ([, place]) => {
      for (const wrong of [null, true, {}, [[]]]) {
        if (place.at(-1) === 'throttled' && wrong === true) continue;
        // An object is refused because its fields are missing, except where all of them are optional.
        if (place.at(-1) === 'evidence' && typeof wrong === 'object' && wrong !== null && !Array.isArray(wrong))
          continue;
        expect(parse(withValue(place, wrong)), JSON.stringify(wrong)).toBeUndefined();
      }
    },
  );

  test.for([
    [['schema'], 2],
    [['mode'], 'dry'],
    [['state'], 'toString'],
    [['frontEnd'], 'constructor'],
    [['monitor'], ''],
    [['account'], '12345678901'],
    [['startedAt'], '2026-11-22'],
    [['startedAt'], '2026-11-31T10:00:00.000Z'],
    [['startedAt'], '+002026-11-22T10:00:00.000Z'],
    [['durationMs'], -1],
    [['durationMs'], 1e10],
    [['steps'], Array.from({ length: 101 }, (_, index) => ({ state: 'blocked', name: `S${index}`, reason: 'x' }))],
    [['intervalSecs'], 0],
    [['intervalSecs'], 86_401],
    [['swept'], 1.5],
    [['skippedBeats'], -1],
    [['steps', '0', 'name'], 'x'.repeat(256)],
    [['steps', '0', 'name'], 'CreateGroup'],
    [['steps', '0', 'state'], 'paused'],
    [['steps', '1', 'error', 'verdict'], 'toString'],
    [['steps', '0', 'evidence', 'tries', '0', 'wait'], 'teardown'],
    [['steps', '0', 'evidence', 'tries', '0', 'throttled'], false],
    [['state'], 'passed'],
  ] as const)('refuses %j: %j', ([place, value]) => {
    expect(parse(withValue(place, value))).toBeUndefined();
  });

  test('refuses an infinite number, which JSON can hold', () => {
    const line = JSON.stringify(withValue(['durationMs'], 4711)).replace('4711', '1e999');
    expect(JSON.parse(line)).toMatchObject({ durationMs: Infinity });
    expect(parseRecord(line)).toBeUndefined();
  });

  test('takes the times that Date writes, and no others', () => {
    const times = fc.date({ min: new Date('0000-01-01'), max: new Date('9999-12-31'), noInvalidDate: true });
    fc.assert(
      fc.property(times, fc.nat(23), fc.constantFrom('0', '1', '9'), (date, index, digit) => {
        const text = date.toISOString();
        expect(parse(withValue(['startedAt'], text))).toMatchObject({ startedAt: text });
        const changed = `${text.slice(0, index)}${digit}${text.slice(index + 1)}`;
        const time = Date.parse(changed);
        const isTime = !Number.isNaN(time) && new Date(time).toISOString() === changed;
        expect(parse(withValue(['startedAt'], changed)) !== undefined, changed).toBe(isTime);
      }),
    );
  });

  test('takes over no field that it does not know', () => {
    const line = JSON.stringify(record).replace('{', '{"more":1,"__proto__":{"polluted":1},');
    const parsed = parseRecord(line);
    expect(parsed).toEqual(record);
    expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype);
  });

  test('reads a whole line only: no true prefix of it is a record', () => {
    const line = JSON.stringify(record);
    for (let length = 0; length < line.length; length += 1) expect(parseRecord(line.slice(0, length))).toBeUndefined();
  });

  test('never throws, whatever stands in the line', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string({ unit: 'binary' })), (line) => {
        expect(parseRecord(line)).toBeUndefined();
      }),
    );
  });

  test('refuses a record or reads it to something that it reads to itself', () => {
    fc.assert(
      fc.property(fc.constantFrom(...placesIn(record)), fc.jsonValue(), (place, value) => {
        const parsed = parse(withValue(place, value));
        if (parsed !== undefined) expect(parse(parsed)).toEqual(parsed);
      }),
    );
  });
});
