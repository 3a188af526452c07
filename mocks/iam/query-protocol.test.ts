import { XMLParser } from 'fast-xml-parser';
import { describe, expect, test } from 'vitest';
import { IamError, noSuchEntity } from './aws-error.ts';
import { parseQueryRequest, renderError, renderOutput } from './query-protocol.ts';

const parse = (form: string): unknown => parseQueryRequest(new URLSearchParams(form));

describe('a request', () => {
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
    expect(String(parse(form))).toContain(problem);
  });

  test('hostile names change no prototype and allocate no memory', () => {
    parse('Action=CreateUser&Version=2010-05-08&__proto__.polluted=1&constructor.prototype.polluted=1');
    expect({}).not.toHaveProperty('polluted');
    const { input } = parse('Action=CreateUser&Version=2010-05-08&Tags.member.4000000000.Key=a&Tags=b') as {
      input: Record<string, unknown>;
    };
    expect(input['Tags']).toBe('b');
  });
});

describe('an answer', () => {
  test('an output has its result, its lists as members and its dates in seconds', () => {
    const CreateDate = new Date('2026-11-22T12:00:00.999Z');
    expect(renderOutput('ListUsers', { Users: [{ UserName: 'a', CreateDate }], IsTruncated: false }, 'id')).toBe(
      '<ListUsersResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ListUsersResult>' +
        '<Users><member><UserName>a</UserName><CreateDate>2026-11-22T12:00:00Z</CreateDate></member></Users>' +
        '<IsTruncated>false</IsTruncated></ListUsersResult>' +
        '<ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></ListUsersResponse>\n',
    );
  });

  test('an operation without output has no result', () => {
    expect(renderOutput('DeleteUser', {}, 'id')).not.toContain('Result>');
  });

  test('a map is written as entries', () => {
    expect(renderOutput('GetAccountSummary', { SummaryMap: { Users: 1 } }, 'id')).toContain(
      '<SummaryMap><entry><key>Users</key><value>1</value></entry></SummaryMap>',
    );
  });

  test("an error has IAM's code, not the SDK's name, and the type Sender or Receiver", () => {
    expect(renderError(noSuchEntity('gone'), 'id')).toContain(
      '<Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>gone</Message></Error><RequestId>id</RequestId>',
    );
    expect(renderError(new IamError('ThrottlingException', 503, 'x'), 'id')).toContain(
      '<Type>Receiver</Type><Code>ThrottlingException</Code>',
    );
  });

  test('hostile text comes back unchanged, except for what XML cannot contain', () => {
    const message = 'a "quoted" <b>&amp;]]> \u{1F600}\r\n';
    const xml = renderError(noSuchEntity(`${message}\u0000\u001B\uD800!`), 'id');
    const parsed = new XMLParser({ trimValues: false }).parse(xml) as { ErrorResponse: { Error: { Message: string } } };
    expect(parsed.ErrorResponse.Error.Message.replace('&#xD;', '\r')).toBe(`${message}\uFFFD\uFFFD\uFFFD!`);
  });
});
