/** A count with separators and at most three decimals: `21,600`. `Intl` would need 11 ms of each run to start. */
export function formatCount(count: number): string {
  const [whole = '', decimals] = String(Math.round(count * 1000) / 1000).split('.');
  const separated = whole.replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
  return decimals === undefined ? separated : `${separated}.${decimals}`;
}

/** The numbers of a part of a whole: `4,986 of 5,022`. */
export function formatPart({ part, of }: { readonly part: number; readonly of: number }): string {
  return `${formatCount(part)} of ${formatCount(of)}`;
}

/**
 * A part of a whole as percent: `99.96 %`. Never rounded up, so that `100 %` means all. `–` if there is no whole.
 */
export function formatPercent({ part, of }: { readonly part: number; readonly of: number }): string {
  return of === 0 ? '–' : `${percentOf(part, of)} %`;
}

/** Percent with at most two decimals, never rounded up. */
export function percentOf(part: number, of: number): number {
  // A float may stand just below the number that it means: 0.29 * 100 is 28.999999999999996.
  const hundredths = Math.floor((part * 10_000) / of + 1e-9);
  return (part < of ? Math.min(hundredths, 9999) : hundredths) / 100;
}
