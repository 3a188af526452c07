/**
 * Says that this version of Node.js is too old, in one line. Plain JavaScript, because it has to run on the versions that
 * it refuses. Keep it in step with `engines` in package.json.
 *
 * @param {string} version `process.version`: `v20.20.2`
 * @returns {string | undefined} nothing for a version that will do
 */
export function describeUnsupportedNode(version) {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  if (major >= 26 || (major === 24 && minor >= 15)) return undefined;
  return (
    `awsiam needs Node.js 24.15 or later of the 24 line, or 26 and later, and this is ${version}. ` +
    '"npm ci" installs one with the other packages: start with npx or npm, or put node_modules/.bin first in PATH.'
  );
}
