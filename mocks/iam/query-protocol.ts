import { IamError } from './aws-error.ts';
import { isOperationName, type OperationName, operations } from './operations.ts';
import { type Api, iamApi, stsApi } from './operations/operation.ts';

// IAM's and STS's protocol, AWS Query: requests are forms, answers are XML.
// https://smithy.io/2.0/aws/protocols/aws-query-protocol.html

/** A value in an operation's input. */
type Field = string | number | boolean | Fields | Field[];
interface Fields {
  [name: string]: Field;
}

/** A request as IAM understands it. */
export interface IamRequest {
  readonly operation: OperationName;
  /** The operation's input, in the shape of the SDK's command input. Not checked: that is up to the operation. */
  readonly input: Readonly<Record<string, unknown>>;
}

/** Parameters that are not texts. */
const numbers = new Set(['MaxItems', 'CredentialAgeDays']);
const booleans = new Set(['PasswordResetRequired', 'AllUsers', 'SetAsDefault', 'OnlyAttached']);

/**
 * Reads a form of the AWS Query protocol: `Action=CreateUser&Version=2010-05-08&UserName=bob&Tags.member.1.Key=a`.
 * @returns the request, or IAM's refusal: MissingAction or InvalidAction
 */
export function parseQueryRequest(form: URLSearchParams): IamRequest | IamError {
  const action = form.get('Action');
  const version = form.get('Version');
  if (!action) return new IamError('MissingAction', 400, 'The request is missing an action or a required parameter.');
  if (!isOperationName(action) || version !== operations[action].api.version) {
    return new IamError(
      'InvalidAction',
      400,
      `Could not find operation ${action} for version ${version ?? 'NO_VERSION'}`,
    );
  }
  const input = newFields();
  for (const [name, value] of form) {
    if (name !== 'Action' && name !== 'Version') put(input, name.split('.'), value);
  }
  return { operation: action, input };
}

/** Stores a value under its dotted name: `Tags.member.1.Key` is `Key` of the first of `Tags`. */
function put(fields: Fields, [name = '', next, ...rest]: string[], text: string): void {
  if (next === undefined) {
    fields[name] = typed(name, text);
  } else if (next === 'member') {
    putIntoList((fields[name] = listFrom(fields[name])), rest, text);
  } else {
    put((fields[name] = fieldsFrom(fields[name])), [next, ...rest], text);
  }
}

/** Members arrive in the order of their numbers. */
function putIntoList(list: Field[], [position, ...rest]: string[], text: string): void {
  if (rest.length === 0) {
    list.push(text);
    return;
  }
  const index = Math.min(Math.max(Number(position) - 1 || 0, 0), list.length);
  put((list[index] = fieldsFrom(list[index])), rest, text);
}

function typed(name: string, text: string): Field {
  if (numbers.has(name)) return Number(text);
  return booleans.has(name) ? text === 'true' : text;
}

function listFrom(field: Field | undefined): Field[] {
  return Array.isArray(field) ? field : [];
}

function fieldsFrom(field: Field | undefined): Fields {
  return typeof field === 'object' && !Array.isArray(field) ? field : newFields();
}

/** Without a prototype, because the names come from the request. */
function newFields(): Fields {
  return Object.create(null) as Fields;
}

/** The API that a request is for. IAM, if it names none that the mock knows. */
export function apiOf(form: URLSearchParams): Api {
  return form.get('Version') === stsApi.version ? stsApi : iamApi;
}

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
export function renderOutput(operation: OperationName, output: object, requestId: string): string {
  const { xmlNamespace } = operations[operation].api;
  const result = Object.keys(output).length > 0 ? renderElement(`${operation}Result`, output) : '';
  const metadata = renderElement('ResponseMetadata', { RequestId: requestId });
  return `<${operation}Response xmlns="${xmlNamespace}">${result}${metadata}</${operation}Response>\n`;
}

/**
 * An error as IAM writes it.
 *
 *     <ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
 *       <Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>The user with name bob cannot be found.</Message></Error>
 *       <RequestId>7a62c49f-…</RequestId>
 *     </ErrorResponse>
 */
export function renderError({ name, status, message }: IamError, requestId: string, { xmlNamespace } = iamApi): string {
  const body = renderElement('Error', { Type: status < 500 ? 'Sender' : 'Receiver', Code: name, Message: message });
  return `<ErrorResponse xmlns="${xmlNamespace}">${body}${renderElement('RequestId', requestId)}</ErrorResponse>\n`;
}

function renderElement(tag: string, value: unknown): string {
  return value === undefined ? '' : `<${tag}>${renderContent(tag, value)}</${tag}>`;
}

/** Members that are maps: AWS writes them as entries of key and value, not as elements of their own. */
const maps = new Set(['SummaryMap']);

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

/** Replaces characters that XML 1.0 cannot contain, even as references, with U+FFFD. Errors may quote such characters. */
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
      // oxlint-disable-next-line no-control-regex -- these have to be replaced
      .replace(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/g, '\uFFFD')
      .replace(/[&<>"'\r]/g, (character) => references[character] ?? character)
  );
}
