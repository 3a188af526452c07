import { existsSync } from 'node:fs';
import path from 'node:path';

/**
 * The directory that `.env` and a relative `METRIST_RESULTS_DIR` belong to, wherever a run was started from: that of
 * `vitest.config.ts` in a clone, and the working directory for an installed package. The executable has no directory of
 * its own and takes the working directory too.
 *
 * @param projectDir where this program lies
 */
export function chooseBaseDir(projectDir: string, workingDir: string): string {
  const isInstalled = projectDir.split(path.sep).includes('node_modules');
  return !isInstalled && existsSync(path.join(projectDir, 'vitest.config.ts')) ? projectDir : workingDir;
}

/** A path as people want to read it: relative where it lies below the working directory, else absolute. */
export function shortenPath(file: string, workingDir: string): string {
  const above = workingDir.endsWith(path.sep) ? workingDir : `${workingDir}${path.sep}`;
  return file.startsWith(above) && above !== path.sep ? file.slice(above.length) : file;
}
