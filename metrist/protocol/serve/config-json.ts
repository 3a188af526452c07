import type { Values } from '../../../runner/monitor.ts';

/** The content of the Orchestrator's Config JSON. Problems never quote its values, which may be secrets. */
export interface ParsedConfigJson {
  /** By the names under which the monitor reads them. */
  readonly values: Values;
  /** Why the Config or a value in it cannot be used, a sentence each. */
  readonly problems: readonly string[];
  /** Properties that the monitor does not know. */
  readonly unknown: readonly string[];
}

/**
 * Reads the JSON of a `Config` message, an object of strings. `null` counts as absent. An empty string is kept; the monitor
 * treats it as absent later.
 *
 * @param json `undefined` if it was not valid UTF-8
 * @param properties the monitor's properties, each with the name under which it is read
 */
export function parseConfigJson(json: string | undefined, properties: ReadonlyMap<string, string>): ParsedConfigJson {
  if (json === undefined) return unusable('is not valid UTF-8');
  let config: unknown;
  try {
    config = JSON.parse(json);
  } catch {
    // The parser's own error would quote the text.
    return unusable('is not valid JSON');
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config)) return unusable('is not a JSON object');

  const values: Record<string, string> = {};
  const problems: string[] = [];
  const unknown: string[] = [];
  for (const [property, value] of Object.entries(config)) {
    const name = properties.get(property);
    if (name === undefined) unknown.push(property);
    else if (typeof value === 'string') values[name] = value;
    else if (value !== null) problems.push(`${name} is of type ${typeof value}: expected a string`);
  }
  return { values, problems, unknown };
}

function unusable(what: string): ParsedConfigJson {
  const problem = `the Config that the Orchestrator sent ${what}: expected an object of strings, from the registration's extra_config`;
  return { values: {}, problems: [problem], unknown: [] };
}
