import type { ServiceInputTypes, ServiceOutputTypes } from '@aws-sdk/client-iam';
import type { HttpResponse, Pluggable } from '@smithy/types';
import { clip } from '../../../text/redact.ts';

/**
 * Something other than IAM answered, or the answer is incomplete: a proxy's page, half a document, nothing. With status 200
 * the SDK would take such an answer for a success without content.
 */
export class ForeignAnswerError extends Error {
  override readonly name = 'ForeignAnswer';
  /** The SDK's retries look for the status here. They repeat after a proxy's 502 as after one of IAM's. */
  readonly $metadata: { readonly httpStatusCode: number };
  /** Tells the SDK's retries that this is throttling where the status does not show it. */
  readonly $retryable?: { readonly throttling: true };

  constructor(
    httpStatusCode: number,
    reason: string,
    { isThrottled = false, cause }: { readonly isThrottled?: boolean; readonly cause?: unknown } = {},
  ) {
    super(reason, cause === undefined ? {} : { cause });
    this.$metadata = { httpStatusCode };
    if (isThrottled) this.$retryable = { throttling: true };
  }

  get isThrottled(): boolean {
    return this.$retryable !== undefined || this.$metadata.httpStatusCode === 429;
  }
}

/** Says why a text is not an answer of the expected service. @returns `undefined` if it is one */
type AnswerCheck = (text: string, httpStatus: number) => string | undefined;

/** Reads an answer's body to its end. @throws {ForeignAnswerError} unless it is a complete answer of its service */
export async function readAnswer(response: HttpResponse, whyForeign: AnswerCheck): Promise<Uint8Array> {
  const { statusCode, headers } = response;
  const raw = await readBody(response.body as AsyncIterable<Uint8Array>, statusCode);
  const body = decompress(raw, headers['content-encoding'], statusCode);
  checkAnswer(body, statusCode, whyForeign);
  return body;
}

/** Far above the largest real answer, a page of a list. */
const maxBodyBytes = 2 * 1024 * 1024;

async function readBody(body: AsyncIterable<Uint8Array>, httpStatus: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) {
      const reason = `the answer is longer than any of IAM's: more than ${maxBodyBytes} bytes`;
      throw new ForeignAnswerError(httpStatus, reason);
    }
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

/** IAM compresses nothing, but a proxy in front of it may. */
const decompressors = {
  gzip: 'gunzipSync',
  'x-gzip': 'gunzipSync',
  deflate: 'inflateSync',
  br: 'brotliDecompressSync',
} as const;

function decompress(body: Uint8Array, encoding: string | undefined, httpStatus: number): Uint8Array {
  const name = (encoding ?? 'identity').trim().toLowerCase();
  if (name === 'identity' || name === '' || body.length === 0) return body;
  try {
    if (!Object.hasOwn(decompressors, name)) throw new Error('unknown here');
    // Loaded only if it is needed.
    const zlib = process.getBuiltinModule('node:zlib');
    return zlib[decompressors[name as keyof typeof decompressors]](body, { maxOutputLength: maxBodyBytes });
  } catch (cause) {
    const reason = `the answer cannot be decompressed (Content-Encoding: ${clip(name, 20)})`;
    throw new ForeignAnswerError(httpStatus, reason, { cause });
  }
}

/** How many characters of a foreign answer are shown. */
const excerptLength = 120;

/** @throws {ForeignAnswerError} unless a body is a complete answer of its service */
export function checkAnswer(body: Uint8Array, httpStatus: number, whyForeign: AnswerCheck): void {
  const text = decode(body).trim();
  const reason = whyForeign(text, httpStatus);
  if (reason === undefined) return;
  throw new ForeignAnswerError(httpStatus, withExcerpt(reason, text), {
    isThrottled: httpStatus >= 400 && foreignThrottling.test(text),
  });
}

/** AWS sends UTF-8. A proxy's page may have an older encoding. */
function decode(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return new TextDecoder('windows-1252').decode(body);
  }
}

/** How gateways and emulators report throttling, in JSON or in their own XML. */
const foreignThrottling =
  /(<Code>|"(__type|code)"\s*:\s*"([\w.]+#)?)\s*(Throttl(ing|ed)|RequestThrottled|RequestLimitExceeded|TooManyRequests|SlowDown)/i;

function withExcerpt(reason: string, text: string): string {
  const excerpt = clip(text, excerptLength).replaceAll(/\s+/g, ' ');
  if (excerpt === '') return reason;
  // Bytes that are not text would only garble the terminal.
  return /[^\P{Cc}\s]/u.test(excerpt) ? `${reason}, nor is it text` : `${reason}: ${excerpt}`;
}

/**
 * A plugin for the client. An answer that looks like IAM's but that the SDK cannot read (broken XML, an invalid date) counts
 * as foreign, too. Without the plugin, the error would be whatever the SDK's parser happens to throw.
 */
export const refuseUnreadable: Pluggable<ServiceInputTypes, ServiceOutputTypes> = {
  applyToStack: (stack) => {
    stack.add(
      (next) => async (args) => {
        try {
          return await next(args);
        } catch (error) {
          throw toForeignAnswer(error);
        }
      },
      { name: 'refuseUnreadable', step: 'deserialize', priority: 'high' },
    );
  },
};

/** The SDK adds the response to every error that occurs while it reads it. IAM's own refusals also have a `$fault`. */
function toForeignAnswer(error: unknown): unknown {
  if (!(error instanceof Error) || '$fault' in error) return error;
  const { $response } = error as { readonly $response?: HttpResponse };
  if ($response === undefined) return error;
  error.message = error.message.replace(/\s*Deserialization error: to see the raw response.*$/s, '');
  const text = $response.body instanceof Uint8Array ? decode($response.body) : String($response.body);
  return new ForeignAnswerError($response.statusCode, withExcerpt("the answer cannot be read as IAM's", text.trim()), {
    cause: error,
  });
}

/** SSO and the services that renew its tokens speak JSON. */
export const whyNotJson: AnswerCheck = (text) => {
  if (text === '') return 'the answer is empty';
  try {
    JSON.parse(text);
    return undefined;
  } catch {
    return 'the answer is not JSON';
  }
};

/** The format of IAM and STS. https://docs.aws.amazon.com/IAM/latest/UserGuide/programming.html */
export const whyNotXml =
  (service: 'IAM' | 'STS'): AnswerCheck =>
  (text, httpStatus) => {
    if (text === '') return 'the answer is empty';
    const root = /^(?:<\?xml[^>]*\?>\s*)?<(\w+Response)\b/.exec(text)?.[1];
    if (root === undefined) return `the answer is not one of ${service}'s`;
    if (!text.endsWith(`</${root}>`)) return 'the answer breaks off';
    if ((root === 'ErrorResponse') !== httpStatus >= 300) return 'the answer contradicts its own HTTP status';
    if (root === 'ErrorResponse' && !/<Code>\s*[^<\s]/.test(text)) return 'the answer is an error without a code';
    return undefined;
  };
