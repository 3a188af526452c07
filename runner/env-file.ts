import type { Values } from './monitor.ts';

/**
 * What a `.env` file adds to an environment. A variable that is set wins over the file, but an empty one counts as absent,
 * here as everywhere: dotenv by itself would leave it empty.
 *
 * @param file the file's variables, as dotenv parses them
 * @returns the variables to set, none of them empty
 */
export function mergeEnvFile(environment: Values, file: Values): Record<string, string> {
  const added = Object.entries(file).filter(
    (entry): entry is [string, string] => !isEmpty(entry[1]) && isEmpty(environment[entry[0]]),
  );
  return Object.fromEntries(added);
}

function isEmpty(text = ''): boolean {
  return text.trim() === '';
}
