#!/usr/bin/env node
// Plain JavaScript: an old Node.js cannot load the rest, but it can run this file and say which version is needed.
import path from 'node:path';
import { chooseBaseDir, describeUnsupportedNode, removeOldReport } from '../host/last-resort.js';

const args = process.argv.slice(2);
const isNagiosCheck = args[0] === 'status' && args.some((arg) => arg.startsWith('--nagios'));
const baseDir = chooseBaseDir(path.dirname(import.meta.dirname), process.cwd());

const problem = describeUnsupportedNode(process.version);
if (problem !== undefined) fail(problem);
try {
  await import('../host/compile-cache.js');
  const { main } = await import('./main.ts');
  await main(args, { self: [process.execPath, import.meta.filename], baseDir });
} catch (error) {
  // Something does not load, perhaps because "npm ci" is running.
  const [reason] = String(error?.message ?? error).split('\n', 1);
  fail(`awsiam cannot start: ${reason}. Install it again with "npm ci".`);
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
