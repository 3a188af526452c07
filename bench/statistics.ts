/** The value in the middle, or between the two in the middle. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** `3.20 ms (target: at most 4 ms) met` */
export function describeResult(value: number, target: number, unit: string, digits = 2): string {
  return `${value.toFixed(digits)}${unit} (target: at most ${target}${unit}) ${value <= target ? 'met' : 'MISSED'}`;
}

/** Linear interpolation between the two nearest values. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const position = (sorted.length - 1) * q;
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? Number.NaN;
  return below + (above - below) * (position % 1);
}
