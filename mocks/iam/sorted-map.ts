/**
 * A map that is always in the order of its keys.
 *
 * IAM's lists are paged: the next page must begin after the last key of the one before, also when entries have gone in
 * between. Two sorted arrays do that with less memory than a `Map` and a sort for every page; 5 000 entries are few.
 */
export class SortedMap<Value> {
  readonly #keys: string[] = [];
  readonly #values: Value[] = [];

  get size(): number {
    return this.#keys.length;
  }

  get(key: string): Value | undefined {
    return this.has(key) ? this.#values[this.#indexOf(key)] : undefined;
  }

  has(key: string): boolean {
    return this.#keys[this.#indexOf(key)] === key;
  }

  set(key: string, value: Value): void {
    const index = this.#indexOf(key);
    const replaced = this.#keys[index] === key ? 1 : 0;
    this.#keys.splice(index, replaced, key);
    this.#values.splice(index, replaced, value);
  }

  /** Says whether there was such a key. */
  delete(key: string): boolean {
    if (!this.has(key)) return false;
    const index = this.#indexOf(key);
    this.#keys.splice(index, 1);
    this.#values.splice(index, 1);
    return true;
  }

  values(): readonly Value[] {
    return this.#values;
  }

  /** The entries behind `key` in order, or all of them. `key` itself need not be there any more. */
  *entriesAfter(key?: string): Generator<[key: string, value: Value]> {
    let index = key === undefined ? 0 : this.#indexOf(key);
    if (key !== undefined && this.#keys[index] === key) index += 1;
    for (; index < this.#keys.length; index += 1) {
      yield [this.#keys[index] as string, this.#values[index] as Value];
    }
  }

  /** Where `key` is, or would have to be put. */
  #indexOf(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#keys[middle] as string) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
