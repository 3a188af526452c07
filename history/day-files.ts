import { readdir } from 'node:fs/promises';

/** The name of the file that holds the runs of a UTC day: `2026-11-22.ndjson`. */
export function dayFile(day: string): string {
  return `${day}.ndjson`;
}

/** The UTC day of a time: `2026-11-22`. */
export function dayOf(time: string | Date): string {
  return (typeof time === 'string' ? time : time.toISOString()).slice(0, 10);
}

/**
 * Lists the days that a directory has an entry for, oldest first. Other entries are not the history's. Without the directory
 * there are none.
 *
 * @throws Node's error if the directory cannot be read
 */
export async function listDays(dir: string): Promise<string[]> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names
    .flatMap((name) => /^(\d{4}-\d\d-\d\d)\.ndjson$/.exec(name)?.[1] ?? [])
    .filter(isDay)
    .toSorted();
}

function isDay(text: string): boolean {
  const date = new Date(text);
  return !Number.isNaN(date.getTime()) && dayOf(date) === text;
}
