import { isUtf8 } from 'node:buffer';
import type { FromMonitor } from '../messages.ts';
import { quote } from '../../../text/printable.ts';

/** What is wrong with an answer to `Run Step` that the Orchestrator takes. */
export interface AnswerFlaw {
  /** As a sentence. */
  readonly problem: string;
  /** Why nothing of it would arrive at Metrist; absent where it would. */
  readonly lost?: string;
}

type Answer = Extract<FromMonitor, { kind: 'stepTime' | 'stepOk' | 'stepError' }>;

/** Finds what the Orchestrator, or Metrist behind it, makes of an answer other than was meant. */
export function checkAnswer(message: Answer, text: string, step: string): AnswerFlaw[] {
  const word = metadataWord(message, text);
  const flaws: AnswerFlaw[] = [];
  if (text.includes('\0')) {
    flaws.push({
      problem: `the monitor answered ${step} with a NUL in its text, which Metrist cannot store; replace it`,
      lost: 'Metrist cannot store a NUL',
    });
  }
  if (word === undefined) return flaws;
  const values = word.split(',').map((pair) => pair.split('=')[1] ?? '');
  if (Object.keys(message.metadata).length === 0) {
    flaws.push({
      problem: `the monitor answered ${step} with ${quote(word)}, which cannot be read as metadata: the Orchestrator drops it; write key=value,key=value without spaces`,
    });
  } else if (!values.every((value) => isUtf8(decode(value)))) {
    flaws.push({
      problem: `the monitor answered ${step} with metadata ${quote(word)}, which decoded from base16 is no text: the Orchestrator fails to send it, and nothing is reported for ${step}; write every value as the base16 of its UTF-8 bytes`,
      lost: 'its metadata is no text',
    });
  } else if (message.kind === 'stepError' && !values.every(isBase16)) {
    flaws.push({
      problem: `the monitor answered ${step} with an error that begins with ${quote(word)}: the Orchestrator takes that for metadata and cuts it off; keep "=" out of the first word, or write every value as base16`,
    });
  }
  return flaws;
}

/** What stands where metadata would. */
function metadataWord(message: Answer, text: string): string | undefined {
  const words = text.split(/\s+/).filter((word) => word !== '');
  switch (message.kind) {
    case 'stepTime':
      return words.length > 3 ? words[2] : undefined;
    case 'stepOk':
      return words.length > 2 ? words.slice(2).join(' ') : undefined;
    case 'stepError':
      return Object.keys(message.metadata).length > 0 ? words[2] : undefined;
    default:
      return message satisfies never;
  }
}

const isBase16 = (value: string): boolean => value.length % 2 === 0 && /^[\da-f]+$/i.test(value);
const decode = (value: string): Buffer => (isBase16(value) ? Buffer.from(value, 'hex') : Buffer.from(value));
