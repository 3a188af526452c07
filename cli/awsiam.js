#!/usr/bin/env node
// Plain JavaScript: an old Node.js cannot load the rest, but it can run this file and say which version is needed.
import path from 'node:path';
import { describeUnsupportedNode } from '../host/last-resort.js';

const problem = describeUnsupportedNode(process.version);
if (problem !== undefined) {
  process.stderr.write(`${problem}\n`);
  process.exit(1);
}
await import('../host/compile-cache.js');
const { chooseBaseDir } = await import('../host/results-dir.ts');
const { main } = await import('./main.ts');
await main(process.argv.slice(2), {
  self: [process.execPath, import.meta.filename],
  baseDir: chooseBaseDir(path.dirname(import.meta.dirname), process.cwd()),
});
