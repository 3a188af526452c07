import { XMLParser } from 'fast-xml-parser';
import { expect, test } from 'vitest';
import { noSuchEntity, serviceError } from './aws-error.ts';
import { renderError, renderOutput } from './xml-answer.ts';

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

test("an error has IAM's code, not the SDK's name, and says whose fault it is", () => {
  expect(renderError(noSuchEntity('gone'), 'id')).toContain(
    '<Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>gone</Message></Error><RequestId>id</RequestId>',
  );
  expect(renderError(serviceError('ThrottlingException', 503, 'x'), 'id')).toContain(
    '<Type>Receiver</Type><Code>ThrottlingException</Code>',
  );
});

test('hostile text comes back as it was, less what XML cannot carry', () => {
  const message = 'a "quoted" <b>&amp;]]> \u{1F600}\r\n';
  const xml = renderError(noSuchEntity(`${message}\u0000\u001B\uD800!`), 'id');
  const parsed = new XMLParser({ trimValues: false }).parse(xml) as { ErrorResponse: { Error: { Message: string } } };
  expect(parsed.ErrorResponse.Error.Message.replace('&#xD;', '\r')).toBe(`${message}\uFFFD\uFFFD\uFFFD!`);
});
