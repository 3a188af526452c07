/**
 * What still has to work on an old Node.js and in a broken installation, where nothing else of this program loads. Plain
 * JavaScript that imports no other file of this program.
 */
import { existsSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import path from 'node:path';
import util from 'node:util';

/**
 * Says in one line that this version of Node.js is too old. Keep it in step with `engines` in package.json.
 *
 * @param {string} version `process.version`: `v20.20.2`
 * @param {boolean} [isClone] whether the program is in a clone of the repository, not in an npm package
 * @returns {string | undefined} `undefined` if the version is new enough
 */
export function describeUnsupportedNode(version, isClone = true) {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  if (major >= 26 || (major === 24 && minor >= 15)) return undefined;
  return (
    `awsiam needs Node.js 24.15 or later within 24.x, or 26 or later; this is ${version}. ` +
    `"${isClone ? 'npm ci' : 'npm install node@26'}" installs one with the other packages: ` +
    'start with npx or npm, or put node_modules/.bin first in PATH.'
  );
}

/**
 * Chooses the directory in which `.env` is. A relative `METRIST_RESULTS_DIR` is relative to it. In a clone of the repository it
 * is the directory of `vitest.config.ts`; for an installed package and for the executable it is the working directory.
 *
 * @param {string} projectDir the directory that this program is in
 * @param {string} workingDir
 */
export function chooseBaseDir(projectDir, workingDir) {
  const isInstalled = projectDir.split(path.sep).includes('node_modules');
  return !isInstalled && existsSync(path.join(projectDir, 'vitest.config.ts')) ? projectDir : workingDir;
}

/**
 * @param {Readonly<Record<string, string | undefined>>} values
 * @returns {string} `METRIST_RESULTS_DIR` as it is set, or an empty text
 */
export function resultsDirText(values) {
  return values['METRIST_RESULTS_DIR']?.trim() ?? '';
}

/**
 * Removes the JUnit report of an earlier run if this one writes none. Looks where the settings most likely put it.
 *
 * @param {string} baseDir see {@link chooseBaseDir}
 */
export function removeOldReport(baseDir) {
  const text = resultsDirText(process.env) || resultsDirText(readEnvFile(baseDir));
  removeReport(path.resolve(baseDir, text || 'results'));
}

/** @param {string} baseDir @returns {Readonly<Record<string, string | undefined>>} */
function readEnvFile(baseDir) {
  try {
    return util.parseEnv(readFileSync(path.join(baseDir, '.env'), 'utf8'));
  } catch {
    // The file does not exist, it cannot be read, or this Node.js cannot parse it.
    return {};
  }
}

/**
 * Removes the JUnit report of an earlier run: it would look like the report of this one.
 *
 * @param {string} resultsDir
 */
export function removeReport(resultsDir) {
  const file = path.join(resultsDir, 'junit.xml');
  try {
    rmSync(file, { force: true });
  } catch {
    try {
      // Programs that read the report fail on an empty file.
      truncateSync(file);
    } catch {
      // The report belongs to somebody else, or the disk is read-only.
    }
  }
}
