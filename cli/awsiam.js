#!/usr/bin/env node
// Plain JavaScript: an old Node.js cannot load the rest, but it can run this file and say which version is needed.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const args = process.argv.slice(2);
const isNagiosCheck = args[0] === 'status' && args.some((arg) => arg.startsWith('--nagios'));
const self = fileURLToPath(import.meta.url);
const projectDir = path.dirname(path.dirname(self));
// A clone has the sources, which Node runs as they are. An npm package has them compiled, in lib/.
const isClone = existsSync(path.join(projectDir, 'host/last-resort.js'));
const { chooseBaseDir, describeUnsupportedNode, removeOldReport } = await import(
  isClone ? '../host/last-resort.js' : '../lib/host/last-resort.js'
);
const baseDir = chooseBaseDir(projectDir, process.cwd());

const problem = describeUnsupportedNode(process.version, isClone);
if (problem !== undefined) fail(problem);
try {
  await import(isClone ? '../host/compile-cache.js' : '../lib/host/compile-cache.js');
  const { main } = await import(isClone ? './main.ts' : '../lib/cli/main.js');
  await main(args, { self: [process.execPath, self], baseDir, origin: isClone ? 'from source' : 'npm package' });
} catch (error) {
  // Something does not load, perhaps because npm is installing it.
  const [reason] = String(error?.message ?? error).split('\n', 1);
  fail(`awsiam cannot start: ${reason}. Install it again with "${isClone ? 'npm ci' : 'npm install'}".`);
}

/** Ends with the code for a failure. The code 1 would tell Nagios that IAM is degraded. */
function fail(reason) {
  if (isNagiosCheck) {
    process.stdout.write(`AWSIAM UNKNOWN - ${reason}\n`);
    process.exit(3);
  }
  // The report of an earlier run would look like the report of this one.
  if (args[0] === 'run') removeOldReport(baseDir);
  process.stderr.write(`${reason}\n`);
  process.exit(1);
}
