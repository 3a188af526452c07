import { clip } from '../text/redact.ts';
import { type Evidence, type StepError, formatStepError } from '../runner/step-result.ts';

/** Flat, because the backend answers 202 and drops the result if a value is neither a string nor a number. */
export type Metadata = Readonly<Record<string, string | number>>;

const maxMessageLength = 2000;
const maxTextLength = 1000;

/**
 * What Metrist shows about a failure: the verdict, why, and in the last line what to do. The first word must not contain a
 * `=`, because the Orchestrator would read it as metadata. A verdict never does.
 */
export function describeStepError(error: StepError): string {
  const message = clip(formatStepError(error).trimEnd(), maxMessageLength);
  return toWireText(`${message}\nWhat to do: ${clip(error.advice, maxTextLength)}`);
}

/** What is flat of a step's evidence, as metadata. `more`, which a failure has, comes first. */
export function toMetadata(evidence: Evidence, more: Metadata = {}): Metadata {
  const metadata: Record<string, string | number> = {};
  for (const [name, value] of Object.entries({ ...more, ...evidence })) {
    if (typeof value === 'string') metadata[name] = toWireText(clip(value, maxTextLength));
    else if (typeof value === 'number' && Number.isFinite(value)) metadata[name] = value;
  }
  return metadata;
}

/** Text that survives JSON and a PostgreSQL column, which refuses NUL. */
export function toWireText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '�');
}
