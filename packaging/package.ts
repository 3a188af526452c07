import path from 'node:path';
import { packageExecutable } from './package-executable.ts';

// npm run package
try {
  const { executable, zip } = await packageExecutable({ report: (line) => console.log(line) });
  console.log([executable, zip].map((file) => path.relative('', file)).join('\n'));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
