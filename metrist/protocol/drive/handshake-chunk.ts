/** What one chunk of output is during the handshake, where the Orchestrator takes every chunk for one whole message. */
export type HandshakeChunk =
  | { readonly kind: 'message'; readonly body: Buffer }
  /** A message that has not come whole. */
  | { readonly kind: 'part' }
  /** The Orchestrator passes over it. */
  | { readonly kind: 'noise' }
  /** Begins like a message and is none, or is more than one. */
  | { readonly kind: 'broken' };

const maxLengthDigits = 16;

/** Says what a chunk, or what has come of it so far, is. */
export function parseHandshakeChunk(chunk: Buffer): HandshakeChunk {
  const [start = '', digits, space] = /^-?(\d+)?( )?/.exec(chunk.toString('latin1', 0, 32)) ?? [];
  if (digits === undefined) return { kind: 'noise' };
  if (start.startsWith('-') || digits.length > maxLengthDigits) return { kind: 'broken' };
  if (space === undefined) return { kind: start.length === chunk.length ? 'part' : 'broken' };
  const end = start.length + Number(digits);
  if (chunk.length === end) return { kind: 'message', body: chunk.subarray(start.length) };
  return { kind: chunk.length < end ? 'part' : 'broken' };
}
