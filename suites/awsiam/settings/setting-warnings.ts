import { productVariables } from '../../../host/setting-text.ts';
import type { SettingsReader, Values } from '../../../runner/monitor.ts';
import { variables, type Variable } from './variables.ts';

const mockVariables = ['AWSIAM_MOCK_FAULTS', 'AWSIAM_MOCK_LATENCY', 'AWSIAM_MOCK_SEED'];

/** Every setting of this product, with its names as environment variables. */
export const settingNames: readonly (readonly string[])[] = [
  ...Object.values(variables).map(({ orchestrator, name }) => [orchestrator, name]),
  ...[...productVariables, ...mockVariables].map((name) => [name]),
];

/**
 * Warns about variables that look like a mistake and have no effect: a misspelt name, a name that a stronger name overrules,
 * a variable of the mock in a live run. One sentence each, with names and without values.
 */
export function findSettingWarnings(values: Values, reader: SettingsReader): string[] {
  return [
    ...Object.keys(values).flatMap((name) => describeMisspelling(name, values)),
    // Under the Orchestrator the weaker names may be meant for other monitors.
    ...(reader === 'orchestrator' ? [] : Object.values(variables).flatMap((names) => describeOverruled(names, values))),
    ...(reader === 'live' || reader === 'orchestrator' ? mockVariables : [])
      .filter((name) => isSet(name, values))
      .map((name) => `${name} has no effect: this run is live, and only the mock reads it`),
  ];
}

function isSet(name: string, values: Values): boolean {
  return (values[name] ?? '').trim() !== '';
}

function describeOverruled({ orchestrator, name }: Variable, values: Values): string[] {
  const isOverruled = [orchestrator, name].every((each) => isSet(each, values));
  if (!isOverruled || values[orchestrator]?.trim() === values[name]?.trim()) return [];
  return [`${name} has no effect: ${orchestrator} is set to something else, and wins`];
}

/**
 * The Orchestrator and its other monitors have variables with METRIST_ as well. So an unknown one is only mentioned if it is
 * close to a setting that is not set.
 */
function describeMisspelling(name: string, values: Values): string[] {
  const given = name.toUpperCase();
  if (!/^(METRIST|AWSIAM)_\w{1,100}$/.test(given) || !isSet(name, values)) return [];
  if (settingNames.flat().includes(name)) return [];
  const [nearest] = settingNames
    .flatMap((names) => names.map((known) => ({ known, names, edits: countEdits(given, known) })))
    .filter(({ known, edits }) => isNear(given, known, edits))
    .toSorted((a, b) => a.edits - b.edits);
  if (nearest === undefined) return [];
  // Only we use the prefix METRIST_AWSIAM_. Any other name may be somebody else's if the setting is given by another name.
  const { known, names } = nearest;
  const isGiven = (given.startsWith('METRIST_AWSIAM_') ? [known] : names).some((each) => isSet(each, values));
  return isGiven ? [] : [`${name} has no effect: there is no such setting; did you mean ${known}?`];
}

function isNear(given: string, known: string, edits: number): boolean {
  const [givenWords, knownWords] = [given.split('_'), known.split('_')];
  // The second word may name another monitor: METRIST_SES_REGION is not a misspelt METRIST_AWS_REGION.
  const [, area = ''] = knownWords;
  const maxEdits = givenWords[1] === area ? 3 : Math.min(2, Math.floor(area.length / 3));
  return edits <= maxEdits || given.startsWith(known) || isPartOf(givenWords, knownWords);
}

/** Whether the name only lacks some words: METRIST_STEP_TIMEOUT for METRIST_STEP_TIMEOUT_SECS. */
function isPartOf(words: readonly string[], all: readonly string[]): boolean {
  let found = 0;
  for (const word of all) if (word === words[found]) found += 1;
  return words.length > 1 && found === words.length;
}

/** Levenshtein's distance: how many characters must be inserted, removed or replaced. */
function countEdits(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [row, character] of from.split('').entries()) {
    const current = [row + 1];
    for (const [column, other] of to.split('').entries()) {
      const replaced = (previous[column] ?? 0) + (character === other ? 0 : 1);
      current.push(Math.min(replaced, (previous[column + 1] ?? 0) + 1, (current[column] ?? 0) + 1));
    }
    previous = current;
  }
  return previous.at(-1) ?? 0;
}
