/**
 * A part of a whole as percent: `99.96 %`. Never rounded up, so that `100 %` means all. `–` if there is no whole.
 */
export function formatPercent(part: number, of: number): string {
  if (of === 0) return '–';
  const percent = percentOf(part, of);
  return `${percent === 0 || percent === 100 ? percent : percent.toFixed(2)} %`;
}

/** Percent with at most two decimals, never rounded up. */
export function percentOf(part: number, of: number): number {
  // A float may stand just below the number that it means: 0.29 * 100 is 28.999999999999996.
  const hundredths = Math.floor((part * 10_000) / of + 1e-9);
  return (part < of ? Math.min(hundredths, 9999) : hundredths) / 100;
}
