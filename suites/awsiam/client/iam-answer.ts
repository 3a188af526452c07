import { clip } from '../../../runner/redact.ts';

/**
 * Something answered, but not IAM: a proxy's page, half an answer, nothing. The SDK takes such a thing for a success
 * without content when its status is 200.
 */
export class ForeignAnswerError extends Error {
  override readonly name = 'ForeignAnswer';
  /** Where the SDK's retries look for the status: a proxy's 502 is as transient as IAM's. */
  readonly $metadata: { readonly httpStatusCode: number };

  constructor(httpStatusCode: number, reason: string) {
    super(reason);
    this.$metadata = { httpStatusCode };
  }
}

/** Many times the longest of IAM's: a page of a list. */
const maxBodyBytes = 2 * 1024 * 1024;

/**
 * Reads an answer to its end.
 *
 * @throws {ForeignAnswerError} where that does not come, and what the stream fails with
 */
export async function readIamAnswer(body: AsyncIterable<Uint8Array>, httpStatus: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) {
      throw new ForeignAnswerError(
        httpStatus,
        `the answer is longer than any of IAM's: more than ${maxBodyBytes} bytes`,
      );
    }
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

/** So much of a foreign answer is shown. */
const excerptLength = 120;

/**
 * Checks that a body is one of IAM's XML documents, from its first to its last tag.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/programming.html
 *
 * @throws {ForeignAnswerError}
 */
export function checkIamAnswer(body: Uint8Array, httpStatus: number): void {
  const text = new TextDecoder().decode(body).trim();
  const reason = whyForeign(text, httpStatus);
  if (reason === undefined) return;
  const excerpt = clip(text, excerptLength).replaceAll(/\s+/g, ' ');
  throw new ForeignAnswerError(httpStatus, excerpt === '' ? reason : `${reason}: ${excerpt}`);
}

function whyForeign(text: string, httpStatus: number): string | undefined {
  if (text === '') return 'the answer is empty';
  const root = /^(?:<\?xml[^>]*\?>\s*)?<(\w+Response)\b/.exec(text)?.[1];
  if (root === undefined) return "the answer is not one of IAM's";
  if (!text.endsWith(`</${root}>`)) return 'the answer breaks off';
  if ((root === 'ErrorResponse') !== httpStatus >= 300) return 'the answer contradicts its own HTTP status';
  return undefined;
}
