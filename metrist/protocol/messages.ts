import { isUtf8 } from 'node:buffer';
import type { Metadata } from '../result-text.ts';
import { formatMetadata, isElixirNumber, parseMetadata, trimWhitespace } from './metadata.ts';

/** The version of the protocol that both sides speak. The Orchestrator accepts 1.0 and 1.1. */
export const protocolVersion = '1.1';

export type LogLevel = 'Debug' | 'Info' | 'Warning' | 'Error';

/** A message from the Orchestrator to a monitor. */
export type ToMonitor =
  | { readonly kind: 'version'; readonly version: string }
  /** The monitor's extra_config as JSON, including secrets; `undefined` if it is not valid UTF-8. */
  | { readonly kind: 'config'; readonly json: string | undefined }
  | { readonly kind: 'runStep'; readonly step: string }
  /** The end of the run. `cleanup`: also remove what earlier runs left behind. */
  | { readonly kind: 'exit'; readonly cleanup: boolean }
  | { readonly kind: 'unknown'; readonly text: string };

/** A message from a monitor to the Orchestrator. */
export type FromMonitor =
  | { readonly kind: 'started'; readonly version: string }
  | { readonly kind: 'ready' }
  | { readonly kind: 'configured' }
  /** Success, with the time that the monitor measured. */
  | { readonly kind: 'stepTime'; readonly durationMs: number; readonly metadata: Metadata }
  /** Success; the Orchestrator measures the time. */
  | { readonly kind: 'stepOk'; readonly metadata: Metadata }
  | { readonly kind: 'stepError'; readonly text: string; readonly metadata: Metadata }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly text: string }
  | { readonly kind: 'waitForWebhook'; readonly uid: string }
  | { readonly kind: 'exit' }
  /** `problem`: why the Orchestrator would not accept it. */
  | { readonly kind: 'unknown'; readonly text: string; readonly problem: string };

/** Reads a message of the Orchestrator. Anything else is `unknown`. Never throws. */
export function parseToMonitor(body: Uint8Array): ToMonitor {
  const text = Buffer.from(body).toString();
  // A Config has to be answered even if its values cannot be used.
  if (!isUtf8(body))
    return text.startsWith('Config ') ? { kind: 'config', json: undefined } : { kind: 'unknown', text };
  const [, keyword, rest] = /^(Version|Config|Exit|Run [Ss]tep)(?: ([^]*))?$/.exec(text) ?? [];
  switch (keyword) {
    case 'Version':
      return { kind: 'version', version: rest ?? '' };
    case 'Config':
      return { kind: 'config', json: rest ?? '' };
    case 'Exit':
      return { kind: 'exit', cleanup: rest?.trim() === '1' };
    case 'Run Step':
    case 'Run step':
      return { kind: 'runStep', step: rest ?? '' };
    case undefined:
    default:
      return { kind: 'unknown', text };
  }
}

/** The messages that this monitor sends. */
export type SentMessage = Exclude<FromMonitor, { readonly kind: 'stepOk' | 'waitForWebhook' | 'exit' | 'unknown' }>;

/** A monitor's message as the text of one frame. */
export function formatFromMonitor(message: SentMessage): string {
  switch (message.kind) {
    case 'started':
      return `Started ${message.version}`;
    case 'ready':
      return 'Ready';
    case 'configured':
      return 'Configured';
    case 'stepTime':
      return joinWords('Step Time', formatMetadata(message.metadata), formatTime(message.durationMs));
    case 'stepError':
      return formatStepError(message.text, formatMetadata(message.metadata));
    case 'log':
      return `Log ${message.level} ${message.text}`;
    default:
      return message satisfies never;
  }
}

/**
 * Reads a monitor's message as the Orchestrator does (`protocol_handler.ex` of Metrist-Software/orchestrator). Never
 * throws.
 */
export function parseFromMonitor(body: Uint8Array): FromMonitor {
  const text = Buffer.from(body).toString();
  const unknown = (problem: string): FromMonitor => ({ kind: 'unknown', text, problem });
  if (!isUtf8(body)) return unknown('it is not valid UTF-8');
  if (text === 'Ready') return { kind: 'ready' };
  if (text === 'Configured') return { kind: 'configured' };
  if (text.startsWith('Exit')) return { kind: 'exit' };

  const [, keyword, rest = ''] =
    /^(Started|Step Time|Step OK|Step Error|Wait For Webhook)(?: ([^]*))?$/.exec(text) ?? [];
  switch (keyword) {
    case 'Started':
      return { kind: 'started', version: rest };
    case 'Step Time':
      return parseStepTime(rest) ?? unknown('Step Time needs a plain number of milliseconds, after at most one word');
    case 'Step OK':
      return { kind: 'stepOk', metadata: parseMetadata(rest) ?? {} };
    case 'Step Error':
      return parseStepError(rest);
    case 'Wait For Webhook':
      return { kind: 'waitForWebhook', uid: rest };
    case undefined:
    default:
  }
  const [, level, logged] = /^Log (Debug|Info|Warning|Error) ([^]*)$/.exec(text) ?? [];
  if (level !== undefined) return { kind: 'log', level: level as LogLevel, text: logged ?? '' };
  return unknown('the protocol has no such message');
}

function parseStepTime(rest: string): FromMonitor | undefined {
  const words = rest.split(/[\s\x85]+/).filter((word) => word !== '');
  const time = words.at(-1) ?? '';
  if (words.length > 2 || !isElixirNumber(time)) return undefined;
  const metadata = words.length === 2 ? parseMetadata(words[0] ?? '') : undefined;
  return { kind: 'stepTime', durationMs: Number(time), metadata: metadata ?? {} };
}

/** The text before the first space is metadata if it can be read as such and more text follows. */
function parseStepError(rest: string): FromMonitor {
  const text = trimWhitespace(rest);
  const space = text.indexOf(' ');
  const metadata = space === -1 ? {} : (parseMetadata(text.slice(0, space)) ?? {});
  if (Object.keys(metadata).length === 0) return { kind: 'stepError', text, metadata: {} };
  return { kind: 'stepError', text: trimWhitespace(text.slice(space)), metadata };
}

/**
 * Keeps the Orchestrator from taking text for metadata, or metadata for text: without metadata, the first word must not
 * contain a `=`; after metadata, the text must not be empty.
 */
function formatStepError(text: string, metadata: string): string {
  const trimmed = trimWhitespace(text);
  if (metadata !== '') return joinWords('Step Error', metadata, trimmed || '(no message)');
  const [first = ''] = trimmed.split(' ', 1);
  return joinWords('Step Error', first.includes('=') ? trimmed.replace('=', ': ') : trimmed);
}

/** The Orchestrator's handler crashes on anything but a plain number. Nanoseconds are precise enough. */
function formatTime(durationMs: number): string {
  if (!Number.isFinite(durationMs)) throw new RangeError(`a step's time is ${durationMs}: expected milliseconds`);
  return durationMs.toFixed(6).replace(/\.?0+$/, '');
}

function joinWords(...words: readonly string[]): string {
  return words.filter((word) => word !== '').join(' ');
}
