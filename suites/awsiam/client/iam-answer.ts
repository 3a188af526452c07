import type { ServiceInputTypes, ServiceOutputTypes } from '@aws-sdk/client-iam';
import type { HttpResponse, Pluggable } from '@smithy/types';
import { clip } from '../../../text/redact.ts';

/**
 * Something answered, but not IAM: a proxy's page, half an answer, nothing. The SDK takes such a thing for a success
 * without content when its status is 200.
 */
export class ForeignAnswerError extends Error {
  override readonly name = 'ForeignAnswer';
  /** Where the SDK's retries look for the status: a proxy's 502 is as transient as IAM's. */
  readonly $metadata: { readonly httpStatusCode: number };
  /** Tells the SDK's retries about throttling that the status does not show. */
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

/** Many times the longest of IAM's: a page of a list. */
const maxBodyBytes = 2 * 1024 * 1024;

/**
 * Reads an answer to its end.
 *
 * @throws {ForeignAnswerError} where that does not come, and what the stream fails with
 */
export async function readAnswer(body: AsyncIterable<Uint8Array>, httpStatus: number): Promise<Uint8Array> {
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

/** IAM compresses nothing, but what stands in front of it may. */
const decompressors = {
  gzip: 'gunzipSync',
  'x-gzip': 'gunzipSync',
  deflate: 'inflateSync',
  br: 'brotliDecompressSync',
} as const;

/**
 * Undoes the compression that an answer's `Content-Encoding` names.
 *
 * @throws {ForeignAnswerError} where that is unknown, or the body is something else
 */
export function decompressAnswer(body: Uint8Array, encoding: string | undefined, httpStatus: number): Uint8Array {
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

/** So much of a foreign answer is shown. */
const excerptLength = 120;

/** Says why a text is no answer of a service, if it is none. */
export type AnswerCheck = (text: string, httpStatus: number) => string | undefined;

/**
 * Checks that a body is one of IAM's XML documents, from its first to its last tag, or what another check asks for.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/programming.html
 *
 * @throws {ForeignAnswerError}
 */
export function checkAnswer(body: Uint8Array, httpStatus: number, whyForeign: AnswerCheck = whyNotIam): void {
  const text = decode(body).trim();
  const reason = whyForeign(text, httpStatus);
  if (reason === undefined) return;
  throw new ForeignAnswerError(httpStatus, withExcerpt(reason, text), {
    isThrottled: httpStatus >= 400 && foreignThrottling.test(text),
  });
}

/** AWS sends UTF-8. The page of a proxy may be in an older encoding. */
function decode(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return new TextDecoder('windows-1252').decode(body);
  }
}

/** How gateways and emulators say in JSON or in another XML that there were too many requests. */
const foreignThrottling =
  /(<Code>|"(__type|code)"\s*:\s*"([\w.]+#)?)\s*(Throttl(ing|ed)|RequestThrottled|RequestLimitExceeded|TooManyRequests|SlowDown)/i;

function withExcerpt(reason: string, text: string): string {
  const excerpt = clip(text, excerptLength).replaceAll(/\s+/g, ' ');
  if (excerpt === '') return reason;
  // Bytes that are no text would only spoil a terminal.
  return /[^\P{Cc}\s]/u.test(excerpt) ? `${reason}, nor is it text` : `${reason}: ${excerpt}`;
}

/**
 * A plugin for the client: an answer that looks like IAM's but that the SDK cannot read (broken XML inside, a date that is
 * none) is foreign, too. The SDK fails with whatever its parser stumbled over.
 */
export const refuseUnreadable: Pluggable<ServiceInputTypes, ServiceOutputTypes> = {
  applyToStack: (stack) => {
    stack.add(
      (next) => async (args) => {
        try {
          return await next(args);
        } catch (error) {
          throw toReadable(error);
        }
      },
      { name: 'refuseUnreadable', step: 'deserialize', priority: 'high' },
    );
  },
};

/** The SDK adds the response to every error that occurs while it is read. IAM's own refusals also have a `$fault`. */
function toReadable(error: unknown): unknown {
  if (!(error instanceof Error) || '$fault' in error) return error;
  const { $response } = error as { readonly $response?: HttpResponse };
  if ($response === undefined) return error;
  error.message = error.message.replace(/\s*Deserialization error: to see the raw response.*$/s, '');
  const text = $response.body instanceof Uint8Array ? decode($response.body) : String($response.body);
  return new ForeignAnswerError($response.statusCode, withExcerpt("the answer cannot be read as IAM's", text.trim()), {
    cause: error,
  });
}

function whyNotIam(text: string, httpStatus: number): string | undefined {
  return whyNotXml(text, httpStatus, "the answer is not one of IAM's");
}

/** STS answers in the same form as IAM. */
export const whyNotSts: AnswerCheck = (text, httpStatus) =>
  whyNotXml(text, httpStatus, "the answer is not one of STS's");

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

function whyNotXml(text: string, httpStatus: number, notOurs: string): string | undefined {
  if (text === '') return 'the answer is empty';
  const root = /^(?:<\?xml[^>]*\?>\s*)?<(\w+Response)\b/.exec(text)?.[1];
  if (root === undefined) return notOurs;
  if (!text.endsWith(`</${root}>`)) return 'the answer breaks off';
  if ((root === 'ErrorResponse') !== httpStatus >= 300) return 'the answer contradicts its own HTTP status';
  if (root === 'ErrorResponse' && !/<Code>\s*[^<\s]/.test(text)) return 'the answer is an error without a code';
  return undefined;
}
