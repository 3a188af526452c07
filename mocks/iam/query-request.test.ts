import { expect, test } from 'vitest';
import { parseQueryRequest } from './query-request.ts';

const parse = (form: string): unknown => parseQueryRequest(new URLSearchParams(form));

test('reads numbers, booleans, lists and structures', () => {
  const form =
    'Action=ListUsers&Version=2010-05-08&MaxItems=5&AllUsers=true&Marker=7&Tags.member.1.Key=a&Tags.member.1.Value=b%26&Tags.member.2.Key=c&Names.member.1=x&Names.member.2=y';
  expect(parse(form)).toEqual({
    operation: 'ListUsers',
    input: {
      MaxItems: 5,
      AllUsers: true,
      Marker: '7',
      Tags: [{ Key: 'a', Value: 'b&' }, { Key: 'c' }],
      Names: ['x', 'y'],
    },
  });
});

test.each([
  ['Version=2010-05-08', 'MissingAction'],
  ['{"Action":"CreateUser"}', 'MissingAction'],
  ['Action=Nope&Version=2010-05-08', 'Could not find operation Nope for version 2010-05-08'],
  ['Action=CreateUser&Version=2011-01-01', 'Could not find operation CreateUser for version 2011-01-01'],
  ['Action=CreateUser', 'Could not find operation CreateUser for version NO_VERSION'],
  ['Action=toString&Version=2010-05-08', 'Could not find operation toString'],
])('%s is refused', (form, problem) => {
  expect(() => parse(form)).toThrow(expect.toSatisfy((error) => String(error).includes(problem)) as Error);
});

test('hostile names reach no prototype and no memory beyond the form', () => {
  parse('Action=CreateUser&Version=2010-05-08&__proto__.polluted=1&constructor.prototype.polluted=1');
  expect({}).not.toHaveProperty('polluted');
  const { input } = parse('Action=CreateUser&Version=2010-05-08&Tags.member.4000000000.Key=a&Tags=b') as {
    input: Record<string, unknown>;
  };
  expect(input['Tags']).toBe('b');
});
