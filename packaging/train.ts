import { readFileSync, writeFileSync } from 'node:fs';
import { loadProgram } from './load-program.ts';

// Usage: node packaging/train.ts <program> <where to write the compiled code> <compiled code so far, or ''> [<argument> …]
const [, , programPath = '', resultPath = '', soFarPath = '', ...args] = process.argv;
const soFar = soFarPath === '' ? undefined : readFileSync(soFarPath);
const { main, isCacheRejected, compiledCode } = loadProgram(readFileSync(programPath, 'latin1'), soFar);
if (isCacheRejected) throw new Error('V8 rejected compiled code that the same Node made in another process');
// main() ends the process itself.
process.on('exit', () => writeFileSync(resultPath, compiledCode()));
await main(args, { self: [process.execPath] });
