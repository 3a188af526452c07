import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { failedStep, stepError } from '../../runner/testing/builders.ts';
import { describeStepError, toMetadata, type Metadata } from '../result-text.ts';
import {
  formatFromMonitor,
  parseFromMonitor,
  parseToMonitor,
  type FromMonitor,
  type SentMessage,
  type ToMonitor,
} from './messages.ts';

const toMonitor = (text: string): ToMonitor => parseToMonitor(Buffer.from(text));
const fromMonitor = (text: string): FromMonitor => parseFromMonitor(Buffer.from(text));
const notUtf8 = Buffer.from([0xff, 0xfe]);

/** Texts with many of the characters that have a meaning in a Step Error. */
const hostileText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('=', ',', ' ', '\t', '\n', '\u0085', '\u00A0', 'a', '4', '2', ':', '😀') }),
);

const whitespace = /[\s\x85]/;

describe('the messages to a monitor', () => {
  test.each<[string, ToMonitor]>([
    ['Version 1.1', { kind: 'version', version: '1.1' }],
    ['Config {}', { kind: 'config', json: '{}' }],
    [
      'Config {"AWSRegion":"eu-west-1","Namespace":"é 😀"}',
      configMessage('{"AWSRegion":"eu-west-1","Namespace":"é 😀"}'),
    ],
    ['Config {\n  "a": "b c"\n}\n', configMessage('{\n  "a": "b c"\n}\n')],
    ['Run Step CreateUser', { kind: 'runStep', step: 'CreateUser' }],
    ['Run Step Create A User', { kind: 'runStep', step: 'Create A User' }],
    ['Exit 0', { kind: 'exit', cleanup: false }],
    ['Exit 1', { kind: 'exit', cleanup: true }],
    ['Webhook Wait Response {}', { kind: 'unknown', text: 'Webhook Wait Response {}' }],
    ['Run step CreateUser', { kind: 'runStep', step: 'CreateUser' }],
    ['Run Step', { kind: 'runStep', step: '' }],
    ['Exit', { kind: 'exit', cleanup: false }],
    ['Exit 1\n', { kind: 'exit', cleanup: true }],
    ['Exit 10', { kind: 'exit', cleanup: false }],
    ['Exit true', { kind: 'exit', cleanup: false }],
    ['Config', configMessage('')],
    ['Version', { kind: 'version', version: '' }],
  ])('%j is read', (text, message) => {
    expect(toMonitor(text)).toEqual(message);
  });

  test.each([
    '',
    ' ',
    'version 1.1',
    'Versions 1.1',
    'Config{}',
    ' Config {}',
    'RUN STEP CreateUser',
    'Run  Step CreateUser',
    'Run Steps',
    'Run',
    'Exiting',
    'exit 1',
    'Config\n{}',
    'x\nExit 1',
  ])('%j is unknown', (text) => {
    expect(toMonitor(text)).toEqual({ kind: 'unknown', text });
  });

  test('a Config that is not UTF-8 is a Config without its JSON', () => {
    const body = Buffer.concat([Buffer.from('Config {"a":"'), notUtf8, Buffer.from('"}')]);
    expect(parseToMonitor(body)).toEqual(configMessage(undefined));
  });

  test.each(['Run Step ', 'Exit ', 'Configs ', ''])('%j followed by bytes that are not UTF-8 is unknown', (start) => {
    const body = Buffer.concat([Buffer.from(start), notUtf8]);
    expect(parseToMonitor(body)).toEqual({ kind: 'unknown', text: `${start}\uFFFD\uFFFD` });
  });

  test('every Config and step name is read unchanged', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(toMonitor(`Config ${text}`)).toEqual(configMessage(text));
        expect(toMonitor(`Run Step ${text}`)).toEqual({ kind: 'runStep', step: text });
      }),
    );
  });

  test('any bytes can be read without an error', () => {
    fc.assert(fc.property(fc.uint8Array(), (body) => void parseToMonitor(body)));
  });
});

