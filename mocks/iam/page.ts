import { validationError } from './aws-error.ts';
import { SortedMap } from './sorted-map.ts';
import { constraintError } from './validate.ts';

/** The two parameters that all of IAM's lists know. */
export interface PageRequest {
  readonly Marker?: string | undefined;
  readonly MaxItems?: number | undefined;
}

/** A part of a list, with what leads to the next one. */
export interface Page<Value> {
  readonly items: Value[];
  readonly position: { readonly IsTruncated: boolean; readonly Marker?: string };
}

/**
 * One page of a list. Its marker holds the last key shown, not an offset, so that deletes between two pages hide nothing.
 * @param accepts Narrows the list: a path prefix.
 * @throws ValidationError for a marker that no page gave, or for MaxItems outside 1 to 1000
 */
export function pageOf<Value>(
  map: SortedMap<Value>,
  request: PageRequest,
  accepts: (value: Value) => boolean = () => true,
): Page<Value> {
  const maxItems = requireMaxItems(request.MaxItems);
  const items: Value[] = [];
  let lastKey = '';
  for (const [key, value] of map.entriesAfter(readMarker(request.Marker))) {
    if (!accepts(value)) continue;
    if (items.length === maxItems) return { items, position: { IsTruncated: true, Marker: writeMarker(lastKey) } };
    items.push(value);
    lastKey = key;
  }
  return { items, position: { IsTruncated: false } };
}

/** One page of a list of names alone. */
export function pageOfKeys(map: SortedMap<unknown>, request: PageRequest): Page<string> {
  const names = new SortedMap<string>();
  for (const [key] of map.entriesAfter()) names.set(key, key);
  return pageOf(names, request);
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
