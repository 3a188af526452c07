import type { IAMServiceException } from '@aws-sdk/client-iam';
import { wireCode } from './aws-error.ts';

const namespace = 'https://iam.amazonaws.com/doc/2010-05-08/';

/** Members that are maps: AWS writes these as entries of key and value, not as elements of their own. */
const maps = new Set(['SummaryMap']);

/**
 * An operation's output as IAM writes it.
 *
 *     <CreateUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
 *       <CreateUserResult><User><Path>/</Path><UserName>bob</UserName>…</User></CreateUserResult>
 *       <ResponseMetadata><RequestId>7a62c49f-…</RequestId></ResponseMetadata>
 *     </CreateUserResponse>
 *
 * An operation without output has no result element.
 */
export function renderOutput(operation: string, output: object, requestId: string): string {
  const result = Object.keys(output).length > 0 ? renderElement(`${operation}Result`, output) : '';
  const metadata = renderElement('ResponseMetadata', { RequestId: requestId });
  return `<${operation}Response xmlns="${namespace}">${result}${metadata}</${operation}Response>\n`;
}

/**
 * An error as IAM writes it.
 *
 *     <ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
 *       <Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>The user with name bob cannot be found.</Message></Error>
 *       <RequestId>7a62c49f-…</RequestId>
 *     </ErrorResponse>
 */
export function renderError(error: IAMServiceException, requestId: string): string {
  const Type = error.$fault === 'client' ? 'Sender' : 'Receiver';
  const body = renderElement('Error', { Type, Code: wireCode(error), Message: error.message });
  return `<ErrorResponse xmlns="${namespace}">${body}${renderElement('RequestId', requestId)}</ErrorResponse>\n`;
}

function renderElement(tag: string, value: unknown): string {
  return value === undefined ? '' : `<${tag}>${renderContent(tag, value)}</${tag}>`;
}

function renderContent(tag: string, value: unknown): string {
  if (value instanceof Date) return value.toISOString().replace(/\.\d{3}Z$/, 'Z');
  if (Array.isArray(value)) return value.map((member) => renderElement('member', member)).join('');
  if (typeof value !== 'object' || value === null) return escapeXml(String(value));
  return Object.entries(value)
    .map(([key, member]) =>
      maps.has(tag) ? renderElement('entry', { key, value: member as unknown }) : renderElement(key, member),
    )
    .join('');
}

/** Characters that XML 1.0 cannot carry even as references become U+FFFD: AWS's errors quote what they were sent. */
function escapeXml(text: string): string {
  const references: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&apos;',
    '\r': '&#xD;',
  };
  return (
    text
      .toWellFormed()
      // oxlint-disable-next-line no-control-regex -- they are the ones that have to go
      .replace(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/g, '\uFFFD')
      .replace(/[&<>"'\r]/g, (character) => references[character] ?? character)
  );
}