function configMessage(json: string | undefined): ToMonitor {
  return { kind: 'config', json };
}

describe('the messages from a monitor', () => {
  test.each<[string, SentMessage]>([
    ['Started 1.1', { kind: 'started', version: '1.1' }],
    ['Ready', { kind: 'ready' }],
    ['Configured', { kind: 'configured' }],
    ['Step Time 84.25', { kind: 'stepTime', durationMs: 84.25, metadata: {} }],
    ['Step Time attempts=31 84.25', { kind: 'stepTime', durationMs: 84.25, metadata: { attempts: 1 } }],
    ['Step Error service: down', { kind: 'stepError', text: 'service: down', metadata: {} }],
    [
      'Step Error attempts=33,code=58 service: down\nWhat to do: a=b\n\nWait.',
      { kind: 'stepError', text: 'service: down\nWhat to do: a=b\n\nWait.', metadata: { attempts: 3, code: 'X' } },
    ],
    ['Step Error', { kind: 'stepError', text: '', metadata: {} }],
    ['Log Debug one', { kind: 'log', level: 'Debug', text: 'one' }],
    ['Log Info two words', { kind: 'log', level: 'Info', text: 'two words' }],
    ['Log Warning é\n😀', { kind: 'log', level: 'Warning', text: 'é\n😀' }],
    ['Log Error ', { kind: 'log', level: 'Error', text: '' }],
  ])('%j is read and written', (text, message) => {
    expect(fromMonitor(text)).toEqual(message);
    expect(formatFromMonitor(message)).toBe(text);
  });

  test('Wait For Webhook is read with its id', () => {
    expect(fromMonitor('Wait For Webhook 7f-1')).toEqual({ kind: 'waitForWebhook', uid: '7f-1' });
  });

  test.each(['Exit', 'Exit 0', 'Exited', 'Exit\n'])('%j, which begins with Exit, is an Exit', (text) => {
    expect(fromMonitor(text)).toEqual({ kind: 'exit' });
  });

  test.each([
    '',
    ' ',
    'Configured\n',
    'Configured ',
    'configured',
    'Ready\n',
    'Log Info',
    'Log Info\ntext',
    'Log Warn disk is full',
    'Log info text',
    'log Info text',
    'Step Timed 12',
    'Step time 12',
    'step OK',
    'Steps',
    ' Step OK',
    'x\nStep OK',
    'hello',
  ])('%j is unknown, and its text is kept', (text) => {
    expect(fromMonitor(text)).toEqual({ kind: 'unknown', text, problem: 'the protocol has no such message' });
  });

  test('a message that is not UTF-8 is unknown', () => {
    expect(parseFromMonitor(Buffer.concat([Buffer.from('Step Error '), notUtf8]))).toEqual({
      kind: 'unknown',
      text: 'Step Error \uFFFD\uFFFD',
      problem: 'it is not valid UTF-8',
    });
  });

  test('any bytes can be read without an error', () => {
    fc.assert(fc.property(fc.uint8Array(), (body) => void parseFromMonitor(body)));
    fc.assert(fc.property(hostileText, (text) => void fromMonitor(`Step Error${text}`)));
    fc.assert(fc.property(hostileText, (text) => void fromMonitor(`Step Time ${text}`)));
  });
});

