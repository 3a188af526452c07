import type { AwsCommand } from 'aws-sdk-client-mock';
import { validationError } from '../aws-error.ts';
import type { Caller } from '../records.ts';
import type { IamState } from '../state.ts';
import { constraintError } from '../validate.ts';

/** The version of a service's API, which requests name, and the namespace of its answers. */
export interface Api {
  readonly version: string;
  readonly xmlNamespace: string;
}

export const iamApi: Api = { version: '2010-05-08', xmlNamespace: 'https://iam.amazonaws.com/doc/2010-05-08/' };
export const stsApi: Api = { version: '2011-06-15', xmlNamespace: 'https://sts.amazonaws.com/doc/2011-06-15/' };

/** One of IAM's operations: the SDK's command for it and what it does to an account. */
export interface Operation<Input extends object, Output extends object> {
  readonly Command: new (input: Input) => AwsCommand<Input, Output>;
  readonly run: (state: IamState, input: Input, caller: Caller) => Omit<Output, '$metadata'>;
  readonly api: Api;
}

/**
 * Makes an operation of an SDK command and its handler, which gets its types from the command.
 * @param run If it throws an `IamError`, it has changed nothing.
 */
export function operation<Input extends object, Output extends object>(
  Command: Operation<Input, Output>['Command'],
  run: Operation<Input, Output>['run'],
): Operation<Input, Output> {
  return { Command, run, api: iamApi };
}

/** The two parameters that all of IAM's lists have. */
export interface PageRequest {
  readonly Marker?: string | undefined;
  readonly MaxItems?: number | undefined;
}

/** The parameters of lists that can be filtered by path. */
export interface PathRequest extends PageRequest {
  readonly PathPrefix?: string | undefined;
}

/** A part of a list, and where the next part begins. */
export interface Page<Value> {
  readonly items: Value[];
  readonly position: { readonly IsTruncated: boolean; readonly Marker?: string };
}

/**
 * One page of a list, in the order of its keys. The marker holds the last key of the page, not an offset, so that no entry
 * is skipped when others are deleted between two pages.
 * @param accepts Selects the entries of the list, for example by path.
 * @throws ValidationError for a marker that is not from a page, or for MaxItems outside 1 to 1000
 */
export function pageOf<Value>(
  entries: ReadonlyMap<string, Value>,
  request: PageRequest,
  accepts: (value: Value) => boolean = () => true,
): Page<Value> {
  const maxItems = requireMaxItems(request.MaxItems);
  const marker = readMarker(request.Marker);
  const items: Value[] = [];
  let lastKey = '';
  for (const key of [...entries.keys()].toSorted()) {
    if (marker !== undefined && key <= marker) continue;
    const value = entries.get(key) as Value;
    if (!accepts(value)) continue;
    if (items.length === maxItems) return { items, position: { IsTruncated: true, Marker: writeMarker(lastKey) } };
    items.push(value);
    lastKey = key;
  }
  return { items, position: { IsTruncated: false } };
}

function requireMaxItems(maxItems = 100): number {
  if (!(maxItems >= 1)) {
    throw constraintError('maxItems', maxItems, 'Member must have value greater than or equal to 1');
  }
  if (maxItems > 1000) {
    throw constraintError('maxItems', maxItems, 'Member must have value less than or equal to 1000');
  }
  return maxItems;
}

function writeMarker(key: string): string {
  return Buffer.from(key).toString('base64url');
}

function readMarker(marker: string | undefined): string | undefined {
  if (marker === undefined) return undefined;
  const key = Buffer.from(marker, 'base64url').toString();
  if (key !== '' && writeMarker(key) === marker) return key;
  throw validationError('Invalid Marker.');
}
