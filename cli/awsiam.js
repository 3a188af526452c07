#!/usr/bin/env node
// Plain JavaScript: an old Node.js cannot load the rest, but it can run this file and say which version is needed.
import path from 'node:path';
import { describeUnsupportedNode } from '../host/last-resort.js';

const args = process.argv.slice(2);
const isNagiosCheck = args[0] === 'status' && args.some((arg) => arg.startsWith('--nagios'));

const problem = describeUnsupportedNode(process.version);
if (problem !== undefined) {
  if (isNagiosCheck) endCheck(problem);
  process.stderr.write(`${problem}\n`);
  process.exit(1);
}
await start().catch((error) => {
  // Something does not load, perhaps because "npm ci" is running. Node would exit with 1, which means that IAM is degraded.
  if (isNagiosCheck) endCheck(`awsiam cannot start: ${String(error.message).split('\n', 1)[0]}`);
  throw error;
});

async function start() {
  await import('../host/compile-cache.js');
  const { chooseBaseDir } = await import('../host/results-dir.ts');
  const { main } = await import('./main.ts');
  await main(args, {
    self: [process.execPath, import.meta.filename],
    baseDir: chooseBaseDir(path.dirname(import.meta.dirname), process.cwd()),
  });
}

/** Ends a check of Nagios with its code for UNKNOWN. */
function endCheck(reason) {
  process.stdout.write(`AWSIAM UNKNOWN - ${reason}\n`);
  process.exit(3);
}