describe('Step Time', () => {
  test.each([
    ['12', 12, {}],
    ['12.5', 12.5, {}],
    ['0', 0, {}],
    ['1e3', 1000, {}],
    ['1.5E-3', 0.0015, {}],
    ['  12\n', 12, {}],
    ['a=x 12', 12, { a: 'x' }],
    ['a=x\t12', 12, { a: 'x' }],
    ['a=x,b=3132\n12', 12, { a: 'x', b: 12 }],
    ['garbage 12', 12, {}],
    ['a=x=y 12', 12, {}],
    ['34 12', 12, {}],
  ])('with %j is a success', (rest, durationMs, metadata) => {
    expect(fromMonitor(`Step Time ${rest}`)).toEqual({ kind: 'stepTime', durationMs, metadata });
  });

  test.each([
    '',
    ' ',
    ' NaN',
    ' Infinity',
    ' -Infinity',
    ' 1e309',
    ' .5',
    ' 5.',
    ' 12ms',
    ' 12 ms',
    ' 12,5',
    ' a=x',
    ' 12 a=x',
    ' a=x b=y 12',
    ' 1 2 3',
  ])('followed by %j crashes the Orchestrator', (rest) => {
    expect(fromMonitor(`Step Time${rest}`)).toEqual({
      kind: 'unknown',
      text: `Step Time${rest}`,
      problem: 'Step Time needs a plain number of milliseconds, after at most one word',
    });
  });

  test.each([
    [0, '0'],
    [1e-9, '0'],
    [0.000001, '0.000001'],
    [84.25, '84.25'],
    [0.1 + 0.2, '0.3'],
    [10, '10'],
    [1000, '1000'],
    [412.7000004, '412.7'],
    [1_234_567.891, '1234567.891'],
  ])('with %d is written as %s', (durationMs, written) => {
    expect(formatFromMonitor({ kind: 'stepTime', durationMs, metadata: {} })).toBe(`Step Time ${written}`);
  });

  test.each([Number.NaN, Infinity, -Infinity])('with %d is never written', (durationMs) => {
    expect(() => formatFromMonitor({ kind: 'stepTime', durationMs, metadata: {} })).toThrow(
      new RangeError(`a step's time is ${durationMs}: expected milliseconds`),
    );
  });

  test('with any duration is a plain number that is read back to the nanosecond', () => {
    const anyDuration = fc.oneof(
      fc.double({ min: 0, max: 1e20, noNaN: true }),
      fc.double({ min: 0, max: 900_000, noNaN: true }),
      fc.constantFrom(0, Number.MIN_VALUE, Number.EPSILON, 1e20, Number.MAX_SAFE_INTEGER),
    );
    fc.assert(
      fc.property(anyDuration, fc.dictionary(hostileText, hostileText), (durationMs, metadata) => {
        const text = formatFromMonitor({ kind: 'stepTime', durationMs, metadata });
        expect(text).toMatch(/^Step Time (\S+ )?\d+(\.\d{1,6})?$/);
        const message = fromMonitor(text);
        if (message.kind !== 'stepTime') throw new Error(`expected a Step Time, got ${text}`);
        expect(Math.abs(message.durationMs - durationMs)).toBeLessThanOrEqual(1e-6 + durationMs * 1e-15);
      }),
    );
  });
});

describe('Step OK', () => {
  test.each([
    ['Step OK', {}],
    ['Step OK code=5468726f74746c696e67', { code: 'Throttling' }],
    ['Step OK garbage', {}],
    ['Step OK ', {}],
    ['Step OK  a=x ', { a: 'x' }],
    ['Step OK a=x b=y', {}],
  ])('%j is a success', (text, metadata) => {
    expect(fromMonitor(text)).toEqual({ kind: 'stepOk', metadata });
  });
});

