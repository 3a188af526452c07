import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import packageJson from '../package.json' with { type: 'json' };

const projectDir = path.dirname(import.meta.dirname);

/** What an npm package has in place of the sources, because Node strips no types below `node_modules`. Git ignores it. */
const libraryDir = path.join(projectDir, 'lib');

/** `npm pack` calls this before it packs. A clone needs none of it. */
async function buildLibrary(): Promise<void> {
  await rm(libraryDir, { recursive: true, force: true });
  const tsc = path.join(projectDir, 'node_modules/typescript/bin/tsc');
  const compiler = spawn(process.execPath, [tsc, '--project', 'tsconfig.build.json'], {
    cwd: projectDir,
    stdio: 'inherit',
  });
  const [code] = (await once(compiler, 'close')) as [number | null];
  if (code !== 0) throw new Error('the compiled package could not be made: correct the errors that tsc names above');
  const token = 'runner/vitest/placeholder-token';
  await cp(path.join(projectDir, token), path.join(libraryDir, token), { recursive: true });
  // Replaces the copy that tsc made because the sources import it. One `type` here does what one in each folder does there.
  const { name, version, description } = packageJson;
  const facts = { name, version, description, type: 'module' };
  await writeFile(path.join(libraryDir, 'package.json'), `${JSON.stringify(facts, undefined, 2)}\n`);
}

try {
  await buildLibrary();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
