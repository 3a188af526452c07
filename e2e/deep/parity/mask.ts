import { configProperties, variables } from '../../../suites/awsiam/settings/variables.ts';

interface InherentDifference {
  readonly because: string;
  /** @default false */
  readonly offlineOnly?: true;
  readonly mask: (value: unknown, key: string) => unknown;
}

const inText =
  (pattern: RegExp, replacement: string | ((...parts: string[]) => string)) =>
  (value: unknown): unknown =>
    typeof value === 'string' ? value.replace(pattern, replacement as string) : value;

/** What the Orchestrator's Config calls a setting, with the name of the variable that it stands for. */
const variableOf = new Map(
  Object.values(variables).map(({ property, name }) => [configProperties.get(property) ?? property, name]),
);

/** All that may differ between two runs that are the same, and why. Everything else is compared as it is. */
const inherentDifferences: readonly InherentDifference[] = [
  {
    because: 'names are unique by time and chance',
    mask: inText(/\b(test(?:user|group)-[\w+=,.@-]*?)-[\da-z]{8,9}-[\da-z]{6}\b/g, '$1-<unique>'),
  },
  {
    because: 'no two runs take the same time; which times there are is compared',
    mask: (value, key) => (typeof value === 'number' && (key.endsWith('Ms') || key === 'value') ? '<ms>' : value),
  },
  {
    because: 'an error is stamped with the time of its failure; that it is UTC with six digits is compared',
    mask: (value, key) =>
      key === 'time' && typeof value === 'string' ? value.replaceAll(/\d+/g, ({ length }) => `<${length}>`) : value,
  },
  {
    because: 'a setting is called what its user calls it: a variable, or a property of the Config',
    mask: inText(/\w+ in the Config JSON/g, (name) => variableOf.get(name) ?? name),
  },
  {
    because: 'each front end has its own place for settings',
    mask: inText(/(?<=AWS was not called\. ).*/, '<where settings are made>'),
  },
  {
    because: 'a space keeps what begins like a number too great for a float from breaking the metadata of a message',
    mask: (value, key) =>
      key === 'requestId' && typeof value === 'string' ? value.replace(/^ (?=\d+e\d)/, '') : value,
  },
  {
    because: 'no connection is opened over the mock in memory',
    offlineOnly: true,
    mask: (value, key) => (key === 'connectMs' ? undefined : value),
  },
  {
    because: 'there is no endpoint to correct',
    offlineOnly: true,
    mask: inText(/ The endpoint comes from \w+: is it right\?/, ''),
  },
  {
    because: 'what is left in memory cannot be removed with a command',
    offlineOnly: true,
    mask: inText(/; remove it with: .*/, ''),
  },
];

/**
 * Takes the inherent differences out of a run. `toEqual` takes what is undefined for absent.
 *
 * @param options.offline whether it is to be compared with a run over the mock in memory
 */
export function mask<T>(run: T, { offline = false }: { readonly offline?: boolean } = {}): T {
  const rules = inherentDifferences.filter(({ offlineOnly = false }) => offline || !offlineOnly);
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
