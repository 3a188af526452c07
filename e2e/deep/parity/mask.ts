import { uniqueName } from '../../harness/hide-unique.ts';
import { configProperties, variables } from '../../../suites/awsiam/settings/variables.ts';

/** A run over the mock's server, one there under the Orchestrator, or one over the mock in memory. */
export type WayKind = 'live' | 'orchestrated' | 'offline';

interface InherentDifference {
  readonly because: string;
  /** @default all kinds */
  readonly only?: WayKind;
  readonly mask: (value: unknown, key: string) => unknown;
}

const inText =
  (pattern: RegExp, replacement: string | ((...parts: string[]) => string)) =>
  (value: unknown): unknown =>
    typeof value === 'string' ? value.replace(pattern, replacement as string) : value;

/** The variables of the settings, by their names in the Orchestrator's Config. */
const variableOf = new Map(
  Object.values(variables).map(({ property, name }) => [configProperties.get(property) ?? property, name]),
);

/** All that may differ between two equal runs, and why. Everything else is compared unchanged. */
const inherentDifferences: readonly InherentDifference[] = [
  {
    because: 'names contain the time and random characters',
    mask: inText(uniqueName, '$1-<unique>'),
  },
  {
    because: 'no two runs take the same time; only the names of the times are compared',
    mask: (value, key) => (typeof value === 'number' && (key.endsWith('Ms') || key === 'value') ? '<ms>' : value),
  },
  {
    because: 'an error has the time of its failure; only its format is compared',
    mask: (value, key) =>
      key === 'time' && typeof value === 'string' ? value.replaceAll(/\d+/g, ({ length }) => `<${length}>`) : value,
  },
  {
    because: 'a setting is named as the user gave it: as a variable or as a property of the Config',
    only: 'orchestrated',
    mask: inText(/\w+ in the Config JSON/g, (name) => variableOf.get(name) ?? name),
  },
  {
    because: 'each front end has a different place for settings',
    mask: inText(/(?<=AWS was not called\. ).*/, '<where settings are made>'),
  },
  {
    because: 'the record says what drove the run',
    mask: (value, key) => (key === 'frontEnd' ? '<front end>' : value),
  },
  {
    because: 'a run has its own start; only its format is compared',
    mask: (value, key) => (key === 'startedAt' ? String(value).replaceAll(/\d/g, '0') : value),
  },
  {
    because: 'the executable is one file, so its stacks name other files',
    mask: (value, key) => (key === 'stack' ? '<stack>' : value),
  },
  {
    because: 'the Orchestrator asks for a sweep only if it is set up to; with vitest it always runs',
    only: 'orchestrated',
    mask: (value, key) => (key === 'swept' || key === 'sweptRemaining' ? undefined : value),
  },
  {
    because: 'a leading space protects a request id that looks like a number too large for a float',
    only: 'orchestrated',
    mask: (value, key) =>
      key === 'requestId' && typeof value === 'string' ? value.replace(/^ (?=\d+e\d)/, '') : value,
  },
  {
    because: 'the mock in memory needs no connection',
    only: 'offline',
    mask: (value, key) => (key === 'connectMs' ? undefined : value),
  },
  {
    because: 'there is no endpoint',
    only: 'offline',
    mask: inText(/ The endpoint comes from \w+: is it right\?/, ''),
  },
  {
    because: 'no command can remove an entity in memory',
    only: 'offline',
    mask: inText(/; remove it with: .*/, ''),
  },
];

/**
 * Replaces the inherent differences of a run. `toEqual` ignores undefined properties.
 *
 * @param kind of the way whose run is compared with that of vitest
 */
export function mask<T>(run: T, kind: WayKind): T {
  const rules = inherentDifferences.filter(({ only = kind }) => only === kind);
  const apply = (value: unknown, key: string): unknown => {
    if (Array.isArray(value)) return value.map((each) => apply(each, ''));
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, apply(each, name)]));
    }
    let masked = value;
    for (const rule of rules) masked = rule.mask(masked, key);
    return masked;
  };
  return apply(run, '') as T;
}