describe('Step Error', () => {
  test.each([
    ['The cake is a lie', 'The cake is a lie', {}],
    ['key=value The cake really is a lie', 'The cake really is a lie', { key: 'value' }],
    ['key=value,candle The cake still is a lie', 'key=value,candle The cake still is a lie', {}],
    ['key=value', 'key=value', {}],
    ['key=value ', 'key=value', {}],
    ['key=value, failed', 'failed', { key: 'value' }],
    ['=value failed', 'failed', { '': 'value' }],
    ['  key=value   failed \n', 'failed', { key: 'value' }],
    ['\u0085key=value failed', 'failed', { key: 'value' }],
    ['key=value\nfailed again', 'again', { key: 'value\nfailed' }],
    [', failed', ', failed', {}],
    ['a==b failed', 'a==b failed', {}],
    ['failed: key=value', 'failed: key=value', {}],
    ['key=value other=thing', 'other=thing', { key: 'value' }],
  ])('%j is read as the Orchestrator reads it', (rest, text, metadata) => {
    expect(fromMonitor(`Step Error ${rest}`)).toEqual({ kind: 'stepError', text, metadata });
  });

  test.each([
    ['key=value failed', 'key: value failed'],
    ['key=value', 'key: value'],
    ['a=x,b=y failed', 'a: x,b=y failed'],
    ['key=value, other failed', 'key: value, other failed'],
    ['=value failed', ': value failed'],
    ['  key=value failed', 'key: value failed'],
    ['\u0085key=value failed', 'key: value failed'],
    ['key=value\nfailed again', 'key: value\nfailed again'],
    ['key=value\tfailed again', 'key: value\tfailed again'],
    ['first\nkey=value failed', 'first\nkey: value failed'],
    ['failed: key=value', 'failed: key=value'],
    ['failed\n\nkey = value', 'failed\n\nkey = value'],
    [' failed ', 'failed'],
  ])('without metadata, the text %j is written as %j', (text, safe) => {
    const written = formatFromMonitor({ kind: 'stepError', text, metadata: {} });
    expect(written).toBe(`Step Error ${safe}`);
    expect(fromMonitor(written)).toEqual({ kind: 'stepError', text: safe, metadata: {} });
  });

  test.each<Metadata>([{}, { '': 'no key' }, { resolution: '' }])(
    'has no text that could be taken for metadata when its metadata is %j',
    (metadata) => {
      fc.assert(
        fc.property(hostileText, (text) => {
          const written = formatFromMonitor({ kind: 'stepError', text, metadata });
          const sent = written.replace(/^Step Error ?/, '');
          expect(sent).not.toMatch(/^[\s\x85]/);
          // Whichever whitespace ends the first word, it is not metadata.
          expect(sent.split(' ', 1)[0]).not.toContain('=');
          expect(sent.split(whitespace, 1)[0]).not.toContain('=');

          const message = fromMonitor(written);
          if (message.kind !== 'stepError') throw new Error('expected a Step Error');
          expect(message.metadata).toEqual({});
          expect([text.trim(), text.trim().replace('=', ': ').trim()].map(toComparable)).toContain(
            toComparable(message.text),
          );
        }),
      );
    },
  );

  test('with metadata, keeps every text', () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        const message = fromMonitor(formatFromMonitor({ kind: 'stepError', text, metadata: { attempts: 2 } }));
        if (message.kind !== 'stepError') throw new Error('expected a Step Error');
        expect(message.metadata).toEqual({ attempts: 2 });
        expect(toComparable(message.text)).toBe(toComparable(text) || '(no message)');
      }),
    );
  });

  test.each(['', ' ', '\n'])(
    'with metadata and the text %j, gets a placeholder, so that the metadata is not read as the text',
    (text) => {
      const written = formatFromMonitor({ kind: 'stepError', text, metadata: { attempts: 2 } });
      expect(fromMonitor(written)).toEqual({ kind: 'stepError', text: '(no message)', metadata: { attempts: 2 } });
      expect(formatFromMonitor({ kind: 'stepError', text, metadata: {} })).toBe('Step Error');
    },
  );

  test('carries everything that a failed step reports', () => {
    const { evidence } = failedStep();
    const error = stepError({ message: 'a=b c\nd=e', advice: 'Set f=g.' });
    const metadata = toMetadata(evidence, { verdict: error.verdict, code: error.code });
    const message: FromMonitor = { kind: 'stepError', text: describeStepError(error), metadata };
    expect(fromMonitor(formatFromMonitor(message))).toEqual(message);
    expect(fromMonitor(formatFromMonitor({ ...message, metadata: {} }))).toEqual({ ...message, metadata: {} });
  });
});

/** Without the whitespace around it, which the Orchestrator removes. */
function toComparable(text: string): string {
  return text.replaceAll(/^[\s\x85]+|[\s\x85]+$/g, '');
}
