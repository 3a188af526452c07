/** To whole microseconds: what a monotonic clock says beyond them is noise. */
export function roundMs(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}
