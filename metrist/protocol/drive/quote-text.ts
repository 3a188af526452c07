const maxQuoteLength = 60;

/** What a monitor wrote, for a sentence: in quotes, on one line, clipped. */
export function quoteText(text: string | Uint8Array): string {
  const whole = typeof text === 'string' ? text : Buffer.from(text.subarray(0, maxQuoteLength * 4)).toString();
  return JSON.stringify(whole.length > maxQuoteLength ? `${whole.slice(0, maxQuoteLength)}…` : whole);
}
