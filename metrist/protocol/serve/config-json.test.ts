import { describe, expect, test } from 'vitest';
import { parseConfigJson } from './config-json.ts';

const properties = new Map([
  ['AWSRegion', 'AWSRegion in the Config JSON'],
  ['AWSSecretAccessKey', 'AWSSecretAccessKey in the Config JSON'],
]);
const parse = (json: string | undefined) => parseConfigJson(json, properties);

describe('parseConfigJson', () => {
  test('returns the values under the names that the monitor reads', () => {
    expect(parse('{"AWSRegion":"eu-west-1","AWSSecretAccessKey":""}')).toEqual({
      values: { 'AWSRegion in the Config JSON': 'eu-west-1', 'AWSSecretAccessKey in the Config JSON': '' },
      problems: [],
      unknown: [],
    });
  });

  test.each([
    ['not valid UTF-8', undefined],
    ['not valid JSON', ''],
    ['not valid JSON', '{"AWSSecretAccessKey":"top-secret'],
    ['not a JSON object', 'null'],
    ['not a JSON object', '["top-secret"]'],
    ['not a JSON object', '"top-secret"'],
  ])('reports a Config that is %s without quoting it: %j', (what, json) => {
    const { values, problems } = parse(json);
    expect(values).toEqual({});
    expect(problems).toEqual([expect.stringContaining(`the Config that the Orchestrator sent is ${what}: expected`)]);
    expect(problems.join()).not.toContain('top-secret');
  });

  test.each([
    ['number', '12345678'],
    ['boolean', 'true'],
    ['object', '{"a":"top-secret"}'],
    ['object', '["top-secret"]'],
  ])('refuses a value of type %s without showing it', (type, value) => {
    const { values, problems } = parse(`{"AWSSecretAccessKey":${value}}`);
    expect(values).toEqual({});
    expect(problems).toEqual([`AWSSecretAccessKey in the Config JSON is of type ${type}: expected a string`]);
  });

  test('treats null as absent', () => {
    expect(parse('{"AWSRegion":null}')).toEqual({ values: {}, problems: [], unknown: [] });
  });

  test('lists unknown properties, including inherited names', () => {
    expect(parse('{"Region":"eu-west-1","toString":"x","__proto__":"y"}')).toEqual({
      values: {},
      problems: [],
      unknown: ['Region', 'toString', '__proto__'],
    });
  });
});
