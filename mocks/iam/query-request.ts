import { serviceError } from './aws-error.ts';
import { isOperationName, type OperationName } from './operations.ts';

/** A value as it stands in an operation's input. */
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

const apiVersion = '2010-05-08';
const numbers = new Set(['MaxItems', 'CredentialAgeDays']);
const booleans = new Set(['PasswordResetRequired', 'AllUsers']);

/**
 * Reads a form of the AWS Query protocol: `Action=CreateUser&Version=2010-05-08&UserName=bob&Tags.member.1.Key=a`.
 * @see https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
 * @throws MissingAction, InvalidAction
 */
export function parseQueryRequest(form: URLSearchParams): IamRequest {
  const action = form.get('Action');
  const version = form.get('Version');
  if (!action) throw serviceError('MissingAction', 400, 'The request is missing an action or a required parameter.');
  if (!isOperationName(action) || version !== apiVersion) {
    throw serviceError(
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

/** Puts a value where its dotted name says: `Tags.member.1.Key` is `Key` of the first of `Tags`. */
function put(fields: Fields, [name = '', next, ...rest]: string[], text: string): void {
  if (next === undefined) {
    fields[name] = typed(name, text);
  } else if (next === 'member') {
    putIntoList((fields[name] = listFrom(fields[name])), rest, text);
  } else {
    put((fields[name] = fieldsFrom(fields[name])), [next, ...rest], text);
  }
}

/** Lists are taken in the order in which their members come, which is that of their numbers. */
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

/** Without a prototype: the names come from outside. */
function newFields(): Fields {
  return Object.create(null) as Fields;
}
