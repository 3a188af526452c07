import { clip } from '../text/redact.ts';
import { type Evidence, type StepError, formatStepError } from '../runner/step-result.ts';

/** Flat: the backend drops a result, and answers 202 all the same, when a value is neither a string nor a number. */
export type Metadata = Readonly<Record<string, string | number>>;

const maxMessageLength = 2000;
const maxTextLength = 1000;

/**
 * What Metrist shows of a failure: the verdict first, why, and in the last line what to do. The verdict as the first word
 * also keeps a `=` out of it, which the Orchestrator would take for metadata.
 */
export function describeStepError(error: StepError): string {
  const message = clip(formatStepError(error).trimEnd(), maxMessageLength);
  return toWireText(`${message}\nWhat to do: ${clip(error.advice, maxTextLength)}`);
}

/** A step's evidence, and for a failure `more` before it. */
export function toMetadata(evidence: Evidence, more: Metadata = {}): Metadata {
  const metadata: Record<string, string | number> = {};
  for (const [name, value] of Object.entries({ ...more, ...evidence })) {
    if (typeof value === 'string') metadata[name] = toWireText(clip(value, maxTextLength));
    else if (Number.isFinite(value)) metadata[name] = value;
  }
  return metadata;
}

/** Text that survives JSON and a PostgreSQL column, which takes no NUL. */
export function toWireText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '�');
}
